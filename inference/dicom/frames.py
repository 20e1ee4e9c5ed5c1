"""Where one slice lies in the patient (PS3.3, C.7.6.2)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.dicom.header import Header, named, shown
from inference.errors import IrregularVolumeError, UnsuitableStudyError

MAX_POSITION_MM: Final = 10_000.0  # our choice: no scanner's coordinates go farther
PIXEL_RANGE_MM: Final = (0.05, 10.0)  # our choice: far beyond any MR image
ORIENTATION_TOLERANCE: Final = 0.01  # direction cosines are written with few digits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One slice and where it lies.

    Attributes:
        header: Its attributes.
        position_mm: Center of its first pixel, LPS, shape ``(3,)``.
        row: Direction along a row, shape ``(3,)``, of length 1.
        column: Direction along a column, perpendicular to ``row``.
        spacing_mm: Distance between rows, then between columns.
        shape: Rows and columns.

    """

    header: Header
    position_mm: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]
    shape: tuple[int, int]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Direction across the slice, shape ``(3,)``."""
        return np.cross(self.row, self.column)


def frame_of(header: Header) -> Frame:
    """Read where a frame lies.

    Raises:
        UnsuitableStudyError: An attribute is missing or wrong.
        IrregularVolumeError: Its axes are not perpendicular.

    """
    name = "ImageOrientationPatient"
    cosines = header.numbers(name, 6)
    row, column = cosines[:3], cosines[3:]
    lengths = np.linalg.norm([row, column], axis=1)
    tolerance = ORIENTATION_TOLERANCE
    if np.abs(lengths - 1).max() > tolerance or abs(row @ column) > tolerance:
        raise IrregularVolumeError(
            f"{named(name)} is no pair of orthogonal directions: "
            f"{shown(cosines.tolist())}"
        )
    row = row / lengths[0]
    normal = np.cross(row, column)
    column = np.cross(normal / np.linalg.norm(normal), row)
    spacing = header.numbers("PixelSpacing", 2)
    low, high = PIXEL_RANGE_MM
    if (spacing < low).any() or (spacing > high).any():
        raise UnsuitableStudyError(
            f"{named('PixelSpacing')} has to be {low} to {high} mm, "
            f"got {shown(spacing.tolist())}"
        )
    position = header.numbers("ImagePositionPatient", 3)
    if np.abs(position).max() > MAX_POSITION_MM:
        raise UnsuitableStudyError(
            f"{named('ImagePositionPatient')} is beyond {MAX_POSITION_MM:g} mm: "
            f"{shown(position.tolist())}"
        )
    return Frame(
        header=header,
        position_mm=position,
        row=row,
        column=column,
        spacing_mm=spacing,
        shape=(header.integer("Rows"), header.integer("Columns")),
    )
