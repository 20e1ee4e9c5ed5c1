"""Canal and vertebral bodies: told apart, and in their order along the spine.

Order and distance are taken from body to body, never from image rows, so that a
scoliosis, a lordosis or a turned image changes nothing.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.errors import SpineNotFoundError
from inference.geometry.midsagittal import MidSagittal
from inference.geometry.pieces import (
    Mask,
    Piece,
    Point,
    between,
    direction_at,
    parts,
    unit,
    usual_step,
)
from inference.results import Structure

MIN_CANAL_PART_MM2: Final = 40.0  # our choice: a narrow canal breaks into parts
MIN_BODY_MM2: Final = 150.0  # our choice: a quarter of a body of 25 x 25 mm
#: Bone thinner than twice this is no body but a bridge or an arch. Our choice: less
#: than half of a crushed vertebra of 9 mm, more than half of a bridge of 6 mm.
CORE_MM: Final = 4.0
CORNER_RATIO: Final = 1.5  # a square corner lies sqrt(2) times as far from the core
#: Farthest from the middle of the body to its canal, in the square root of its area.
#: Our choice: it is 0.9 in health; a slip of half a body adds 0.5.
MAX_IN_FRONT_RATIO: Final = 1.5
#: Distance from body to body in the square root of a body's area. Our choice: 36 mm
#: over that of 27 x 33 mm.
STEP_RATIO: Final = 1.2
MAX_TURN_DEGREES: Final = 55.0  # our choice: lordosis turns by 25, a slip by 20 more
#: From body to body, in the usual step. Our choice: the parts of one broken body lie
#: closer than 0.6, one missed between two makes 2, and more is another structure.
STEP_RATIOS: Final = (0.25, 2.5)
BROKEN_RATIO: Final = 0.6
#: Length of fused bodies in that of the median one. Our choice: two have 2, or less if
#: they are crushed, and then part of a disc must be seen inside.
TALL_RATIO: Final = 1.6
TALL_WITH_DISC_RATIO: Final = 1.35


def bodies_of(
    plane: MidSagittal,
    discs: Sequence[Piece],
    canal: Mask,
    center_line: NDArray[np.float64],
) -> list[Piece]:
    """Return the vertebral bodies without their arches, from the lowest upward.

    Args:
        plane: The mid-sagittal slice.
        discs: Parts of discs: no body lies across one.
        canal: The spinal canal.
        center_line: Its middle, as ``center_line_of`` returns it.

    Raises:
        SpineNotFoundError: There are fewer than two.

    """
    chain = _chain(_thick_parts(plane, canal, center_line), canal, center_line)
    return _cut(_joined(chain, discs), discs)


def canal_of(plane: MidSagittal) -> Mask:
    """Return the canal without specks.

    Raises:
        SpineNotFoundError: Nothing but specks was found.

    """
    found = parts(plane.mask(Structure.CANAL), MIN_CANAL_PART_MM2 / plane.pixel_mm**2)
    if not found:
        raise SpineNotFoundError("no canal in the middle slice")
    canal: Mask = np.logical_or.reduce([part.mask for part in found])
    return canal


def center_line_of(canal: Mask) -> NDArray[np.float64]:
    """Return the canal's middle column per row, carried on straight beyond its ends."""
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


def _thick_parts(
    plane: MidSagittal, canal: Mask, center_line: NDArray[np.float64]
) -> list[Piece]:
    """Thick parts of bone that do not lie behind the canal.

    What is thinner than a core falls away: bridges between neighbors, and arches.
    """
    rows = np.flatnonzero(canal.any(axis=1))
    behind = np.arange(canal.shape[1])[None] >= center_line[:, None]
    behind[: rows[0]] = behind[rows[-1] + 1 :] = False  # nobody knows there
    bone = ndimage.binary_fill_holes(plane.mask(Structure.VERTEBRA)) & ~behind
    core_px = CORE_MM / plane.pixel_mm
    # The distance ignores the edge of the image: a body that it cuts keeps its core.
    labels, count = ndimage.label(ndimage.distance_transform_edt(bone) > core_px)
    if not count:
        return []
    away, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    near = bone & (away <= CORNER_RATIO * core_px)
    spread = np.where(near, labels[tuple(nearest)], 0)
    sizes = np.bincount(spread.ravel(), minlength=count + 1) * plane.pixel_mm**2
    return [
        Piece.of(spread == label)
        for label in range(1, count + 1)
        if sizes[label] >= MIN_BODY_MM2
    ]


def _chain(
    pieces: Sequence[Piece], canal: Mask, center_line: NDArray[np.float64]
) -> list[Piece]:
    """Pick the pieces that follow each other like bodies, from the lowest upward.

    Raises:
        SpineNotFoundError: There are fewer than two.

    """
    sure = [piece for piece in pieces if _is_by_canal(piece, canal, center_line)]
    if not sure:
        raise SpineNotFoundError("no vertebral body in the middle slice")
    start = sorted(sure, key=lambda piece: piece.center_px[0])[len(sure) // 2]
    step_px = STEP_RATIO * float(np.median([piece.area_px for piece in sure])) ** 0.5
    up = np.array([-1.0, 0.0])
    below = _walk(start, -up, pieces, step_px)
    above = _walk(start, up, pieces, step_px)
    chain = [*reversed(below), start, *above]
    if len(chain) < 2:  # noqa: PLR2004  a spine has more than one
        raise SpineNotFoundError("1 vertebral bodies in the middle slice")
    return chain


def _is_by_canal(piece: Piece, canal: Mask, center_line: NDArray[np.float64]) -> bool:
    row, column = piece.center_px
    if not canal[round(row)].any():
        return False
    rows = np.arange(len(center_line))
    nearest_px = np.hypot(rows - row, center_line - column).min()
    return bool(nearest_px < MAX_IN_FRONT_RATIO * piece.area_px**0.5)


def _walk(
    start: Piece, direction: Point, pieces: Sequence[Piece], step_px: float
) -> list[Piece]:
    """Go from body to body while the next one lies roughly ahead."""
    chain = [start]
    while True:
        ahead = []
        for piece in pieces:
            way = piece.center_px - chain[-1].center_px
            distance = float(np.linalg.norm(way))
            is_new = all(piece is not visited for visited in chain)
            if is_new and STEP_RATIOS[0] <= distance / step_px <= STEP_RATIOS[1]:
                turn = np.degrees(np.arccos(np.clip(way @ direction / distance, -1, 1)))
                if turn <= MAX_TURN_DEGREES:
                    ahead.append((distance * (1 + turn / 90), piece))
        if not ahead:
            return chain[1:]
        _, following = min(ahead, key=lambda item: item[0])
        direction = unit(following.center_px - chain[-1].center_px)
        chain.append(following)


def _joined(bodies: Sequence[Piece], discs: Sequence[Piece]) -> list[Piece]:
    """Put the parts of a broken body together: near, and no disc between them."""
    step_px = usual_step(bodies)
    joined = [bodies[0]]
    for body in bodies[1:]:
        last = joined[-1]
        is_near = np.linalg.norm(body.center_px - last.center_px) < (
            BROKEN_RATIO * step_px
        )
        if is_near and not between(last.center_px, body.center_px, discs, step_px):
            joined[-1] = Piece.of(last.mask | body.mask)
        else:
            joined.append(body)
    return joined if len(joined) > 1 else list(bodies)


def _cut(bodies: Sequence[Piece], discs: Sequence[Piece]) -> list[Piece]:
    """Cut bodies in two that are fused: at the disc inside, or in the middle."""
    centers = [body.center_px for body in bodies]
    ups = [direction_at(centers, index) for index in range(len(bodies))]
    lengths = [_extent(body, up) for body, up in zip(bodies, ups, strict=True)]
    found: list[Piece] = []
    for index, body in enumerate(bodies):
        others = [*lengths[:index], *lengths[index + 1 :]]
        half = ups[index] * lengths[index] / 2
        ends = (body.center_px - half, body.center_px + half)
        inside = [disc for _, disc in between(*ends, discs, usual_step(bodies))]
        limit = TALL_WITH_DISC_RATIO if inside else TALL_RATIO
        if lengths[index] < limit * float(np.median(others)):
            found.append(body)
        else:
            at = max(inside, key=lambda disc: disc.area_px, default=body)
            found += _halves(body, at.center_px, ups[index])
    return found


def _halves(body: Piece, at_px: Point, up: Point) -> list[Piece]:
    """Both sides of a cut across the spine, the lower one first."""
    rows, columns = np.indices(body.mask.shape)
    is_above = (rows - at_px[0]) * up[0] + (columns - at_px[1]) * up[1] > 0
    sides = [body.mask & ~is_above, body.mask & is_above]
    return [Piece.of(side) for side in sides] if all(s.any() for s in sides) else [body]


def _extent(body: Piece, direction: Point) -> float:
    low, high = np.percentile(np.argwhere(body.mask) @ direction, [5, 95])
    return float(high - low)
