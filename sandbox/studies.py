"""DICOM studies: into the archive by STOW-RS, and into the chart as ImagingStudy."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass
from pydicom import Dataset

from sandbox.archive import Archive
from sandbox.errors import SandboxError

Resource = dict[str, Any]

MODALITIES = "http://dicom.nema.org/resources/ontology/DCM"
LUMBAR_SPINE = {
    "system": "http://snomed.info/sct",
    "code": "122496007",
    "display": "Lumbar spine",
}
LUMBAR_MRI = {
    "system": "http://loinc.org",
    "code": "30679-5",
    "display": "MR Lumbar spine WO contrast",
}


def archive_client(archive: Archive) -> DICOMwebClient:
    """Return a DICOMweb client that is signed in to the archive."""
    session = create_session_from_user_pass(archive.user, archive.password)
    return DICOMwebClient(archive.dicomweb_url, session=session)


def store(archive: Archive, datasets: Sequence[Dataset]) -> None:
    """Store the instances of one study and ask the archive whether it has them all.

    Raises:
        SandboxError: Some are missing; what an application stored beside them may be
            there.

    """
    client = archive_client(archive)
    client.store_instances(datasets)
    found = client.search_for_instances(str(datasets[0].StudyInstanceUID))
    stored = {str(item["00080018"]["Value"][0]) for item in found}
    missing = {str(dataset.SOPInstanceUID) for dataset in datasets} - stored
    if missing:
        raise SandboxError(
            f"the archive lacks {len(missing)} of {len(datasets)} instances"
        )


def imaging_study(
    datasets: Sequence[Dataset], *, patient_id: str, started: datetime, description: str
) -> Resource:
    """Return the R4 ImagingStudy of one DICOM study.

    Its id is made of the StudyInstanceUID, so that loading it again changes nothing.
    """
    study_uid = str(datasets[0].StudyInstanceUID)
    by_series = sorted(datasets, key=_series_uid)
    return {
        "resourceType": "ImagingStudy",
        "id": study_uid.replace(".", "-"),
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{study_uid}"}],
        "status": "available",
        "modality": [{"system": MODALITIES, "code": "MR"}],
        "subject": {"reference": f"Patient/{patient_id}"},
        "started": started.isoformat(),
        "numberOfInstances": len(datasets),
        "procedureCode": [{"coding": [LUMBAR_MRI]}],
        "description": description,
        "series": [
            _series(list(group)) for _, group in groupby(by_series, key=_series_uid)
        ],
    } | {"numberOfSeries": len({_series_uid(item) for item in datasets})}


def _series(datasets: Sequence[Dataset]) -> Resource:
    return {
        "uid": _series_uid(datasets[0]),
        "modality": {"system": MODALITIES, "code": "MR"},
        "description": str(datasets[0].get("SeriesDescription", "MR")),
        "numberOfInstances": len(datasets),
        "bodySite": LUMBAR_SPINE,
    }


def _series_uid(dataset: Dataset) -> str:
    return str(dataset.SeriesInstanceUID)
