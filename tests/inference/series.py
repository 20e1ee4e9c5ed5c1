"""A phantom as a DICOM MR series of an invented person."""

from datetime import date

from pydicom import Dataset

from inference.mr_series import SeriesDescription, mr_series
from inference.volume import Volume

INVENTED = SeriesDescription(
    patient_id="MRN-0001",
    patient_name="Example^Erin",
    birth_date=date(1970, 3, 31),
    sex="F",
    study_date=date(2026, 2, 28),
    study_uid="2.25.1001",
)


def phantom_series(volume: Volume) -> list[Dataset]:
    return mr_series(volume, INVENTED)
