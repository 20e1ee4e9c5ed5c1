"""What DICOM writes in its own way: names of persons, and studies of an archive."""

import re
from typing import Final

from fhir_mappings.codes import DICOM_UID, MR
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import is_time
from fhir_mappings.gather import best_name

_SEPARATORS: Final = re.compile(r"[\^=\\]")  # what parts a name in DICOM


def archived_study(
    *, study_uid: str, patient_id: str, study_date: str, description: str
) -> Resource:
    """Return a study that an archive lists, in the words of a chart.

    Args:
        study_uid: StudyInstanceUID.
        patient_id: Id of the Patient; whether the images agree is checked later.
        study_date: StudyDate, ``YYYYMMDD`` or empty.
        description: What the archive says that it shows.

    """
    day = f"{study_date[:4]}-{study_date[4:6]}-{study_date[6:8]}"
    said = {"started": day} if is_time(day) else {}
    said |= {"description": description} if description else {}
    return said | {
        "resourceType": "ImagingStudy",
        "identifier": [{"system": DICOM_UID, "value": f"urn:oid:{study_uid}"}],
        "status": "available",
        "subject": {"reference": f"Patient/{patient_id}"},
        "modality": [{"code": MR}],
    }


def dicom_name(person: Resource) -> str:
    """Return the name of a Practitioner as ``Family^Given^Middle^Prefix^Suffix``.

    Five parts, those at the end left out where they are empty (DICOM PS3.5, 6.2.1.1);
    empty where there is no family name.
    """
    name = best_name(person)
    if not name.get("family"):
        return ""
    first, *others = name.get("given") or [""]
    words = (
        *([name["family"]], [first], others),
        *(name.get("prefix", ()), name.get("suffix", ())),
    )
    parts = [_without_separators(" ".join(part)) for part in words]
    filled = max(index for index, part in enumerate(parts) if part or index < 1)
    return "^".join(parts[: max(filled, 1) + 1])


def _without_separators(part: str) -> str:
    return _SEPARATORS.sub(" ", part).strip()
