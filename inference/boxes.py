"""Height and width of one body or disc along its own axes, in millimeters.

Every length is measured between the points where the interpolated mask crosses one
half.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.errors import UnmeasurableError
from inference.levels import centroid

#: Part of the length over which heights are averaged. Our choice: leaves out the
#: rounded corners and osteophytes at both ends.
CENTRAL_PART: Final = 0.8
#: Part of the height over which widths are averaged. Our choice, idem.
WAIST_PART: Final = 0.5
RAYS: Final = 25  # our choice: about one per millimeter
RAY_STEP_MM: Final = 0.1
REACH_MM: Final = 60.0  # our choice: longer than any body or disc
MARGIN_PX: Final = 8  # room for the blur
MAX_TILT_STEPS: Final = 3  # the axis settles within two


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Box:
    """Size and axes of one body or disc, in the plane.

    Attributes:
        center_mm: (row, column) of its middle.
        along: Unit vector from anterior to posterior.
        height_mm: Mean distance between its endplates.
        width_mm: Anterior-posterior length.

    """

    center_mm: NDArray[np.float64]
    along: NDArray[np.float64]
    height_mm: float
    width_mm: float

    @property
    def down(self) -> NDArray[np.float64]:
        """Unit vector toward the feet, perpendicular to ``along``."""
        return _down(self.along)


def box_of(mask: NDArray[np.bool_], pixel_mm: float) -> Box:
    """Measure one body or disc along its own axes.

    The anterior-posterior axis is first the long axis of the mask, or for a nearly
    square one the horizontal; then the mean direction of its two endplates.

    Args:
        mask: Boolean, shape ``(rows, columns)``, rows downward, columns to the back.
        pixel_mm: Edge of a square pixel.

    Raises:
        UnmeasurableError: It touches the edge of the image, or has no two endplates.

    """
    if mask[[0, -1]].any() or mask[:, [0, -1]].any():
        raise UnmeasurableError("the structure touches the edge of the image")
    soft, corner_px = _soft_crop(mask)
    center_mm = (centroid(mask) - corner_px) * pixel_mm
    along = _long_axis(mask)
    for _ in range(MAX_TILT_STEPS):
        width_mm, middle_mm = _width_mm(soft, center_mm, along, pixel_mm)
        center_mm = center_mm + middle_mm * along
        offsets, upper, lower = _endplates(soft, center_mm, along, width_mm, pixel_mm)
        slope = np.polyfit(offsets, (upper + lower) / 2, 1)[0]
        along = along + slope * _down(along)
        along /= np.linalg.norm(along)
    return Box(
        center_mm=center_mm + corner_px * pixel_mm,
        along=along,
        height_mm=float((lower - upper).mean()),
        width_mm=width_mm,
    )


def extents_mm(
    soft: NDArray[np.float32],
    starts_mm: NDArray[np.float64],
    direction: NDArray[np.float64],
    reach_mm: float,
    pixel_mm: float,
) -> NDArray[np.float64]:
    """Return where parallel lines enter and leave the structure.

    Args:
        soft: Probability of the structure, shape ``(rows, columns)``.
        starts_mm: A (row, column) per line, shape ``(lines, 2)``.
        direction: Unit vector.
        reach_mm: How far to look, both ways.
        pixel_mm: Edge of a square pixel.

    Returns:
        Shape ``(lines, 2)``: first and last crossing of one half, from the start.

    Raises:
        UnmeasurableError: A line does not meet the structure.

    """
    steps = np.arange(-reach_mm, reach_mm + RAY_STEP_MM / 2, RAY_STEP_MM)
    points = starts_mm.T[..., None] + direction[:, None, None] * steps
    values = ndimage.map_coordinates(soft, points / pixel_mm, order=1, mode="constant")
    inside = values >= 0.5  # noqa: PLR2004
    if not inside.any(axis=1).all():
        raise UnmeasurableError("a line does not meet the structure")
    first = steps[inside.argmax(axis=1)]
    last = steps[::-1][inside[:, ::-1].argmax(axis=1)]
    return np.stack([first - RAY_STEP_MM / 2, last + RAY_STEP_MM / 2], axis=1)


def _long_axis(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    points = np.argwhere(mask).astype(float)
    points -= points.mean(axis=0)
    values, vectors = np.linalg.eigh(points.T @ points)
    if values[0] / values[1] > 0.7:  # noqa: PLR2004  our choice: nearly square
        return np.array([0.0, 1.0])
    axis: NDArray[np.float64] = vectors[:, 1]
    return axis if axis[1] > 0 else -axis


def _soft_crop(
    mask: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Cut the mask out with a margin, and blur it by less than a pixel.

    The border then crosses one half between the pixels. Returns the crop and the
    (row, column) of its corner.
    """
    rows, columns = np.nonzero(mask)
    corner = np.maximum([rows.min() - MARGIN_PX, columns.min() - MARGIN_PX], 0)
    crop = mask[
        corner[0] : rows.max() + MARGIN_PX + 1,
        corner[1] : columns.max() + MARGIN_PX + 1,
    ]
    return ndimage.gaussian_filter(crop.astype(np.float32), 0.7), corner.astype(float)


def _down(along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vector toward the feet, perpendicular to one that points to the back."""
    return np.array([along[1], -along[0]])


def _width_mm(
    soft: NDArray[np.float32],
    center_mm: NDArray[np.float64],
    along: NDArray[np.float64],
    pixel_mm: float,
) -> tuple[float, float]:
    """Return the median length along the axis near the middle, and the middle's offset.

    The median, because a bulge or a leak of the mask makes a few lines much longer.
    """
    down = _down(along)
    top, bottom = extents_mm(soft, center_mm[None], down, REACH_MM, pixel_mm)[0]
    middle, half = (top + bottom) / 2, (bottom - top) / 2 * WAIST_PART
    starts = center_mm + np.linspace(middle - half, middle + half, 9)[:, None] * down
    ends = extents_mm(soft, starts, along, REACH_MM, pixel_mm)
    front, back = np.median(ends, axis=0)
    return float(back - front), float((front + back) / 2)


def _endplates(
    soft: NDArray[np.float32],
    center_mm: NDArray[np.float64],
    along: NDArray[np.float64],
    width_mm: float,
    pixel_mm: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Positions along the axis, and the upper and lower endplate there, in mm."""
    half = width_mm / 2 * CENTRAL_PART
    offsets = np.linspace(-half, half, RAYS)
    starts = center_mm + offsets[:, None] * along
    ends = extents_mm(soft, starts, _down(along), REACH_MM, pixel_mm)
    return offsets, ends[:, 0], ends[:, 1]
