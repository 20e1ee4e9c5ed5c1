"""Small charts, resource by resource."""

from collections.abc import Sequence
from typing import Any, Final

Resource = dict[str, Any]

UCUM: Final = "http://unitsofmeasure.org"
LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
SUBJECT: Final = {"reference": "Patient/1"}

PATIENT: Final[Resource] = {
    "resourceType": "Patient",
    "id": "1",
    "identifier": [
        {"system": "urn:mrn", "value": "MRN-7"},
        {"use": "old", "value": "MRN-1"},
        {"system": "urn:without-value"},
    ],
    "name": [
        {"use": "maiden", "family": "Born", "given": ["Ada"]},
        {"use": "official", "family": "Nowak", "given": ["Ada", "Maria"]},
    ],
    "birthDate": "1961-11-30",
    "gender": "female",
}


def quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def observation(code: str, number: str = "21", /, **elements: object) -> Resource:
    """Return a final Observation of Patient/1 of 2026-03-01."""
    return {
        "resourceType": "Observation",
        "id": number,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": SUBJECT,
        "effectiveDateTime": "2026-03-01",
        **elements,
    }


def pain(value: float, number: str = "21", /, **elements: object) -> Resource:
    """Return a pain score."""
    score = quantity(value, "{score}")
    return observation("72514-3", number, **({"valueQuantity": score} | elements))


def condition(code: str, /, *, system: str = SNOMED, **elements: object) -> Resource:
    """Return an active, confirmed Condition of Patient/1."""
    hl7 = "http://terminology.hl7.org/CodeSystem"
    return {
        "resourceType": "Condition",
        "id": "31",
        "clinicalStatus": {
            "coding": [{"system": f"{hl7}/condition-clinical", "code": "active"}]
        },
        "verificationStatus": {
            "coding": [{"system": f"{hl7}/condition-ver-status", "code": "confirmed"}]
        },
        "code": {"coding": [{"system": system, "code": code}], "text": "As charted"},
        "subject": SUBJECT,
        **elements,
    }


def procedure(code: str, number: str = "41", /, **elements: object) -> Resource:
    """Return a completed Procedure of Patient/1."""
    return {
        "resourceType": "Procedure",
        "id": number,
        "status": "completed",
        "code": {"coding": [{"system": SNOMED, "code": code}], "text": "As done"},
        "subject": SUBJECT,
        **elements,
    }


def drug(
    words: str, /, *, resource_type: str = "MedicationRequest", **elements: object
) -> Resource:
    """Return an active prescription of Patient/1, or a statement that it is taken."""
    intent = {"intent": "order"} if resource_type == "MedicationRequest" else {}
    return {
        "resourceType": resource_type,
        "id": "51",
        "status": "active",
        "medicationCodeableConcept": {"text": words},
        "subject": SUBJECT,
        **intent,
        **elements,
    }


def oswestry(points: Sequence[int | None], /, **elements: object) -> Resource:
    """Return a completed Oswestry questionnaire of 2026-03-01."""
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "61",
        "status": "completed",
        "subject": SUBJECT,
        "authored": "2026-03-01",
        "item": [
            {"linkId": f"odi-{number}"}
            | ({} if value is None else {"answer": [{"valueInteger": value}]})
            for number, value in enumerate(points, start=1)
        ],
        **elements,
    }


def status(code: str) -> Resource:
    """Return a status concept."""
    return {"coding": [{"code": code}]}


def imaging_study(number: str = "12", /, **elements: object) -> Resource:
    """Return an available lumbar MRI of Patient/1."""
    return {
        "resourceType": "ImagingStudy",
        "id": number,
        "identifier": [
            {"system": "urn:dicom:uid", "value": f"urn:oid:1.2.{number}"},
        ],
        "status": "available",
        "subject": SUBJECT,
        "started": "2026-02-28T08:00:00Z",
        "modality": [{"code": "MR"}],
        "procedureCode": [{"coding": [{"system": LOINC, "code": "30679-5"}]}],
        **elements,
    }
