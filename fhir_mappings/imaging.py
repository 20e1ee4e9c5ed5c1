"""ImagingStudy resources -> the one lumbar MRI to analyze, and where its images are.

https://hl7.org/fhir/R4/imagingstudy.html, https://hl7.org/fhir/R4/endpoint.html, and
SMART Imaging Access 0.1.0 (http://fhir.org/argonaut/smart-imaging).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from fhir_mappings.codes import DICOM_UID, LUMBAR_MRI, LUMBAR_SPINE, MR
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import first_day, moment
from fhir_mappings.endpoints import WadoEndpoint, endpoint_references, endpoints
from fhir_mappings.errors import NoImagingStudyError
from fhir_mappings.models import readable
from fhir_mappings.references import is_about, local

_ELEMENTS: Final = frozenset(
    {
        *("id", "identifier", "status", "subject", "started", "modality"),
        *("procedureCode", "description", "series"),
    }
)
# English and German; \b keeps "cervical spine" (an l before spine) out.
_LUMBAR_WORDS: Final = re.compile(
    r"lumb|\bl[-\s]?spine|\bl[-/]?s[-/\s]?spine|\blws\b", re.IGNORECASE
)
_ACCESSION: Final = "ACSN"  # HL7 v2 table 0203
_UID: Final = re.compile(r"(?:urn:oid:)?([0-9.]{1,64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagingStudyRef:
    """A study that can be fetched.

    Attributes:
        reference: Such as ``"ImagingStudy/12"``; ``"urn:oid:1.2.3"`` where the study is
            in no chart.
        study_uid: StudyInstanceUID, ``None`` where only the accession is known.
        started: Day of the study, ``None`` when the chart does not say.
        accession: Accession number, ``None`` when the chart does not say.
        endpoints: Where its images are, as far as the resource itself says it.
        endpoint_references: Endpoints that say it, such as ``"Endpoint/1"``.

    """

    reference: str
    study_uid: str | None
    started: date | None
    accession: str | None = None
    endpoints: tuple[WadoEndpoint, ...] = ()
    endpoint_references: tuple[str, ...] = ()


def newest_lumbar_mri(
    studies: Sequence[Resource],
    *,
    patient_id: str,
    preferred: str | None = None,
    included: Sequence[Resource] = (),
) -> ImagingStudyRef:
    """Return the study to analyze.

    Args:
        studies: ImagingStudy resources; other types are passed over.
        patient_id: Whose studies they must be.
        preferred: Reference to the study that the EHR has open (SMART fhirContext).
            It is taken or refused, never exchanged for another one in silence; it may
            lack every word on what it shows, because a person chose it.
        included: Endpoints that came with the studies.

    Raises:
        NoImagingStudyError: None can be used, or not the preferred one.

    """
    known = [(study, item) for item in studies if (study := _readable(item))]
    found = [
        (_with_endpoints(ref, item, included), study)
        for study, item in known
        if (ref := _ref(study, patient_id))
    ]
    if preferred is None:
        usable = [(ref, item) for ref, item in found if _is_lumbar(item)]
    else:
        opened = [pair for pair in found if pair[0].reference == local(preferred)]
        usable = [
            (ref, item)
            for ref, item in opened
            if _is_lumbar(item) or not any(_says(item))
        ]
    if not usable:
        raise NoImagingStudyError(f"none of {len(studies)} studies can be used")
    return max(usable, key=lambda pair: moment(pair[1].get("started", "")))[0]


def _readable(resource: Resource) -> Resource | None:
    is_study = resource.get("resourceType") == "ImagingStudy"
    return readable(resource, _ELEMENTS) if is_study else None


def _with_endpoints(
    ref: ImagingStudyRef, study: Resource, included: Sequence[Resource]
) -> ImagingStudyRef:
    return replace(
        ref,
        endpoints=endpoints(study, included),
        endpoint_references=endpoint_references(study),
    )


def _ref(study: Resource, patient_id: str) -> ImagingStudyRef | None:
    """Return how to fetch a study, ``None`` if it is not this patient's usable MRI."""
    uid, accession = _study_uid(study), _accession(study)
    if (
        not (uid or (accession and "id" in study))
        or study["status"] != "available"
        or MR not in _modalities(study)
        or not is_about(study, patient_id)
    ):
        return None
    return ImagingStudyRef(
        reference=f"ImagingStudy/{study['id']}" if "id" in study else f"urn:oid:{uid}",
        study_uid=uid,
        started=first_day(study["started"]) if "started" in study else None,
        accession=accession,
    )


def _modalities(study: Resource) -> set[str]:
    series = [item.get("modality", {}) for item in study.get("series", [])]
    return {coding.get("code", "") for coding in [*study.get("modality", []), *series]}


def _study_uid(study: Resource) -> str | None:
    for identifier in study.get("identifier", []):
        found = _UID.fullmatch(identifier.get("value", ""))
        if identifier.get("system") == DICOM_UID and found:
            return found[1]
    return None


def _accession(study: Resource) -> str | None:
    for identifier in study.get("identifier", []):
        codings = identifier.get("type", {}).get("coding", [])
        if any(coding.get("code") == _ACCESSION for coding in codings):
            return identifier.get("value") or None
    return None


def _is_lumbar(study: Resource) -> bool:
    return any(
        said in LUMBAR_MRI or said == LUMBAR_SPINE or _LUMBAR_WORDS.search(said[1])
        for said in _says(study)
    )


def _says(study: Resource) -> Iterator[tuple[str, str]]:
    """Yield all that a study says on what it shows, as (system, code or words)."""
    series = study.get("series", [])
    for item in [study, *series]:
        if "description" in item:
            yield "", item["description"]
    sites = [item["bodySite"] for item in series if "bodySite" in item]
    procedures = study.get("procedureCode", [])
    codings = [coding for item in procedures for coding in item.get("coding", [])]
    for coding in [*sites, *codings]:
        yield coding.get("system", ""), coding.get("code", "")
        yield "", coding.get("display", "")
    yield from (("", item["text"]) for item in procedures if "text" in item)
