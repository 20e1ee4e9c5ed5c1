"""Charts of a bulk export -> rows of the table that a site retrains its model on.

One row per patient and option: the first order (ServiceRequest) or Procedure with a
code that the site says carries out the option. The chart is read as of that day: what
is dated later, or not at all, is not known yet, so that no answer looks ahead. The
geometry is what this application wrote. Children get no row.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from fhir_mappings import chart_treatments, codes
from fhir_mappings.chart_values import ELEMENTS, is_usable, observed
from fhir_mappings.concepts import codes_of
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import first_day, full_day, is_time
from fhir_mappings.gather import clinical_features
from fhir_mappings.measures import LEVEL_MEASURES
from fhir_mappings.models import readable
from fhir_mappings.site_codes import SiteCodes
from inference.cohort.inputs import INPUTS
from inference.errors import MIN_AGE_YEARS
from inference.results import Level, LevelMeasurement, Option
from inference.treatment.inputs import CHOSEN, inputs_of

Row = dict[str, str]

#: What carries out a decision, with the element that says when.
_ACTS: Final = ("ServiceRequest", "Procedure")
#: What may say when a resource came to be known, the first that is there.
_DATES: Final = (
    *("recordedDate", "onsetDateTime", "onsetPeriod", "authoredOn", "authored"),
    *("performedDateTime", "performedPeriod", "effectiveDateTime"),
    *("effectiveInstant", "effectivePeriod", "issued"),
)
_FIELDS: Final = {
    measure.code: measure.field
    for measure in LEVEL_MEASURES
    if measure.field in {"disc_height_index_ratio", "canal_diameter_mm"}
}
_GRADES: Final = {item["code"]: grade for grade, item in codes.PFIRRMANN_GRADES.items()}
_LEVELS: Final = {
    place["code"]: level
    for places in (codes.DISCS, codes.DISC_LEVELS)
    for level, place in places.items()
}


def treatment_rows(
    patient: Resource, resources: Sequence[Resource], *, site: SiteCodes
) -> Iterator[Row]:
    """Yield the rows of one patient, without the patient's name or identifier.

    Args:
        patient: The Patient.
        resources: All other resources of this patient.
        site: What the site's own codes mean, with its ``options``.

    Raises:
        UnreadablePatientError: It is no valid Patient.

    """
    for option, day in sorted(_decisions(resources, site), key=lambda item: item[1]):
        known = [item for item in resources if _is_known(item, day)]
        features = clinical_features(patient, known, today=day, site=site)
        if features.age_years is not None and features.age_years < MIN_AGE_YEARS:
            continue
        levels, grades = _geometry(known)
        inputs = inputs_of(features, levels, grades)
        yield {CHOSEN: option.value, **{n: _cell(inputs[n]) for n in INPUTS}}


def _decisions(
    resources: Sequence[Resource], site: SiteCodes
) -> list[tuple[Option, date]]:
    """Return the day of the first decision for each option."""
    first: dict[Option, date] = {}
    for resource in resources:
        if resource.get("resourceType") not in _ACTS:
            continue
        act = readable(resource, chart_treatments.ELEMENTS[resource["resourceType"]])
        if act is None or not chart_treatments.is_real(act):
            continue
        period = act.get("performedPeriod", {})
        when = act.get("authoredOn") or act.get("performedDateTime")
        day = full_day(when or period.get("start"))
        for code in codes_of(act.get("code", {})):
            if day and (option := site.options.get(code)):
                first[option] = min(day, first.get(option, day))
    return [*first.items()]


def _is_known(resource: Resource, day: date) -> bool:
    """Tell whether something surely stood in the chart on a day, before it ended."""
    when = next(_dates(resource), None)
    return when is not None and is_time(when) and first_day(when) <= day


def _dates(resource: Resource) -> Iterator[str]:
    for name in _DATES:
        value = resource.get(name)
        if isinstance(value, dict):
            value = value.get("end") or value.get("start")
        if isinstance(value, str):
            yield value


def _geometry(
    resources: Sequence[Resource],
) -> tuple[list[LevelMeasurement], list[int]]:
    """Return what this application measured and graded, the newest of each level."""
    values: dict[Level, dict[str, float]] = {}
    grades: dict[Level, int] = {}
    found = (
        readable(item, ELEMENTS)
        for item in resources
        if item.get("resourceType") == "Observation"
    )
    usable = [item for item in found if item and is_usable(item)]
    for item in sorted(usable, key=observed):
        own = {c for system, c in codes_of(item["code"]) if system == codes.CODE_SYSTEM}
        places = {_LEVELS.get(c) for _, c in codes_of(item.get("bodySite", {}))}
        graded = {c for _, c in codes_of(item.get("valueCodeableConcept", {}))}
        value = item.get("valueQuantity", {}).get("value")
        for level in filter(None, places):
            for code in graded & _GRADES.keys():
                grades[level] = _GRADES[code]
            for code in own & _FIELDS.keys():
                if value is not None:
                    values.setdefault(level, {})[_FIELDS[code]] = float(value)
    levels = [_level(level, known) for level, known in values.items()]
    return levels, [*grades.values()]


def _level(level: Level, known: dict[str, float]) -> LevelMeasurement:
    return LevelMeasurement(
        level=level,
        disc_height_mm=None,
        disc_width_mm=None,
        disc_volume_mm3=None,
        disc_height_index_ratio=known.get("disc_height_index_ratio"),
        disc_signal_ratio=None,
        canal_diameter_mm=known.get("canal_diameter_mm"),
    )


def _cell(value: float) -> str:
    return "" if value != value else f"{value:g}"  # noqa: PLR0124 - not a number
