"""CDS Hooks 2.0, ``patient-view``: what is asked for, and the card that answers.

Pure: the prefetch in, cards out. No network, no model, and nothing of the chart in a
card. https://cds-hooks.hl7.org/2.0/
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final
from urllib.parse import urlencode

from fhir_mappings.codes import CODE_SYSTEM, coding
from fhir_mappings.datatypes import Resource
from fhir_mappings.errors import NoImagingStudyError, UnreadablePatientError
from fhir_mappings.gather import clinical_features, searches
from fhir_mappings.imaging import newest_lumbar_mri
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCodes
from inference.errors import MIN_AGE_YEARS
from inference.results import BACK_PAIN

HOOK: Final = "patient-view"
SERVICE_ID: Final = "spoils-lumbar-mri"
#: Why a clinician may put the card aside; ours, because no standard list has them.
OVERRIDE_REASONS: Final = (
    coding(CODE_SYSTEM, "cds-not-relevant", "Not relevant for this patient"),
    coding(CODE_SYSTEM, "cds-already-assessed", "The MRI is assessed already"),
    coding(CODE_SYSTEM, "cds-no-research", "No research software for this patient"),
)
_PATIENT_ID: Final = "{{context.patientId}}"
_KEYS: Final = {"Condition": "conditions", "ImagingStudy": "imagingStudies"}
_SUMMARY: Final = "Lumbar MRI and low back pain on the chart: research software SPOILS"
_DETAIL: Final = (
    "SPOILS can measure the newest lumbar MRI of this patient and suggest a therapy by "
    "published guidelines.\n\n**Research software, not a cleared medical device.** It "
    "suggests, a clinician decides, and nothing is written to the chart before a "
    "signature. No image was read for this card."
)


def service() -> Resource:
    """Return how the service is announced to clients.

    The templates are the searches of the app itself, of the fewest types.
    """
    asked = [item for item in searches(_PATIENT_ID) if item.resource_type in _KEYS]
    return {
        "hook": HOOK,
        "id": SERVICE_ID,
        "title": "SPOILS: low back pain and lumbar MRI (research software)",
        "description": (
            "Offers to open the research app SPOILS where the chart holds a lumbar MRI "
            "and low back pain. Reads no image and calls no server."
        ),
        "usageRequirements": "Reads the prefetch only: without it there is no card.",
        "prefetch": {
            "patient": f"Patient/{_PATIENT_ID}",
            **{
                _KEYS[item.resource_type]: (
                    f"{item.resource_type}?{urlencode(item.params, safe='{}')}"
                )
                for item in asked
            },
        },
    }


def has_reason(
    prefetch: Mapping[str, Resource | None],
    *,
    patient_id: str,
    today: date,
    site: SiteCodes = NO_SITE_CODES,
) -> bool:
    """Tell whether the prefetch shows an adult with a lumbar MRI and low back pain.

    What is absent, broken, of another patient or entered in error shows nothing.

    Args:
        prefetch: Resources and Bundles by the keys of the templates.
        patient_id: Whose chart is open.
        today: The day of the request.
        site: What the site's own codes mean.

    """
    patient = prefetch.get("patient") or {}
    if patient.get("id") != patient_id:
        return False
    try:
        newest_lumbar_mri(
            [*_resources(prefetch.get("imagingStudies"))], patient_id=patient_id
        )
        features = clinical_features(
            patient, [*_resources(prefetch.get("conditions"))], today=today, site=site
        )
    except (NoImagingStudyError, UnreadablePatientError):
        return False
    age = features.age_years
    is_child = age is not None and age < MIN_AGE_YEARS
    has_pain = any(item.flag in BACK_PAIN for item in features.conditions)
    return has_pain and not is_child


def card(*, card_id: str, launch_url: str, home_url: str) -> Resource:
    """Return the one card that there is.

    Args:
        card_id: UUID that feedback refers to.
        launch_url: Where the EHR launches the app.
        home_url: What the app says about itself.

    """
    return {
        "uuid": card_id,
        "summary": _SUMMARY,
        "detail": _DETAIL,
        "indicator": "info",
        "source": {"label": "SPOILS (research software)", "url": home_url},
        "overrideReasons": list(OVERRIDE_REASONS),
        "links": [
            {
                "label": "Open SPOILS (research software)",
                "url": launch_url,
                "type": "smart",
            }
        ],
    }


def _resources(answer: object) -> Iterator[Resource]:
    """Yield what a search of the prefetch brought, passing over what is no resource."""
    entries = answer.get("entry") if isinstance(answer, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
            yield resource
