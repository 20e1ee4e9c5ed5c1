"""The series that an object is made from, as the object has to name and copy it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydicom import Dataset

from inference.outputs.repeatable import derived_uid
from inference.volume import Geometry

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
    "NumberOfFrames",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
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


def source_series(datasets: Sequence[Dataset], geometry: Geometry) -> SourceSeries:
    """Find the image of each slice.

    Args:
        datasets: The instances that the volume was read from, in any order.
        geometry: Of the volume as it was read.

    """
    normal = geometry.affine_mm[:3, 0] / geometry.spacing_mm[0]
    origin = normal @ geometry.affine_mm[:3, 3]
    slices: dict[int, Dataset] = {}
    for dataset in datasets:
        position = np.array(dataset.ImagePositionPatient, float)
        index = round(float(normal @ position - origin) / float(geometry.spacing_mm[0]))
        slices.setdefault(index, dataset)
    count = geometry.shape[0]
    return SourceSeries(
        headers=tuple(header_of(slices[index]) for index in range(count)),
        frames=tuple(range(count)),
        frame_count=count,
    )


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
