"""Where straight lines cross the border of a structure, between the pixels."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

STEP_MM: Final = 0.1
BORDER: Final = 0.5
#: The border is as wide as the way from one of these probabilities to the other.
BLUR_RANGE: Final = (0.25, 0.75)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crossings:
    """Where each line enters and leaves the structure, NaN where it does not.

    Attributes:
        enter_mm: From the start of each line, negative behind it; shape ``(lines,)``.
        leave_mm: Idem.
        enter_blur_mm: Way from probability 0.25 to 0.75 on entering.
        leave_blur_mm: Idem on leaving.

    """

    enter_mm: NDArray[np.float64]
    leave_mm: NDArray[np.float64]
    enter_blur_mm: NDArray[np.float64]
    leave_blur_mm: NDArray[np.float64]


def outermost(
    soft: NDArray[np.float32],
    starts_mm: NDArray[np.float64],
    direction: NDArray[np.float64],
    *,
    reach_mm: float,
    pixel_mm: float,
) -> Crossings:
    """Look from both far ends of each line inward: what lies between is not asked.

    Args:
        soft: Probability of the structure, shape ``(rows, columns)``.
        starts_mm: A (row, column) per line, shape ``(lines, 2)``.
        direction: Unit vector, or one per line.
        reach_mm: How far to look, both ways.
        pixel_mm: Edge of a square pixel.

    """
    values = _values(soft, starts_mm, direction, reach_mm, pixel_mm)
    last = values.shape[1] - 1
    return _crossings(
        {level: _first_rise(values, level) for level in (BORDER, *BLUR_RANGE)},
        {
            level: last - _first_rise(values[:, ::-1], level)
            for level in (BORDER, *BLUR_RANGE)
        },
        reach_mm,
    )


def nearest(
    soft: NDArray[np.float32],
    starts_mm: NDArray[np.float64],
    direction: NDArray[np.float64],
    *,
    reach_mm: float,
    pixel_mm: float,
) -> Crossings:
    """Look from the start of each line outward; arguments as for ``outermost``."""
    values = _values(soft, starts_mm, direction, reach_mm, pixel_mm)
    start = values.shape[1] // 2
    is_outside = values[:, start] < BORDER
    back, ahead = -values[:, start::-1], -values[:, start:]
    enter, leave = {}, {}
    for level in (BORDER, *BLUR_RANGE):
        enter[level] = start - _first_rise(back, -level)
        leave[level] = start + _first_rise(ahead, -level)
        enter[level][is_outside] = leave[level][is_outside] = np.nan
    return _crossings(enter, leave, reach_mm)


def _values(
    soft: NDArray[np.float32],
    starts_mm: NDArray[np.float64],
    direction: NDArray[np.float64],
    reach_mm: float,
    pixel_mm: float,
) -> NDArray[np.float32]:
    count = round(reach_mm / STEP_MM)
    steps = np.arange(-count, count + 1) * STEP_MM
    directions = np.broadcast_to(direction, starts_mm.shape)
    points = starts_mm.T[..., None] + directions.T[..., None] * steps
    values: NDArray[np.float32] = ndimage.map_coordinates(
        soft, points / pixel_mm, order=1, mode="constant"
    )
    return values


def _first_rise(values: NDArray[np.float32], level: float) -> NDArray[np.float64]:
    """Index, between the samples, at which each line first reaches the level."""
    reached = values >= level
    index = reached.argmax(axis=1)
    lines = np.arange(len(values))
    here = values[lines, index].astype(float)
    before = values[lines, np.maximum(index - 1, 0)].astype(float)
    climb = here - before
    part = np.divide(here - level, climb, out=np.zeros_like(climb), where=climb > 0)
    return np.where(reached.any(axis=1), index - part, np.nan)


def _crossings(
    enter: dict[float, NDArray[np.float64]],
    leave: dict[float, NDArray[np.float64]],
    reach_mm: float,
) -> Crossings:
    low, high = BLUR_RANGE
    return Crossings(
        enter_mm=enter[BORDER] * STEP_MM - reach_mm,
        leave_mm=leave[BORDER] * STEP_MM - reach_mm,
        enter_blur_mm=np.abs(enter[high] - enter[low]) * STEP_MM,
        leave_blur_mm=np.abs(leave[low] - leave[high]) * STEP_MM,
    )
