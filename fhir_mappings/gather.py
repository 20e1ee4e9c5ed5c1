"""What to ask a chart, and its answers -> ``ClinicalFeatures``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from fhir_mappings import (
    answer_codes,
    chart_codes,
    chart_conditions,
    chart_questionnaires,
    chart_treatments,
    chart_values,
)
from fhir_mappings.chart_facts import Facts, read_facts
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import age_years, full_day
from fhir_mappings.errors import UnreadablePatientError
from fhir_mappings.models import readable
from fhir_mappings.references import is_about
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCodes
from inference.results import ClinicalFeatures, Identity

_ELEMENTS: Final = {
    "Condition": chart_conditions.ELEMENTS,
    "Observation": chart_values.ELEMENTS,
    "QuestionnaireResponse": chart_questionnaires.ELEMENTS,
    **chart_treatments.ELEMENTS,
}
#: Types whose absence leaves facts unknown; an EHR may refuse them.
OPTIONAL_TYPES: Final = (
    *("Procedure", "MedicationRequest", "MedicationStatement", "ServiceRequest"),
    "QuestionnaireResponse",
)
_PATIENT_ELEMENTS: Final = frozenset(
    {"id", "identifier", "name", "birthDate", "gender"}
)
_SEXES: Final = frozenset({"male", "female", "other"})
#: How names are chosen; old and nicknames say nothing about who it is today.
_NAME_USES: Final = ("official", "usual", None, "temp")
_PAGE: Final = "100"
#: Where the Observations are that are read, by the categories of R4 and US Core.
_CATEGORIES: Final = {
    "category": "vital-signs,laboratory,survey,social-history,exam,therapy"
}
#: Our choice: keeps URLs below 2,000 characters.
_TOKENS_PER_SEARCH: Final = 25


@dataclass(frozen=True, slots=True)
class Search:
    """One FHIR search.

    Attributes:
        resource_type: Type that is searched for.
        params: Search parameters, one value each.
        otherwise: Parameters that bring as much or more, for servers that do not
            understand the ones before; what is not asked for is passed over.

    """

    resource_type: str
    params: dict[str, str]
    otherwise: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """What the searches did not bring.

    Attributes:
        unreadable: How many resources the caller could not read.
        partial_types: Types of which the server sent only a part.
        unread_types: Types that the server did not let be read.

    """

    unreadable: int = 0
    partial_types: tuple[str, ...] = ()
    unread_types: tuple[str, ...] = ()


NO_GAPS: Final = Gaps()


def searches(patient_id: str, site: SiteCodes = NO_SITE_CODES) -> tuple[Search, ...]:
    """Return the searches for all that is read of a chart beside the Patient.

    Args:
        patient_id: Id of the Patient.
        site: What the site's own codes mean.

    """
    patient = {"patient": patient_id}
    paged = patient | {"_count": _PAGE}
    return (
        Search("Condition", paged, (patient,)),
        *(
            Search(
                "Observation",
                paged | {"code": codes},
                (patient | {"code": codes}, patient | _CATEGORIES, patient),
            )
            for codes in _tokens(site)
        ),
        Search("ImagingStudy", paged, (patient,)),
        *(Search(name, paged, (patient,)) for name in OPTIONAL_TYPES),
    )


def _tokens(site: SiteCodes) -> Iterator[str]:
    """Yield the codes of all Observations that are read, some in each search."""
    shared = [code for kind in chart_values.KINDS for code in kind.codes]
    ours = [*answer_codes.FLAGS, *answer_codes.TREATMENTS]
    codes = list(dict.fromkeys([*shared, *chart_codes.SMOKING, *site.values, *ours]))
    for start in range(0, len(codes), _TOKENS_PER_SEARCH):
        some = codes[start : start + _TOKENS_PER_SEARCH]
        yield ",".join(f"{system}|{code}" for system, code in some)


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
    site: SiteCodes = NO_SITE_CODES,
    gaps: Gaps = NO_GAPS,
) -> ClinicalFeatures:
    """Return what the chart says about the patient.

    What is entered in error, refuted, over, or not final says nothing. What is broken,
    of another patient, out of range, in another unit or from the future is not used
    and is counted. Of several usable values the newest is taken.

    Args:
        patient: The Patient.
        resources: What the searches brought; other types are passed over.
        today: The day of the analysis.
        site: What the site's own codes mean.
        gaps: What the searches did not bring.

    Raises:
        UnreadablePatientError: It is no valid Patient.

    """
    known = _patient(patient)
    asked = [item for item in resources if item.get("resourceType") in _ELEMENTS]
    own = [
        item for item in map(_readable, asked) if item and is_about(item, known["id"])
    ]
    facts = read_facts(_once(own), today=today, site=site)
    return ClinicalFeatures(
        age_years=_age_years(known, today),
        sex=identity(patient).sex,
        conditions=facts.conditions,
        treatments=facts.treatments,
        untried=facts.untried,
        ruled_out=facts.ruled_out,
        smoking=facts.smoking,
        smoking_status=facts.smoking_words,
        outdated=facts.outdated,
        unreadable=gaps.unreadable + len(asked) - len(own) + facts.unusable,
        is_complete=not gaps.partial_types,
        partial_types=gaps.partial_types,
        unread_types=gaps.unread_types,
        **_values(facts),
    )


def _values(facts: Facts) -> dict[str, Any]:
    """Return all numbers by the name of their field, those that are not known too."""
    fields = [kind.field for kind in chart_values.KINDS if kind != chart_values.WEIGHT]
    return {field: facts.values.get(field) for field in fields}


def _once(resources: Sequence[Resource]) -> list[Resource]:
    """Return each resource once: two searches may bring the same one."""
    return list({(r["resourceType"], r["id"]): r for r in resources}.values())


def _patient(patient: Resource) -> Resource:
    is_patient = patient.get("resourceType") == "Patient"
    known = readable(patient, _PATIENT_ELEMENTS) if is_patient else None
    if not known or "id" not in known:
        raise UnreadablePatientError("not a valid Patient with an id")
    links = [link for link in patient.get("link") or () if isinstance(link, dict)]
    # https://hl7.org/fhir/R4/valueset-link-type.html: a merged record
    if any(link.get("type") == "replaced-by" for link in links):
        raise UnreadablePatientError("the Patient was replaced by another one")
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
