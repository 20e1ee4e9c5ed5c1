"""What was examined (PS3.3, C.7.2.1)."""

import re
from collections.abc import Sequence

from pydicom import Dataset

from inference.dicom.header import Header, lenient, named
from inference.dicom.volumes import slice_frames
from inference.dicom.weighting import weighting_of
from inference.errors import UnsuitableStudyError
from inference.results import Study


@lenient()
def study_of(datasets: Sequence[Dataset]) -> Study:
    """Describe the series that was read.

    Raises:
        UnsuitableStudyError: It cannot be read as one volume, or has no UID.

    """
    frames = slice_frames(datasets)
    header = frames[0].header
    return Study(
        study_uid=_uid(header, "StudyInstanceUID"),
        series_uid=_uid(header, "SeriesInstanceUID"),
        acquired_on=header.date("StudyDate"),
        description=header.text("SeriesDescription"),
        slice_count=len(frames),
        weighting=weighting_of(header),
    )


def _uid(header: Header, name: str) -> str:
    uid = header.text(name)
    if not re.fullmatch(r"[0-9.]{1,64}", uid):
        raise UnsuitableStudyError(f"{named(name)} is no UID")
    return uid
