"""Which vertebra and which disc is which: instances, named from the sacrum upward.

The sacrum itself has no label, so the lowest disc is taken for L5/S1 and the lowest
body for L5. Where that is doubtful a warning says so: only a person can settle it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.errors import SpineNotFoundError
from inference.midsagittal import MidSagittal
from inference.results import Level, Structure, Vertebra

MIN_BODY_MM2: Final = 150.0  # our choice: a quarter of a body of 25 x 25 mm
MIN_DISC_MM2: Final = 30.0  # our choice: a collapsed disc of 3 x 25 mm has 75
MIN_CANAL_PART_MM2: Final = 40.0  # our choice: a narrow canal breaks into parts
#: Farthest that the middle of a body or disc may lie in front of the canal's middle.
#: Our choice: half a body of 38 mm, half a canal of 20 mm, and a slip.
MAX_IN_FRONT_MM: Final = 42.0
OPENING_MM: Final = 1.6  # our choice: cuts bridges between neighbors
#: Our choice: neighboring bodies lie 30 to 40 mm apart, and evenly; a larger deviation
#: from the median distance means that one was missed or two were fused.
SPACING_RANGE_RATIO: Final = (0.65, 1.45)

CHECK_NAMES = "Check the level names on the picture before you sign"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamedSpine:
    """Instances on the mid-sagittal slice.

    Attributes:
        bodies: Vertebral bodies without posterior elements, by name.
        discs: Discs, by name.
        unnamed: Bodies and discs above L1.
        canal: The spinal canal.
        center_line: Column of the canal's middle for each row, in pixels.
        warnings: Sentences for the clinician about the names.

    All masks are boolean, shape ``(rows, columns)`` of the mid-sagittal slice.
    """

    bodies: Mapping[Vertebra, NDArray[np.bool_]]
    discs: Mapping[Level, NDArray[np.bool_]]
    unnamed: Sequence[tuple[Structure, NDArray[np.bool_]]]
    canal: NDArray[np.bool_]
    center_line: NDArray[np.float64]
    warnings: tuple[str, ...]


def name_levels(plane: MidSagittal) -> NamedSpine:
    """Separate bodies and discs, and name them from the bottom up.

    Raises:
        SpineNotFoundError: There are fewer than two vertebral bodies.

    """
    canal = _canal(plane)
    center_line = _center_line(canal)
    bodies = _bodies(plane, center_line)
    if len(bodies) < 2:  # noqa: PLR2004  a spine has more than one
        raise SpineNotFoundError(f"{len(bodies)} vertebral bodies in the middle slice")
    discs = _discs_below(plane, bodies, center_line)
    names = list(reversed(Vertebra))
    levels = list(reversed(Level))
    above = bodies[len(names) :]
    higher = [disc for disc in discs[len(levels) :] if disc is not None]
    return NamedSpine(
        bodies=dict(zip(names, bodies, strict=False)),
        discs={
            level: disc
            for level, disc in zip(levels, discs, strict=False)
            if disc is not None
        },
        unnamed=[(Structure.VERTEBRA, body) for body in above]
        + [(Structure.DISC, disc) for disc in higher],
        canal=canal,
        center_line=center_line,
        warnings=tuple(_warnings(bodies, discs)),
    )


def centroid(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean (row, column) of a mask in pixels."""
    return np.argwhere(mask).mean(axis=0)


def _canal(plane: MidSagittal) -> NDArray[np.bool_]:
    """The canal without specks.

    Raises:
        SpineNotFoundError: Nothing but specks was found.

    """
    parts = _components(
        plane.mask(Structure.CANAL), MIN_CANAL_PART_MM2, plane.pixel_mm, opening_mm=0.0
    )
    if not parts:
        raise SpineNotFoundError("no canal in the middle slice")
    canal: NDArray[np.bool_] = np.logical_or.reduce(parts)
    return canal


def _center_line(canal: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Middle column of the canal per row, carried on straight above and below it."""
    rows = np.flatnonzero(canal.any(axis=1))
    columns = np.arange(canal.shape[1])
    middles = (canal[rows] * columns).sum(axis=1) / canal[rows].sum(axis=1)
    every_row = np.arange(len(canal))
    line = np.interp(every_row, rows, middles)
    for beyond, end in (
        (every_row < rows[0], slice(None, 60)),
        (every_row > rows[-1], slice(-60, None)),
    ):
        slope, start = np.polyfit(rows[end], middles[end], 1)
        line[beyond] = slope * every_row[beyond] + start
    return line


def _bodies(
    plane: MidSagittal, center_line: NDArray[np.float64]
) -> list[NDArray[np.bool_]]:
    """Vertebral bodies from the lowest upward: vertebra in front of the canal."""
    columns = np.arange(plane.signal.shape[1])
    in_front = columns[None] < center_line[:, None]
    parts = _components(
        plane.mask(Structure.VERTEBRA) & in_front, MIN_BODY_MM2, plane.pixel_mm
    )
    return [part for part in parts if _is_by_canal(part, center_line, plane.pixel_mm)]


def _is_by_canal(
    part: NDArray[np.bool_], center_line: NDArray[np.float64], pixel_mm: float
) -> bool:
    row, column = centroid(part)
    rows = np.arange(len(center_line))
    nearest_px = np.hypot(rows - row, center_line - column).min()
    return bool(nearest_px * pixel_mm < MAX_IN_FRONT_MM)


def _components(
    mask: NDArray[np.bool_],
    min_area_mm2: float,
    pixel_mm: float,
    *,
    opening_mm: float = OPENING_MM,
) -> list[NDArray[np.bool_]]:
    """Connected parts of at least the given area, from the lowest upward.

    Thin bridges are cut before the parts are told apart, and each pixel then goes to
    the nearest part.
    """
    radius = round(opening_mm / pixel_mm / 2)
    eroded = ndimage.binary_erosion(mask, iterations=radius) if radius else mask
    labels, _ = ndimage.label(eroded)
    nearest = ndimage.distance_transform_edt(
        labels == 0, return_distances=False, return_indices=True
    )
    spread = np.where(mask, labels[tuple(nearest)], 0)
    sizes = np.bincount(spread.ravel()) * pixel_mm**2
    parts = [
        spread == label
        for label in range(1, len(sizes))
        if sizes[label] >= min_area_mm2
    ]
    return sorted(parts, key=lambda part: -centroid(part)[0])


def _discs_below(
    plane: MidSagittal,
    bodies: Sequence[NDArray[np.bool_]],
    center_line: NDArray[np.float64],
) -> list[NDArray[np.bool_] | None]:
    """For each body the disc below it, ``None`` where none was found."""
    parts = _components(plane.mask(Structure.DISC), MIN_DISC_MM2, plane.pixel_mm)
    parts = [part for part in parts if _is_by_canal(part, center_line, plane.pixel_mm)]
    rows = [centroid(body)[0] for body in bodies]
    discs: list[NDArray[np.bool_] | None] = []
    for lower, upper in zip([np.inf, *rows], rows, strict=False):
        between = [part for part in parts if upper < centroid(part)[0] < lower]
        discs.append(max(between, key=np.count_nonzero, default=None))
    return discs


def _warnings(
    bodies: Sequence[NDArray[np.bool_]], discs: Sequence[NDArray[np.bool_] | None]
) -> list[str]:
    found = []
    missing = [
        str(level)
        for level, disc in zip(reversed(Level), discs, strict=False)
        if disc is None
    ]
    if discs[0] is None:
        found.append(
            "No disc was found below the lowest vertebra, so the sacrum may be out of "
            f"view and every name may be too low. {CHECK_NAMES}."
        )
    elif missing:
        found.append(
            f"No disc was found at {', '.join(missing)}: collapsed, fused or missed. "
            f"{CHECK_NAMES}."
        )
    if bodies[0][-1].any():
        found.append(
            "The lowest vertebra touches the edge of the image: the sacrum is not in "
            f"view. {CHECK_NAMES}."
        )
    if len(bodies) < len(Vertebra):
        found.append(f"Only {len(bodies)} vertebrae were recognized. {CHECK_NAMES}.")
    centers = np.array([centroid(body) for body in bodies])
    steps = np.linalg.norm(np.diff(centers, axis=0), axis=1)
    ratios = steps / np.median(steps)
    low, high = SPACING_RANGE_RATIO
    if ((ratios < low) | (ratios > high)).any():
        found.append(
            "The distances between the vertebrae are uneven, so one may have been "
            f"missed or two taken for one. {CHECK_NAMES}."
        )
    return found
