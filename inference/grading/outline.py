"""Upper and lower border of a disc in its crop, between the pixels."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.geometry.rays import BORDER
from inference.grading.crops import CENTER, CROP

MIN_COLUMNS: Final = 8  # our choice: fewer columns of disc have no shape
#: Part of the length that has endplates. Our choice: as ``boxes.CENTRAL_PART``.
CENTRAL_PART: Final = 0.8
#: Pixels of area that outweigh a pixel of distance from the middle of the crop. Our
#: choice: a neighbor at the edge of a crop is never taken for its disc.
AREA_PER_PIXEL: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiscOutline:
    """Where a disc is in its crop.

    Attributes:
        inside: Its pixels, boolean, shape ``CROP``.
        columns: Columns that it is in, from front to back.
        top: Row of its upper border in each column of the crop; NaN beside it.
        bottom: Of its lower border.

    """

    inside: NDArray[np.bool_]
    columns: NDArray[np.intp]
    top: NDArray[np.float64]
    bottom: NDArray[np.float64]

    @classmethod
    def of(cls, disc: NDArray[np.float32]) -> Self | None:
        """Find the disc in its probabilities, ``None`` where it has no shape."""
        inside = _nearest_part(disc >= BORDER)
        columns = np.flatnonzero(inside.any(axis=0))
        if columns.size < MIN_COLUMNS:
            return None
        first = inside[:, columns].argmax(axis=0)
        last = CROP[0] - 1 - inside[::-1, columns].argmax(axis=0)
        top, bottom = np.full(CROP[1], np.nan), np.full(CROP[1], np.nan)
        top[columns] = first - _beyond(disc, first, first - 1, columns)
        bottom[columns] = last + _beyond(disc, last, last + 1, columns)
        return cls(inside=inside, columns=columns, top=top, bottom=bottom)

    @property
    def central(self) -> NDArray[np.intp]:
        """Columns without both rounded ends."""
        front, back = self.columns[0], self.columns[-1]
        away = np.abs(self.columns - (front + back) / 2)
        return self.columns[away <= CENTRAL_PART * (back - front) / 2]


def _nearest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected part in the middle of the crop; of two, the larger one."""
    labels, count = ndimage.label(mask)

    def distance(label: int) -> float:
        pixels = np.argwhere(labels == label)
        away = np.linalg.norm(pixels - CENTER, axis=1).min()
        return float(away) - len(pixels) / AREA_PER_PIXEL

    best = min(range(1, count + 1), key=distance, default=0)
    nearest: NDArray[np.bool_] = labels == best if best else mask
    return nearest


def _beyond(
    disc: NDArray[np.float32],
    inner: NDArray[np.intp],
    outer: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Part of a pixel from the outermost one inside to where the border is crossed."""
    within = disc[inner, columns].astype(float)
    without = disc[outer.clip(0, CROP[0] - 1), columns]
    fall = np.maximum(within - without, 1e-6)
    return ((within - BORDER) / fall).clip(0, 1)
