"""Connected parts of a mask, and where they lie along the spine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Point = NDArray[np.float64]

MAX_ASIDE_STEPS: Final = 0.75  # our choice: half a body, and a bulge
DISC_MARGIN_STEPS: Final = 0.2  # our choice: nearer to its middle is inside the body


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """A connected part of a mask.

    Attributes:
        mask: Boolean, shape ``(rows, columns)``.
        center_px: (row, column) of its middle.
        area_px: Its pixels.

    """

    mask: Mask
    center_px: Point
    area_px: int

    @classmethod
    def of(cls, mask: Mask) -> Self:
        """Measure a part."""
        return cls(
            mask=mask, center_px=centroid(mask), area_px=int(np.count_nonzero(mask))
        )


def centroid(mask: Mask) -> Point:
    """Return the mean (row, column) of a mask in pixels."""
    rows, columns = np.nonzero(mask)
    return np.array([rows.mean(), columns.mean()])


def touches_edge(mask: Mask) -> bool:
    """Whether the image cuts the structure."""
    return bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())


def around(mask: Mask, margin_px: int) -> tuple[slice, slice]:
    """Return rows and columns of the box around a mask, with a margin."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(rows[0] - margin_px, 0), rows[-1] + margin_px + 1),
        slice(max(columns[0] - margin_px, 0), columns[-1] + margin_px + 1),
    )


def long_axis(mask: Mask) -> Point:
    """Return the direction (rows, columns) in which a mask is longest, to the back."""
    _, axes = np.linalg.eigh(np.cov(np.argwhere(mask).T))
    axis: Point = axes[:, 1]
    return axis if axis[1] > 0 else -axis


def parts(mask: Mask, min_area_px: float) -> list[Piece]:
    """Return the connected parts of at least the given area."""
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    return [
        Piece.of(labels == label)
        for label in range(1, count + 1)
        if sizes[label] >= min_area_px
    ]


def usual_step(bodies: Sequence[Piece]) -> float:
    """Return the usual distance from body to body in pixels."""
    centers = np.array([body.center_px for body in bodies])
    return float(np.median(np.linalg.norm(np.diff(centers, axis=0), axis=1)))


def direction_at(centers: Sequence[Point], index: int) -> Point:
    """Return the direction up the spine at one of its bodies."""
    low, high = max(index - 1, 0), min(index + 1, len(centers) - 1)
    return unit(centers[high] - centers[low])


def unit(way: Point) -> Point:
    """Return the direction of a way, of length one."""
    direction: Point = way / np.linalg.norm(way)
    return direction


def between(
    lower: Point, upper: Point, discs: Sequence[Piece], step_px: float
) -> list[tuple[float, Piece]]:
    """Return the discs between two points, with how far up they lie in steps."""
    way = upper - lower
    length = float(np.linalg.norm(way))
    margin = DISC_MARGIN_STEPS * min(step_px, length)
    found = []
    for disc in discs:
        offset = disc.center_px - lower
        along = float(offset @ way) / length
        aside = np.linalg.norm(offset - along / length * way)
        if margin < along < length - margin and aside < MAX_ASIDE_STEPS * step_px:
            found.append((along / step_px, disc))
    return found
