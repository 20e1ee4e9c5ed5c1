"""What to ask a chart, and its answers -> ``ClinicalFeatures``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from fhir_mappings import chart_conditions, chart_values, codes
from fhir_mappings.chart_conditions import chart_condition
from fhir_mappings.chart_values import (
    ValueKind,
    clinical_value,
    has_code,
    is_usable,
    observed,
    words,
)
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import age_years, full_day, moment
from fhir_mappings.errors import UnreadablePatientError, UnusableValueError
from fhir_mappings.models import readable
from fhir_mappings.references import is_about
from inference.results import ClinicalFeatures, ClinicalValue, Identity

_ELEMENTS: Final = {
    "Condition": chart_conditions.ELEMENTS,
    "Observation": chart_values.ELEMENTS,
}
_PATIENT_ELEMENTS: Final = frozenset(
    {"id", "identifier", "name", "birthDate", "gender"}
)
_SEXES: Final = frozenset({"male", "female", "other"})
#: How names are chosen; old and nicknames say nothing about who it is today.
_NAME_USES: Final = ("official", "usual", None, "temp")
_PAGE: Final = "100"


@dataclass(frozen=True, slots=True)
class Search:
    """One FHIR search.

    Attributes:
        resource_type: Type that is searched for.
        params: Search parameters, one value each.

    """

    resource_type: str
    params: dict[str, str]


def searches(patient_id: str) -> tuple[Search, ...]:
    """Return the searches for all that is read of a chart beside the Patient."""
    tokens = ",".join(f"{codes.LOINC}|{code}" for code in chart_values.ALL_CODES)
    patient = {"patient": patient_id, "_count": _PAGE}
    return (
        Search("Condition", patient),
        Search("Observation", patient | {"code": tokens}),
        Search("ImagingStudy", patient),
    )


def identity(patient: Resource) -> Identity:
    """Return who the chart says that the patient is.

    Raises:
        UnreadablePatientError: It is no valid Patient.

    """
    known = _patient(patient)
    name = best_name(known)
    gender = known.get("gender")
    return Identity(
        identifiers=frozenset(
            item["value"]
            for item in known.get("identifier", [])
            if item.get("value") and item.get("use") != "old"
        ),
        family=name.get("family"),
        given=next(iter(name.get("given", [])), None),
        birth_date=full_day(known.get("birthDate")),
        sex=gender if gender in _SEXES else None,
    )


def clinical_features(
    patient: Resource,
    resources: Sequence[Resource],
    *,
    today: date,
    unreadable: int = 0,
    is_complete: bool = True,
) -> ClinicalFeatures:
    """Return what the chart says about the patient.

    What is entered in error, refuted, over, or not final says nothing. What is broken,
    of another patient, out of range, in another unit or from the future is not used
    and is counted. Of several usable values the newest is taken.

    Args:
        patient: The Patient.
        resources: Conditions and Observations; other types are passed over.
        today: The day of the analysis.
        unreadable: How many resources the caller could not read.
        is_complete: False when the server sent only a part.

    Raises:
        UnreadablePatientError: It is no valid Patient.

    """
    known = _patient(patient)
    asked = [item for item in resources if item.get("resourceType") in _ELEMENTS]
    own = [
        item for item in map(_readable, asked) if item and is_about(item, known["id"])
    ]
    observations = [item for item in own if item["resourceType"] == "Observation"]
    conditions = [item for item in own if item["resourceType"] == "Condition"]
    values, broken = _values(observations, today)
    return ClinicalFeatures(
        age_years=_age_years(known, today),
        sex=identity(patient).sex,
        pain_nrs=values.get(chart_values.PAIN_NRS),
        odi_percent=values.get(chart_values.ODI),
        bmi_kg_m2=values.get(chart_values.BMI),
        egfr_ml_min=values.get(chart_values.EGFR),
        smoking_status=_smoking_status(observations, today),
        conditions=tuple(
            flagged
            for item in conditions
            if (flagged := chart_condition(item, today=today))
        ),
        unreadable=unreadable + len(asked) - len(own) + broken,
        is_complete=is_complete,
    )


def _patient(patient: Resource) -> Resource:
    is_patient = patient.get("resourceType") == "Patient"
    known = readable(patient, _PATIENT_ELEMENTS) if is_patient else None
    if not known or "id" not in known:
        raise UnreadablePatientError("not a valid Patient with an id")
    return known


def _readable(resource: Resource) -> Resource | None:
    known = readable(resource, _ELEMENTS[resource["resourceType"]])
    return known if known and "id" in known else None


def best_name(person: Mapping[str, Any]) -> Resource:
    """Return the HumanName that a Patient or Practitioner goes by, or ``{}``."""
    names = [n for n in person.get("name") or () if n.get("use") in _NAME_USES]
    return min(names, key=lambda name: _NAME_USES.index(name.get("use")), default={})


def _age_years(patient: Resource, today: date) -> int | None:
    born = patient.get("birthDate")
    return age_years(born, today=today) if born else None


def _values(
    observations: Sequence[Resource], today: date
) -> tuple[dict[ValueKind, ClinicalValue], int]:
    """Return the newest usable value of each kind, and how many were unusable."""
    newest: dict[ValueKind, ClinicalValue] = {}
    unusable = 0
    for observation in sorted(observations, key=_moment):
        for kind in chart_values.KINDS:
            if not (is_usable(observation) and has_code(observation, kind.codes)):
                continue
            try:
                value = clinical_value(observation, kind, today=today)
            except UnusableValueError:
                unusable += 1
            else:
                newest |= {kind: value} if value else {}
    return newest, unusable


def _smoking_status(observations: Sequence[Resource], today: date) -> str | None:
    answers = [
        words(observation, today=today)
        for observation in sorted(observations, key=_moment)
        if is_usable(observation) and has_code(observation, codes.SMOKING)
    ]
    return next(filter(None, reversed(answers)), None)


def _moment(observation: Resource) -> datetime:
    return moment(observed(observation))
