"""Whose images these are (PS3.3, C.7.1.1)."""

from typing import Final

from pydicom import Dataset
from pydicom.valuerep import PersonName

from inference.dicom.header import Header, lenient
from inference.results import Identity

SEXES: Final = {"M": "male", "F": "female", "O": "other"}


@lenient()
def identity_of(dataset: Dataset) -> Identity:
    """Read whose images these are; what cannot be read is unknown.

    Raises:
        UnsuitableStudyError: An attribute is there and cannot be read.

    """
    header = Header(instance=dataset)
    names = header.items("PatientName")
    name = names[0] if names and isinstance(names[0], PersonName) else PersonName("")
    patient_id = header.text("PatientID")
    return Identity(
        identifiers=frozenset({patient_id} if patient_id else ()),
        family=str(name.family_name) or None,
        given=str(name.given_name) or None,
        birth_date=header.date("PatientBirthDate"),
        sex=SEXES.get(header.text("PatientSex")),
    )
