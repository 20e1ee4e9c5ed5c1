"""One synthetic chart and its images, easy to break one piece at a time."""

from typing import Any
from uuid import uuid4

from pydicom import Dataset
from pydicom.uid import generate_uid

from sandbox.services import Ehr
from tests.sandbox.conftest import bundle
from tests.sandbox.tiny_dicom import tiny_series

Resource = dict[str, Any]

ADA: Resource = {
    "resourceType": "Patient",
    "id": "ada",
    "identifier": [
        {
            "type": {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/v2-0203",
                        "code": "MR",
                    }
                ]
            },
            "system": "urn:example:mrn",
            "value": "SB-1",
        }
    ],
    "name": [{"use": "official", "family": "Example", "given": ["Ada", "Maria"]}],
    "gender": "female",
    "birthDate": "1961-04-12",
}
BOB: Resource = {
    "resourceType": "Patient",
    "id": "bob",
    "identifier": [{"system": "urn:example:mrn", "value": "SB-2"}],
    "name": [{"use": "official", "family": "Other", "given": ["Bob"]}],
    "gender": "male",
    "birthDate": "1970-01-31",
}
DOCTOR: Resource = {
    "resourceType": "Practitioner",
    "id": "doc",
    "name": [{"family": "Doctor"}],
}
VISIT: Resource = {
    "resourceType": "Encounter",
    "id": "visit",
    "status": "in-progress",
    "class": {
        "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
        "code": "AMB",
    },
    "subject": {"reference": "Patient/ada"},
}
CHART = (ADA, BOB, DOCTOR, VISIT)


def pain(value: int) -> Resource:
    """Return a pain rating of the patient."""
    return {
        "resourceType": "Observation",
        "id": f"pain-{value}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "72514-3"}]},
        "subject": {"reference": "Patient/ada"},
        "effectiveDateTime": "2026-01-02",
        "valueQuantity": {
            "value": value,
            "unit": "{score}",
            "system": "http://unitsofmeasure.org",
            "code": "{score}",
        },
    }


def imaging_study(study_uid: str, *, patient: str = "ada") -> Resource:
    """Return an ImagingStudy of the lumbar spine."""
    return {
        "resourceType": "ImagingStudy",
        "id": f"mri-{patient}",
        "status": "available",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{study_uid}"}],
        "subject": {"reference": f"Patient/{patient}"},
        "started": "2026-02-28",
        "modality": [
            {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "MR"}
        ],
        "description": "MRI lumbar spine",
    }


def images(resource: Resource = ADA, *, slices: int = 3) -> list[Dataset]:
    """Return a small series whose patient module agrees with the chart."""
    series = tiny_series(study_uid=generate_uid(), description="T2 sag", slices=slices)
    name = resource["name"][0]
    for dataset in series:
        dataset.PatientID = resource["identifier"][0]["value"]
        dataset.PatientName = f"{name['family']}^{name['given'][0]}"
        dataset.PatientBirthDate = resource["birthDate"].replace("-", "")
        dataset.PatientSex = {"female": "F", "male": "M"}[resource["gender"]]
    return series


def renumbered() -> Resource:
    """Return Ada under a record number of her own, of which no images are stored."""
    number = f"SB-{uuid4().hex[:12]}"
    return ADA | {"identifier": [ADA["identifier"][0] | {"value": number}]}


def load(ehr: Ehr, *resources: Resource) -> None:
    """Store resources in the EHR under their own ids."""
    ehr.load(bundle(*(dict(resource) for resource in resources)))
