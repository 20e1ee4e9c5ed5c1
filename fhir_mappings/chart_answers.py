"""What clinicians typed in at earlier launches, read back from the chart.

Numbers are read with all others (``chart_values``); here are the yes and no, and the
treatments. The words of the answer to a question about tobacco are here as well.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final, TypeVar

from fhir_mappings import answer_codes
from fhir_mappings.chart_codes import SMOKING_ANSWERS, Code
from fhir_mappings.chart_values import REPORTED_DAYS, observed
from fhir_mappings.concepts import codes_of, words_of
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import is_future, past_day
from inference.results import (
    ChartCondition,
    Flag,
    SmokingStatus,
    Treatment,
    TreatmentKind,
)

T = TypeVar("T", Flag, TreatmentKind)
#: What stays true: the others are asked again after ``REPORTED_DAYS`` (our choice).
_LASTING: Final = frozenset({Flag.SPINE_SURGERY, Flag.HIGHER_EDUCATION})


def answered_flag(
    observation: Resource, *, today: date
) -> tuple[ChartCondition, bool] | None:
    """Return a flag and whether it is true, ``None`` where nothing is said today."""
    flag = _first(observation, answer_codes.FLAGS)
    if flag is None or "valueBoolean" not in observation:
        return None
    is_true: bool = observation["valueBoolean"]
    day = past_day(observed(observation), today=today)
    is_lasting = is_true and flag in _LASTING
    if day is None or not (is_lasting or (today - day).days <= REPORTED_DAYS):
        return None
    found = ChartCondition(
        flag=flag,
        label=flag.value.capitalize(),
        source=f"Observation/{observation['id']}",
        recorded_on=day,
    )
    return found, is_true


def answered_treatment(observation: Resource, *, today: date) -> Treatment | None:
    """Return for how long a treatment was tried, ``None`` where that is not said."""
    kind = _first(observation, answer_codes.TREATMENTS)
    value = observation.get("valueQuantity", {})
    day = past_day(observed(observation), today=today)
    is_weeks = value.get("code") == "wk" and "value" in value
    if kind is None or day is None or not is_weeks:
        return None
    if (today - day).days > REPORTED_DAYS:
        return None
    return Treatment(
        kind=kind,
        label=kind.value,
        source=f"Observation/{observation['id']}",
        weeks=int(value["value"]),
    )


def smoking_status(observation: Resource, *, today: date) -> SmokingStatus | None:
    """Return what an answer about tobacco means, ``None`` where that is not known."""
    day = past_day(observed(observation), today=today)
    answers = list(codes_of(observation.get("valueCodeableConcept", {})))
    known = [SMOKING_ANSWERS[code] for code in answers if code in SMOKING_ANSWERS]
    if not known or (observed(observation) and day is None):
        return None
    return SmokingStatus(
        status=known[0], source=f"Observation/{observation['id']}", recorded_on=day
    )


def smoking_words(observation: Resource, *, today: date) -> str | None:
    """Return the words of an answer, ``None`` where it gives none up to today."""
    when = observed(observation)
    if when and is_future(when, today=today):
        return None
    words = words_of(observation.get("valueCodeableConcept", {}))
    return words or observation.get("valueString") or None


def _first(observation: Resource, table: Mapping[Code, T]) -> T | None:
    known = [table[code] for code in codes_of(observation["code"]) if code in table]
    return known[0] if known else None
