"""The readable resources of one patient -> facts, resource by resource.

One broken resource costs itself and nothing else: it is counted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final, TypeVar

from fhir_mappings import chart_codes, chart_treatments, chart_values
from fhir_mappings.chart_answers import (
    answered_flag,
    answered_treatment,
    smoking_status,
    smoking_words,
)
from fhir_mappings.chart_conditions import flagged
from fhir_mappings.chart_questionnaires import odi_score
from fhir_mappings.chart_values import (
    BMI,
    HEIGHT,
    WEIGHT,
    ValueKind,
    body_mass_index,
    has_code,
    observed,
)
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import moment
from fhir_mappings.errors import UnusableValueError
from fhir_mappings.site_codes import SiteCodes
from inference.results import (
    BACK_PAIN,
    ChartCondition,
    ClinicalValue,
    Flag,
    OutdatedValue,
    SmokingStatus,
    Treatment,
    TreatmentKind,
)

T = TypeVar("T")
#: A value, its kind, and when it was observed, to sort by.
_Dated = tuple[datetime, ValueKind, ClinicalValue]
_ODI: Final = next(kind for kind in chart_values.KINDS if kind.field == "odi_percent")
#: Whose onset tells how long the back, or the leg, has hurt.
_ONSETS: Final = {
    "back_pain_weeks": BACK_PAIN,
    "leg_pain_weeks": frozenset({Flag.RADICULOPATHY, Flag.CLAUDICATION}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the readable resources say.

    Attributes:
        values: The newest value of each field that is not too old.
        outdated: Values that are too old, newest first.
        conditions: Flags that are true.
        ruled_out: Flags that a clinician denied at an earlier launch.
        treatments: What was tried or ordered, newest first.
        untried: Treatments that a clinician denied at an earlier launch.
        smoking: What the newest clear answer about tobacco means.
        smoking_words: The words of the newest answer.
        unusable: How many resources could not be used.

    """

    values: Mapping[str, ClinicalValue]
    outdated: tuple[OutdatedValue, ...]
    conditions: tuple[ChartCondition, ...]
    ruled_out: tuple[Flag, ...]
    treatments: tuple[Treatment, ...]
    untried: tuple[TreatmentKind, ...]
    smoking: SmokingStatus | None
    smoking_words: str | None
    unusable: int


def read_facts(resources: Sequence[Resource], *, today: date, site: SiteCodes) -> Facts:
    """Read what the resources of one patient say.

    Args:
        resources: Readable resources, each once.
        today: The day of the analysis.
        site: What the site's own codes mean.

    """
    observations = sorted(
        (r for r in _of(resources, "Observation") if chart_values.is_usable(r)),
        key=_moment,
    )
    acts = _of(resources, *chart_treatments.ELEMENTS)
    broken: set[tuple[str, str]] = set()
    every = partial(_every, broken=broken)
    dated = [
        *every(observations, partial(_numbers, today=today, site=site)),
        *every(
            _of(resources, "QuestionnaireResponse"),
            partial(_scores, today=today, site=site),
        ),
    ]
    answered = (answered_treatment(o, today=today) for o in observations)
    typed = {item.kind: item for item in filter(None, answered)}.values()
    tried = [
        *every(acts, partial(chart_treatments.treatments_of, today=today, site=site)),
        *(item for item in typed if item.weeks),
    ]
    charted = [
        *every(_of(resources, "Condition"), partial(flagged, today=today, site=site)),
        *every(acts, partial(chart_treatments.flags_of, today=today, site=site)),
    ]
    conditions, ruled_out = _with_answers(charted, observations, today)
    values, outdated = _newest(dated, today)
    tobacco = [o for o in observations if has_code(o, chart_codes.SMOKING)]
    statuses = filter(None, (smoking_status(o, today=today) for o in tobacco[::-1]))
    words = filter(None, (smoking_words(o, today=today) for o in tobacco[::-1]))
    return Facts(
        values=_with_durations(_with_bmi(values), conditions),
        outdated=outdated,
        conditions=conditions,
        ruled_out=ruled_out,
        treatments=tuple(sorted(tried, key=_started, reverse=True)),
        untried=_untried(typed, tried),
        smoking=next(statuses, None),
        smoking_words=next(words, None),
        unusable=len(broken),
    )


def _of(resources: Sequence[Resource], *types: str) -> list[Resource]:
    return [item for item in resources if item["resourceType"] in types]


def _every(
    resources: Sequence[Resource],
    read: Callable[[Resource], Iterable[T]],
    *,
    broken: set[tuple[str, str]],
) -> list[T]:
    """Read each resource; the ones that cannot be used are noted."""
    found: list[T] = []
    for resource in resources:
        try:
            found += read(resource)
        except UnusableValueError:
            broken.add((resource["resourceType"], resource["id"]))
    return found


def _numbers(
    observation: Resource, *, today: date, site: SiteCodes
) -> Iterator[_Dated]:
    for kind in chart_values.kinds_of(observation, site):
        value = chart_values.clinical_value(observation, kind, today=today)
        if value:
            yield _moment(observation), kind, value


def _scores(response: Resource, *, today: date, site: SiteCodes) -> Iterator[_Dated]:
    value = odi_score(response, today=today, site=site)
    if value:
        yield moment(response.get("authored", "")), _ODI, value


def _newest(
    dated: Sequence[_Dated], today: date
) -> tuple[dict[str, ClinicalValue], tuple[OutdatedValue, ...]]:
    """Return the newest value of each field, and those that are too old to be used."""
    values: dict[str, ClinicalValue] = {}
    outdated: dict[str, OutdatedValue] = {}
    for _, kind, value in sorted(dated, key=lambda item: item[0]):
        if kind.is_outdated(value, today=today):
            days = kind.limit_days or 0
            old = OutdatedValue(field=kind.field, value=value, limit_days=days)
            outdated[kind.field] = old
        else:
            values[kind.field] = value
    shown = [old for name, old in outdated.items() if name not in values]
    return values, tuple(old for old in shown if old.field != WEIGHT.field)[::-1]


def _with_bmi(values: Mapping[str, ClinicalValue]) -> dict[str, ClinicalValue]:
    height, weight = values.get(HEIGHT.field), values.get(WEIGHT.field)
    if BMI.field in values or not (height and weight):
        return {**values}
    index = body_mass_index(height, weight)
    return {**values, **({BMI.field: index} if index else {})}


def _with_durations(
    values: Mapping[str, ClinicalValue], conditions: Sequence[ChartCondition]
) -> dict[str, ClinicalValue]:
    """Add how long back and leg have hurt, by the earliest onset that is charted."""
    found = {**values}
    for name, flags in _ONSETS.items():
        lasting = [
            (item.duration_weeks, item)
            for item in conditions
            if item.flag in flags and item.duration_weeks is not None
        ]
        if name not in values and lasting:
            weeks, longest = max(lasting, key=lambda pair: pair[0])
            found[name] = ClinicalValue(
                value=weeks,
                recorded_on=longest.recorded_on,
                source=longest.source,
                method="from the onset that the chart records",
            )
    return found


def _with_answers(
    charted: Sequence[ChartCondition], observations: Sequence[Resource], today: date
) -> tuple[tuple[ChartCondition, ...], tuple[Flag, ...]]:
    """Add earlier answers of clinicians to what the chart records, newest first."""
    known = {item.flag for item in charted}
    found = filter(None, (answered_flag(o, today=today) for o in observations))
    newest = {item.flag: (item, is_true) for item, is_true in found}
    new = [pair for flag, pair in newest.items() if flag not in known]
    added = tuple(item for item, is_true in new if is_true)
    return (*charted, *added), tuple(item.flag for item, is_true in new if not is_true)


def _untried(
    typed: Iterable[Treatment], tried: Sequence[Treatment]
) -> tuple[TreatmentKind, ...]:
    known = {item.kind for item in tried}
    return tuple(x.kind for x in typed if not x.weeks and x.kind not in known)


def _moment(observation: Resource) -> datetime:
    return moment(observed(observation))


def _started(treatment: Treatment) -> date:
    return treatment.started_on or date.min
