"""Anterior-posterior diameter of the canal along its course."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.geometry.boxes import Box
from inference.geometry.midsagittal import MidSagittal
from inference.geometry.rays import nearest
from inference.levels.naming import NamedSpine
from inference.results import Structure

COURSE_SIGMA_MM: Final = 5.0  # our choice: the course is smooth, its border is not
#: Stretch over which the border is averaged, so that the smallest diameter is not the
#: one with the largest error. Our choice: less than the narrowest part is long.
AVERAGED_MM: Final = 2.0
REACH_MM: Final = 25.0  # our choice: more than any canal is wide
#: Farthest that the canal may lie behind the middle of a disc or body. Our choice:
#: half a body of 38 mm, half a canal of 20 mm, and a slip.
BEHIND_MM: Final = 45.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Diameter:
    """One diameter of the canal.

    Attributes:
        front_mm: (row, column) of its anterior end.
        back_mm: Of its posterior end.
        blur_mm: Width of the transition of probability at both ends.

    """

    front_mm: NDArray[np.float64]
    back_mm: NDArray[np.float64]
    blur_mm: float

    @property
    def length_mm(self) -> float:
        """Distance of both ends."""
        return float(np.linalg.norm(self.back_mm - self.front_mm))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canal:
    """Diameters perpendicular to the course, one per row; NaN where it is lost.

    Attributes:
        middle_mm: (row, column) on the course, shape ``(rows, 2)``.
        across: Unit vector from front to back, shape ``(rows, 2)``.
        front_mm: Way from the middle to the front, at most zero; shape ``(rows,)``.
        back_mm: Way to the back.
        blur_mm: Width of the transition of probability.

    """

    middle_mm: NDArray[np.float64]
    across: NDArray[np.float64]
    front_mm: NDArray[np.float64]
    back_mm: NDArray[np.float64]
    blur_mm: NDArray[np.float64]

    def across_at(self, point_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Unit vector to the back, across the canal nearest to a point."""
        away = np.linalg.norm(self.middle_mm - point_mm, axis=1)
        across: NDArray[np.float64] = self.across[away.argmin()]
        return across

    def narrowest(self, box: Box, above_mm: float, below_mm: float) -> Diameter | None:
        """Return the smallest diameter behind a body or disc.

        Args:
            box: In front of the canal.
            above_mm: How far above its axis to look.
            below_mm: How far below.

        Returns:
            ``None`` where the canal is lost or out of view in a part of that stretch.

        """
        away = self.middle_mm - box.center_mm
        down, along = away @ box.down, away @ box.along
        behind = (along > 0) & (along < BEHIND_MM)
        rows = np.flatnonzero(behind & (down >= -above_mm) & (down <= below_mm))
        lengths = self.back_mm[rows] - self.front_mm[rows]
        if not rows.size or np.isnan(lengths).any():
            return None
        row = rows[lengths.argmin()]
        return Diameter(
            front_mm=self.middle_mm[row] + self.front_mm[row] * self.across[row],
            back_mm=self.middle_mm[row] + self.back_mm[row] * self.across[row],
            blur_mm=float(self.blur_mm[row]),
        )


def canal_of(plane: MidSagittal, spine: NamedSpine) -> Canal:
    """Measure the canal on every row, from its middle outward."""
    sigma = COURSE_SIGMA_MM / plane.pixel_mm
    course = ndimage.gaussian_filter1d(spine.center_line, sigma, mode="nearest")
    slope = np.gradient(course)
    across = np.stack([-slope, np.ones_like(slope)], axis=1)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    rows = np.arange(len(course))
    middle_mm = np.stack([rows, course], axis=1) * plane.pixel_mm
    found = nearest(
        plane.soft(Structure.CANAL),
        middle_mm,
        across,
        reach_mm=REACH_MM,
        pixel_mm=plane.pixel_mm,
    )
    blur_mm = (found.enter_blur_mm + found.leave_blur_mm) / 2
    return Canal(
        middle_mm=middle_mm,
        across=across,
        front_mm=_averaged(found.enter_mm, plane.pixel_mm),
        back_mm=_averaged(found.leave_mm, plane.pixel_mm),
        blur_mm=np.where(np.isnan(blur_mm), found.leave_mm - found.enter_mm, blur_mm),
    )


def _averaged(values: NDArray[np.float64], pixel_mm: float) -> NDArray[np.float64]:
    """Average over a stretch; one lost row makes the stretch around it lost."""
    reach = round(AVERAGED_MM / pixel_mm / 2)
    kernel = np.full(2 * reach + 1, 1 / (2 * reach + 1))
    return np.convolve(np.pad(values, reach, mode="edge"), kernel, mode="valid")
