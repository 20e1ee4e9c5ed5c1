"""The regular grid on which the slices of a stack lie, or why there is none."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.dicom.frames import Frame
from inference.dicom.header import named
from inference.errors import IrregularVolumeError, UnsuitableStudyError
from inference.volume import Geometry

MAX_SIDE: Final = 2048  # our choice: twice the largest matrix of MR
MAX_VOXELS: Final = 64 * 1024**2  # our choice: 160 slices of 640 x 640
#: Our choice: from one vertebra with its discs to a composed image of the whole spine.
FIELD_RANGE_MM: Final = (50.0, 1200.0)
MAX_AREA_MM2: Final = 25e6  # our choice: of all slices, 160 of 390 x 400 mm
SPACING_TOLERANCE: Final = 0.02  # our choice: part of the spacing, as scanners round
STEP_RANGE_MM: Final = (0.1, 30.0)  # our choice: far beyond any sagittal series


def refuse_size(frame: Frame, slices: int) -> None:
    """Check what the header announces, before anything is decoded.

    Raises:
        UnsuitableStudyError: It is too large, or no field of view of a spine.

    """
    sides_mm = np.array(frame.shape) * frame.spacing_mm
    low, high = FIELD_RANGE_MM
    size = f"{named('Rows')} {frame.shape[0]}, {named('Columns')} {frame.shape[1]}"
    if max(frame.shape) > MAX_SIDE or np.prod(frame.shape) * slices > MAX_VOXELS:
        raise UnsuitableStudyError(f"{size}, {slices} slices: too large")
    if sides_mm.min() < low or sides_mm.max() > high:
        raise UnsuitableStudyError(
            f"{size}, {named('PixelSpacing')} {frame.spacing_mm.tolist()}: the field "
            f"of view has to be {low:g} to {high:g} mm"
        )
    if np.prod(sides_mm) * slices > MAX_AREA_MM2:
        raise UnsuitableStudyError(f"{size}, {slices} slices: too large in mm")


def grid_of(frames: Sequence[Frame]) -> Geometry:
    """Return the grid of slices, one frame each, in their order.

    Raises:
        IrregularVolumeError: The distances between the slices differ.

    """
    first = frames[0]
    positions = np.array([frame.position_mm for frame in frames])
    affine = np.eye(4)
    affine[:3, 0] = first.normal * _slice_step_mm(positions @ first.normal)
    affine[:3, 1] = first.column * first.spacing_mm[0]
    affine[:3, 2] = first.row * first.spacing_mm[1]
    affine[:3, 3] = positions[0]
    _refuse_sheared(positions, affine)
    return Geometry(affine_mm=affine, shape=(len(frames), *first.shape))


def _slice_step_mm(distances_mm: NDArray[np.float64]) -> float:
    steps = np.diff(distances_mm)
    step = float(np.median(steps))
    if np.abs(steps - step).max() > SPACING_TOLERANCE * step + 0.01:
        raise IrregularVolumeError(
            f"slice spacing varies from {steps.min():.2f} to {steps.max():.2f} mm, "
            f"at most {SPACING_TOLERANCE:.0%} is allowed, by "
            f"{named('ImagePositionPatient')}"
        )
    low, high = STEP_RANGE_MM
    if not low <= step <= high:
        raise IrregularVolumeError(
            f"slices lie {step:.2f} mm apart by {named('ImagePositionPatient')}, "
            f"read are {low} to {high} mm"
        )
    return float(steps.mean())


def _refuse_sheared(
    positions_mm: NDArray[np.float64], affine_mm: NDArray[np.float64]
) -> None:
    """Refuse slices that shift in their own plane: no regular grid describes them."""
    expected = affine_mm[:3, 3] + np.outer(
        np.arange(len(positions_mm)), affine_mm[:3, 0]
    )
    shift_mm = float(np.abs(positions_mm - expected).max())
    if shift_mm > np.linalg.norm(affine_mm[:3, 1]):
        raise IrregularVolumeError(
            f"slices are shifted in plane by {shift_mm:.1f} mm, by "
            f"{named('ImagePositionPatient')}"
        )
