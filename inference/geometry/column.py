"""Bodies and discs strung along the spine's own course, from the lowest upward.

No names here: that a vertebra or a disc was missed leaves room for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.geometry.bodies import (
    MAX_TURN_DEGREES,
    bodies_of,
    canal_of,
    center_line_of,
)
from inference.geometry.midsagittal import MidSagittal
from inference.geometry.pieces import (
    Mask,
    Piece,
    Point,
    between,
    centroid,
    direction_at,
    parts,
    unit,
    usual_step,
)
from inference.results import Structure

MIN_DISC_MM2: Final = 8.0  # our choice: a third of a collapsed, broken disc of 1 x 25
#: From body to body, in the usual step. Our choice: one missed between two makes 2.
MISSED_RATIO: Final = 1.6
SAME_DISC_STEPS: Final = 0.4  # our choice: pieces of one disc are as near, a body not
#: From disc to disc where no body was recognized between them. Our choice: a piece of
#: the same disc lies nearer, and the next but one farther.
NEXT_DISC_STEPS: Final = (0.5, 1.4)
STEPS_BELOW: Final = 4  # our choice: L5, S1 and S2 may have discs below, and nothing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """One vertebra and the disc below it.

    Attributes:
        body: Its body without the arch; ``None`` where none was recognized.
        disc: ``None`` where none was recognized.
        body_px: (row, column) of the middle of the body, or where it should be.
        disc_px: The same of the disc.

    """

    body: Mask | None
    disc: Mask | None
    body_px: Point
    disc_px: Point


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """The spine on one slice.

    Attributes:
        segments: From the lowest upward. The first is only expected: nothing was
            recognized there.
        step_px: Usual distance from body to body.
        canal: The spinal canal.
        center_line: Column of the canal's middle for each row, in pixels.

    All masks are boolean, shape ``(rows, columns)`` of the mid-sagittal slice.
    """

    segments: tuple[Segment, ...]
    step_px: float
    canal: Mask
    center_line: NDArray[np.float64]


def column_of(plane: MidSagittal) -> Column:
    """Tell bodies and discs apart, and string them along the course of the spine.

    Raises:
        SpineNotFoundError: There is no canal, or fewer than two bodies.

    """
    canal = canal_of(plane)
    center_line = center_line_of(canal)
    discs = parts(plane.mask(Structure.DISC), MIN_DISC_MM2 / plane.pixel_mm**2)
    bodies = bodies_of(plane, discs, canal, center_line)
    return Column(
        segments=_segments(bodies, discs),
        step_px=usual_step(bodies),
        canal=canal,
        center_line=center_line,
    )


def _segments(bodies: Sequence[Piece], discs: Sequence[Piece]) -> tuple[Segment, ...]:
    """Pair each body with the disc below it, and leave room for what was missed."""
    step_px = usual_step(bodies)
    found = _segments_below(bodies, discs, step_px)
    for lower, upper in pairwise(bodies):
        found += _segments_between(lower, upper, discs, step_px)
    top = bodies[-1].center_px
    beyond = top + step_px * direction_at(
        [b.center_px for b in bodies], len(bodies) - 1
    )
    disc = _whole_disc(between(top, beyond, discs, step_px))
    if disc is not None:
        found.append(
            Segment(body=None, disc=disc, body_px=beyond, disc_px=centroid(disc))
        )
    return tuple(found)


def _segments_between(
    lower: Piece, upper: Piece, discs: Sequence[Piece], step_px: float
) -> list[Segment]:
    """The upper body with its disc, after those that were missed in between."""
    way = upper.center_px - lower.center_px
    steps = float(np.linalg.norm(way)) / step_px
    count = max(2, round(steps)) if steps > MISSED_RATIO else 1
    within = between(lower.center_px, upper.center_px, discs, step_px)
    found = []
    for number in range(count):
        start, end = number / count * steps, (number + 1) / count * steps
        disc = _whole_disc([item for item in within if start <= item[0] < end])
        expected = lower.center_px + way * (number + 0.5) / count
        found.append(
            Segment(
                body=upper.mask if number == count - 1 else None,
                disc=disc,
                body_px=lower.center_px + way * (number + 1) / count,
                disc_px=expected if disc is None else centroid(disc),
            )
        )
    return found


def _segments_below(
    bodies: Sequence[Piece], discs: Sequence[Piece], step_px: float
) -> list[Segment]:
    """The lowest body with its disc, after discs whose bodies were missed.

    Each step goes on from the last body through the disc below it, and one step goes
    to where nothing was recognized.
    """
    center = bodies[0].center_px
    down = -direction_at([body.center_px for body in bodies], 0)
    found: list[Segment] = []
    body: Mask | None = bodies[0].mask
    near = between(center + down * step_px, center, discs, step_px)
    for _ in range(STEPS_BELOW):
        disc = _whole_disc(near)
        middle = center + down * step_px / 2 if disc is None else centroid(disc)
        found.append(Segment(body=body, disc=disc, body_px=center, disc_px=middle))
        down = unit(middle - center)
        near = _discs_ahead(middle, down, discs, step_px)
        center, body = middle + down * step_px / 2, None
    while len(found) > 2 and found[-2].disc is None:  # noqa: PLR2004  body, expected
        found.pop()
    return found[::-1]


def _discs_ahead(
    from_px: Point, direction: Point, discs: Sequence[Piece], step_px: float
) -> list[tuple[float, Piece]]:
    """Discs one step on, roughly ahead, with how far on they lie in steps."""
    found = []
    for disc in discs:
        way = disc.center_px - from_px
        steps = float(np.linalg.norm(way)) / step_px
        if NEXT_DISC_STEPS[0] < steps < NEXT_DISC_STEPS[1]:
            turn = np.degrees(np.arccos(np.clip(unit(way) @ direction, -1, 1)))
            if turn <= MAX_TURN_DEGREES:
                found.append((float(way @ direction) / step_px, disc))
    return found


def _whole_disc(pieces: Sequence[tuple[float, Piece]]) -> Mask | None:
    """The largest piece with those that lie beside it: a thin disc breaks apart."""
    if not pieces:
        return None
    middle, _ = max(pieces, key=lambda item: item[1].area_px)
    beside = [piece.mask for at, piece in pieces if abs(at - middle) <= SAME_DISC_STEPS]
    whole: Mask = np.logical_or.reduce(beside)
    return whole
