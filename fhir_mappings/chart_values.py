"""Observation resources -> numbers of known unit and range, with their origin."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from fhir_mappings import codes
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import first_day, is_future
from fhir_mappings.errors import UnusableValueError
from inference.results import ClinicalValue

ELEMENTS: Final = frozenset(
    {
        *("id", "status", "code", "subject", "issued", "dataAbsentReason"),
        *("effectiveDateTime", "effectiveInstant", "effectivePeriod"),
        *("valueQuantity", "valueInteger", "valueCodeableConcept", "valueString"),
    }
)

# https://hl7.org/fhir/R4/valueset-observation-status.html
_USABLE = frozenset({"final", "amended", "corrected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueKind:
    """One kind of number that is read.

    Attributes:
        codes: LOINC codes that mean it.
        units: UCUM codes that it may come in; all mean the same number.
        lowest: Smallest possible value.
        highest: Largest possible value.

    """

    codes: tuple[str, ...]
    units: frozenset[str]
    lowest: float
    highest: float


#: A score without a unit (valueInteger) is read where ``"{score}"`` is.
_SCORE = "{score}"

PAIN_NRS: Final = ValueKind(
    codes=codes.PAIN_NRS, units=frozenset({_SCORE, "1"}), lowest=0, highest=10
)
# The index is a percentage by its definition: points reached over points possible.
ODI: Final = ValueKind(
    codes=codes.ODI, units=frozenset({_SCORE, "%"}), lowest=0, highest=100
)
# Our choice of limits: outside of 5 to 150 kg/m2 it is an error of unit or typing.
BMI: Final = ValueKind(
    codes=codes.BMI, units=frozenset({"kg/m2"}), lowest=5, highest=150
)
# In UCUM an annotation in braces has no meaning, so both are one unit; the LOINC codes
# say "per 1.73 m2". Our choice of limit: above 300 it is an error.
EGFR: Final = ValueKind(
    codes=codes.EGFR,
    units=frozenset({"mL/min/{1.73_m2}", "mL/min"}),
    lowest=0,
    highest=300,
)
KINDS: Final = (PAIN_NRS, ODI, BMI, EGFR)
ALL_CODES: Final = tuple(code for kind in KINDS for code in kind.codes) + codes.SMOKING


def is_usable(observation: Resource) -> bool:
    """Tell whether the status says that the result stands."""
    return observation["status"] in _USABLE


def has_code(observation: Resource, wanted: tuple[str, ...]) -> bool:
    """Tell whether an Observation has one of these LOINC codes."""
    return any(
        coding.get("system") == codes.LOINC and coding.get("code") in wanted
        for coding in observation["code"].get("coding", [])
    )


def observed(observation: Resource) -> str:
    """Return the FHIR time of an Observation as written, empty where there is none."""
    period = observation.get("effectivePeriod", {})
    candidates = [
        observation.get("effectiveDateTime"),
        observation.get("effectiveInstant"),
        period.get("end") or period.get("start"),
        observation.get("issued"),
    ]
    return next(filter(None, candidates), "")


def clinical_value(
    observation: Resource, kind: ValueKind, *, today: date
) -> ClinicalValue | None:
    """Return the number of an Observation, ``None`` where it says that there is none.

    Raises:
        UnusableValueError: Wrong or missing unit, not a number, out of range, or from
            the future.

    """
    if "dataAbsentReason" in observation:
        return None
    when = observed(observation)
    if when and is_future(when, today=today):
        raise UnusableValueError("dated after today")
    value = _number(observation, kind)
    if not kind.lowest <= value <= kind.highest:
        raise UnusableValueError(f"{value} is not {kind.lowest} to {kind.highest}")
    return ClinicalValue(
        value=value,
        recorded_on=first_day(when) if when else None,
        source=f"Observation/{observation['id']}",
    )


def words(observation: Resource, *, today: date) -> str | None:
    """Return the words of an answer, ``None`` where it gives none of today or before.

    Args:
        observation: One whose value is a concept or a string.
        today: The day of the analysis.

    """
    when = observed(observation)
    if when and is_future(when, today=today):
        return None
    concept = observation.get("valueCodeableConcept", {})
    displays = [coding.get("display") for coding in concept.get("coding", [])]
    candidates = [concept.get("text"), *displays, observation.get("valueString")]
    return next(filter(None, candidates), None)


def _number(observation: Resource, kind: ValueKind) -> float:
    if "valueInteger" in observation and _SCORE in kind.units:
        return float(observation["valueInteger"])
    quantity = observation.get("valueQuantity", {})
    if "comparator" in quantity or "value" not in quantity:
        raise UnusableValueError("no exact number")
    if quantity.get("system") != codes.UCUM or quantity.get("code") not in kind.units:
        raise UnusableValueError("unit is missing or not one that is known here")
    return float(quantity["value"])
