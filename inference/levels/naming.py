"""Which vertebra and which disc is which: named from the sacrum upward, with doubt.

On a lumbar image nobody can tell a lumbar vertebra from a thoracic or a sacral one with
certainty. The names are therefore a proposal with a confidence, sentences say what
speaks against it, and a person can move all names by one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.geometry.column import Column, Segment, column_of
from inference.geometry.midsagittal import MidSagittal
from inference.geometry.pieces import Mask, centroid, long_axis, touches_edge
from inference.levels.lumbosacral import Evidence, evidence, probabilities
from inference.results import (
    MAX_LEVEL_SHIFT,
    SURE_OF_LEVELS,
    Level,
    Structure,
    Vertebra,
)

#: Our choice: neighboring bodies lie 30 to 40 mm apart, and evenly; a larger deviation
#: from the median distance means that one was missed or two were fused.
SPACING_RANGE_RATIO: Final = (0.65, 1.45)
#: A sacrum out of view cannot be counted from, whatever else is seen.
SACRUM_UNSEEN_CONFIDENCE: Final = 0.5
#: What the network may say of a second disc as L5/S1, on the scale of ``Evidence``. Our
#: choice: a small part of its whole L5/S1.
RIVAL_NAMED: Final = 0.2
#: Length of L5/S1 in that of L4/L5. Our choice: few have a shorter one, and so has a
#: disc above or below a transitional vertebra.
RUDIMENTARY_RATIO: Final = 0.7

Name = TypeVar("Name", Level, Vertebra)
CHECK_NAMES: Final = "Check the level names on the picture before you sign"
NAMES: Final = tuple(reversed(Vertebra))
LEVELS: Final = tuple(reversed(Level))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamedSpine:
    """Instances on the mid-sagittal slice.

    Attributes:
        bodies: Vertebral bodies without posterior elements, by name.
        discs: Discs, by name.
        unnamed: Bodies and discs above L1 and below L5/S1.
        canal: The spinal canal.
        center_line: Column of the canal's middle for each row, in pixels.
        confidence: Probability that the names are right, 0 to 1.
        warnings: Sentences for the clinician about the names.

    All masks are boolean, shape ``(rows, columns)`` of the mid-sagittal slice.
    """

    bodies: Mapping[Vertebra, Mask]
    discs: Mapping[Level, Mask]
    unnamed: Sequence[tuple[Structure, Mask]]
    canal: Mask
    center_line: NDArray[np.float64]
    confidence: float
    warnings: tuple[str, ...]

    @property
    def partial(self) -> frozenset[Vertebra]:
        """Bodies that the edge of the image cuts."""
        return frozenset(n for n, body in self.bodies.items() if touches_edge(body))

    def instances(self, structure: Structure) -> list[Mask]:
        """All bodies or all discs, named or not, from the lowest upward."""
        named = self.bodies if structure is Structure.VERTEBRA else self.discs
        masks = list(named.values())
        masks += [mask for kind, mask in self.unnamed if kind is structure]
        return sorted(masks, key=lambda mask: -centroid(mask)[0])


def name_levels(plane: MidSagittal, shift: int = 0) -> NamedSpine:
    """Tell bodies and discs apart, and name them from the sacrum upward.

    Args:
        plane: The mid-sagittal slice.
        shift: By how many all names move: with 1 every vertebra gets the name of the
            one above it, so that the proposed L5 becomes L4; with -1 the other way.

    Raises:
        SpineNotFoundError: There are fewer than two vertebral bodies.
        ValueError: The shift is larger than ``MAX_LEVEL_SHIFT``.

    """
    if abs(shift) > MAX_LEVEL_SHIFT:
        raise ValueError(f"names move by {MAX_LEVEL_SHIFT} at most, got {shift}")
    column = column_of(plane)
    found = evidence(plane, column)
    chances = probabilities(found)
    # Of equals the highest: a vertebra that is seen is likelier L5 than an unseen one.
    proposed = len(chances) - 1 - int(chances[::-1].argmax())
    confidence = _confidence(column, chances, proposed - shift)
    doubts = [] if shift else _doubts(found, chances, proposed, confidence)
    named = _Named(column=column, lowest=proposed - shift)
    return NamedSpine(
        bodies={n: s.body for n, s in named.vertebrae() if s.body is not None},
        discs={n: s.disc for n, s in named.levels() if s.disc is not None},
        unnamed=tuple(named.others()),
        canal=column.canal,
        center_line=column.center_line,
        confidence=confidence,
        warnings=(*doubts, *_warnings(named)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Named:
    """A column with the index of the segment that is called L5 with L5/S1.

    The index may lie outside of the column, where the names were moved there.
    """

    column: Column
    lowest: int

    def vertebrae(self) -> list[tuple[Vertebra, Segment]]:
        """Lumbar vertebrae from L5 upward, as far as the column goes."""
        return list(self._from_lowest(NAMES))

    def levels(self) -> list[tuple[Level, Segment]]:
        """Lumbar discs from L5/S1 upward, as far as the column goes."""
        return list(self._from_lowest(LEVELS))

    def below(self) -> Sequence[Segment]:
        """What lies below L5/S1."""
        return self.column.segments[: max(0, self.lowest)]

    def others(self) -> Iterator[tuple[Structure, Mask]]:
        """Bodies and discs that have no lumbar name."""
        above = self.column.segments[max(0, self.lowest + len(NAMES)) :]
        for segment in (*self.below(), *above):
            if segment.body is not None:
                yield Structure.VERTEBRA, segment.body
            if segment.disc is not None:
                yield Structure.DISC, segment.disc

    def _from_lowest(self, names: Sequence[Name]) -> Iterator[tuple[Name, Segment]]:
        segments = self.column.segments
        for index, name in enumerate(names, start=self.lowest):
            if 0 <= index < len(segments):
                yield name, segments[index]


def _confidence(column: Column, chances: NDArray[np.float64], lowest: int) -> float:
    if not 0 <= lowest < len(chances):
        return 0.0
    confidence = float(chances[lowest])
    if column.segments[lowest].disc is None:
        return min(confidence, SACRUM_UNSEEN_CONFIDENCE)
    return confidence


def _doubts(
    found: Sequence[Evidence],
    chances: NDArray[np.float64],
    proposed: int,
    confidence: float,
) -> Iterator[str]:
    """Say that the names are a proposal, and what else they may be."""
    if confidence >= SURE_OF_LEVELS:
        named = [item.named for item in found]
        if max((*named[:proposed], *named[proposed + 1 :]), default=0.0) > RIVAL_NAMED:
            yield (
                "The network sees signs of L5/S1 at a second disc, so there may be a "
                f"transitional vertebra. {CHECK_NAMES}."
            )
        return
    other = int(np.where(np.arange(len(chances)) == proposed, 0, chances).argmax())
    if other > proposed:
        instead = "above it, and then every name moves one lower"
    else:
        instead = "below it, and then every name moves one higher"
    yield (
        f"The level names are only a proposal, with a confidence of {confidence:.0%}. "
        f"The disc L5/S1 may also be the one {instead} ({chances[other]:.0%}). "
        "Count the vertebrae, move the names where they are wrong, and confirm them."
    )


def _warnings(named: _Named) -> Iterator[str]:
    segments, lowest = named.column.segments, named.lowest
    if not 0 <= lowest < len(segments):
        yield f"The names lie outside of what was recognized. {CHECK_NAMES}."
        return
    yield from _sacrum_warnings(named)
    yield from _missing_warnings(named)
    bodies = [segment for segment in segments if segment.body is not None]
    if len(bodies) < len(Vertebra):
        yield f"Only {len(bodies)} vertebrae were recognized. {CHECK_NAMES}."
    centers = np.array([segment.body_px for segment in bodies])
    ratios = np.linalg.norm(np.diff(centers, axis=0), axis=1) / named.column.step_px
    low, high = SPACING_RANGE_RATIO
    if ((ratios < low) | (ratios > high)).any():
        yield (
            "The distances between the vertebrae are uneven, so one may have been "
            f"missed or two taken for one. {CHECK_NAMES}."
        )


def _sacrum_warnings(named: _Named) -> Iterator[str]:
    """Say where the sacrum was not seen or its last disc is not as usual."""
    if named.column.segments[named.lowest].disc is None:
        yield (
            "No disc was found below the lowest vertebra, so the sacrum may be out of "
            f"view and every name may be too low. {CHECK_NAMES}."
        )
    elif _is_rudimentary(named):
        yield (
            "The disc taken for L5/S1 is much shorter than the one above, so the "
            "vertebra between them may be transitional, and there may be four or six "
            f"lumbar ones. {CHECK_NAMES}."
        )
    if any(segment.body is not None for segment in named.below()):
        yield (
            "A vertebra was recognized below the disc taken for L5/S1, so there may be "
            f"six lumbar vertebrae or a transitional one. {CHECK_NAMES}."
        )
    lowest = next(item for item in named.column.segments if item.body is not None)
    if lowest.body is not None and lowest.body[-1].any():
        yield (
            "The lowest vertebra touches the edge of the image: the sacrum is not in "
            f"view. {CHECK_NAMES}."
        )


def _is_rudimentary(named: _Named) -> bool:
    discs = [item.disc for _, item in named.levels()[:2] if item.disc is not None]
    lengths = [_length_px(disc) for disc in discs]
    return len(lengths) > 1 and lengths[0] < RUDIMENTARY_RATIO * lengths[1]


def _length_px(disc: Mask) -> float:
    """Length of a disc along its own axis."""
    low, high = np.percentile(np.argwhere(disc) @ long_axis(disc), [2, 98])
    return float(high - low)


def _missing_warnings(named: _Named) -> Iterator[str]:
    """Say which bodies and discs were not recognized between others."""
    discs = [name for name, item in named.levels()[1:] if item.disc is None]
    if discs:
        yield (
            f"No disc was found at {', '.join(reversed(discs))}: collapsed, fused or "
            f"missed. {CHECK_NAMES}."
        )
    last = len(named.column.segments) - 1  # only its disc may be in the image
    bodies = [
        name
        for index, (name, item) in enumerate(named.vertebrae(), start=named.lowest)
        if item.body is None and index < last
    ]
    if bodies:
        yield (
            f"No vertebra was recognized at {', '.join(reversed(bodies))}, where there "
            f"is room for one: the names count it. {CHECK_NAMES}."
        )
