"""The series that an object is made from, as the object has to name and copy it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydicom import Dataset

from inference.dicom import Frame, slice_frames
from inference.dicom.header import headers_of
from inference.errors import UnsuitableStudyError
from inference.outputs.repeatable import derived_uid

#: What a derived object takes over; what the standard demands and a source lacks stays
#: empty (PS3.3, C.7.1.1 and C.7.2.1). Nothing else of the source gets into an object.
COPIED: Final = (
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "IssuerOfPatientID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
    "Modality",
    "ImageType",
    "Manufacturer",
    "Rows",
    "Columns",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "ImageOrientationPatient",
    "ImagePositionPatient",
)
REQUIRED: Final = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
SEXES: Final = frozenset({"M", "F", "O"})  # PS3.3, C.7.1.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceSeries:
    """Headers of the instances that a volume was read from.

    Attributes:
        headers: One per slice in the order of the volume, or the one multi-frame
            instance; without pixels.
        frames: For each slice the index of its image among all frames of the headers.
        frame_count: How many frames the headers have.

    """

    headers: tuple[Dataset, ...]
    frames: tuple[int, ...]
    frame_count: int

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""
        return str(self.headers[0].StudyInstanceUID)

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""
        return str(self.headers[0].SeriesInstanceUID)


def source_series(datasets: Sequence[Dataset]) -> SourceSeries:
    """Find the image of each slice of the volume that these instances give.

    Args:
        datasets: The instances that the volume was read from, in any order.

    Raises:
        UnsuitableStudyError: The slices lie in several multi-frame instances, which no
            one segmentation object can stand on.

    """
    frames = slice_frames(datasets)
    first = frames[0].header.instance
    step_mm = _step_mm(frames)
    if not frames[0].header.groups:
        headers = tuple(header_of(frame.header.instance) for frame in frames)
        for header in headers:
            _say_thickness(header, step_mm)
        return SourceSeries(
            headers=headers,
            frames=tuple(range(len(frames))),
            frame_count=len(frames),
        )
    if any(frame.header.instance is not first for frame in frames):
        raise UnsuitableStudyError("the slices lie in several multi-frame instances")
    header = _multi_frame_header(frames[0])
    (shared,) = header.SharedFunctionalGroupsSequence
    _say_thickness(shared.PixelMeasuresSequence[0], step_mm)
    return SourceSeries(
        headers=(header,),
        frames=tuple(frame.header.index for frame in frames),
        frame_count=int(header.NumberOfFrames),
    )


def _multi_frame_header(frame: Frame) -> Dataset:
    """Copy where all frames of an instance lie, as its stack has it."""
    instance = frame.header.instance
    header = header_of(instance)
    positions = [
        [str(value) for value in item.items("ImagePositionPatient")]
        for item in headers_of(instance)
    ]
    header.NumberOfFrames = len(positions)
    header.SharedFunctionalGroupsSequence = [
        _dataset(
            PlaneOrientationSequence=[_copied(frame, "ImageOrientationPatient")],
            PixelMeasuresSequence=[
                _copied(frame, "PixelSpacing", "SliceThickness", "SpacingBetweenSlices")
            ],
        )
    ]
    header.PerFrameFunctionalGroupsSequence = [
        _dataset(PlanePositionSequence=[_dataset(ImagePositionPatient=position)])
        for position in positions
    ]
    return header


def _step_mm(frames: Sequence[Frame]) -> float:
    ends_mm = frames[-1].position_mm - frames[0].position_mm
    return float(np.linalg.norm(ends_mm)) / (len(frames) - 1)


def _say_thickness(measures: Dataset, step_mm: float) -> None:
    """Fill in what a segmentation has to say: without gaps it is the step."""
    if not measures.get("SliceThickness"):
        measures.SliceThickness = round(step_mm, 4)


def _copied(frame: Frame, *names: str) -> Dataset:
    values = {name: frame.header.items(name) for name in names}
    return _dataset(**{name: value for name, value in values.items() if value})


def _dataset(**values: object) -> Dataset:
    dataset = Dataset()
    for name, value in values.items():
        setattr(dataset, name, value)
    return dataset


def header_of(dataset: Dataset) -> Dataset:
    """Copy what may get into an object, and nothing that it could not hold."""
    header = Dataset()
    for keyword in COPIED:
        if keyword in dataset:
            setattr(header, keyword, dataset[keyword].value)
    for keyword in REQUIRED:
        if keyword not in header:
            setattr(header, keyword, "")
    if header.PatientSex not in SEXES:
        header.PatientSex = ""
    if not header.get("FrameOfReferenceUID"):
        header.FrameOfReferenceUID = derived_uid(
            str(dataset.SeriesInstanceUID), "frame of reference"
        )
    return header
