"""Which disc is L5/S1: a small score per disc, and from it a probability.

The sacrum has no label of its own, so what is known of it is put together: what the
network says of this disc, that it takes the body below for no vertebra, and that the
disc is as large as others and steeper. The weights are those of a conditional logit
(McFadden 1974) on patients with landmarks; ``python -m inference.training levels`` fits
them again and checks the probabilities on patients left out.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from inference.geometry.column import Column
from inference.geometry.midsagittal import CHANNEL, MidSagittal
from inference.geometry.pieces import Mask, Point, long_axis
from inference.results import Structure

#: Circle inside a body, in steps. Our choice: stays off its borders.
BODY_RADIUS_STEPS: Final = 0.25
#: Network's probability of L5/S1, summed over all discs in the area of a usual disc,
#: from which it counts as known. Our choice: a tenth of one disc.
KNOWN_RATIO: Final = 0.1
#: Probability that means "surely not". Our choice: below it lies noise; from there to 1
#: the evidence grows with the logarithm, as doubt does.
SURELY_NOT: Final = 0.01
#: Our choice: the disc below a body was missed, or collapsed, or was cut off.
MISSED_SIZE: Final = 0.5
STEEPEST_DEGREES: Final = 45.0  # our choice: against the middle of the spine


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What speaks for a disc as L5/S1, or against it; each value from 0 to 1.

    Attributes:
        named: Part of the network's L5/S1 that lies here, on a logarithmic scale; zero
            for every disc where the network does not know it.
        bone_below: Probability of vertebra in the body below, on the same scale.
        size: Area of the disc over the median of this spine; at most 1,
            ``MISSED_SIZE`` where a body has none, and 0 where neither was recognized.
        steepness: How far its back lies higher than its front, against the median of
            this spine; 1 for 45 degrees or more.

    """

    named: float
    bone_below: float
    size: float
    steepness: float


#: Weight of each evidence, in its order, fitted on 171 patients and rounded.
WEIGHTS: Final = np.array([2.7, -1.0, 1.3, 3.4])
#: The same where the network names no disc L5/S1, or does not know it.
WEIGHTS_UNNAMED: Final = np.array([0.0, -3.0, 2.8, 4.2])


def probabilities(found: Sequence[Evidence]) -> NDArray[np.float64]:
    """Return for each segment the probability that its disc is L5/S1; they sum to 1."""
    is_named = any(item.named for item in found)
    weights = WEIGHTS if is_named else WEIGHTS_UNNAMED
    chances: NDArray[np.float64] = softmax(rows(found) @ weights)
    return chances


def rows(found: Sequence[Evidence]) -> NDArray[np.float64]:
    """Return the evidence as a table, one row per segment."""
    return np.array([astuple(item) for item in found])


def evidence(plane: MidSagittal, column: Column) -> list[Evidence]:
    """Return for each segment what speaks for its disc as L5/S1."""
    discs = [segment.disc for segment in column.segments]
    areas = [0.0 if disc is None else float(disc.sum()) for disc in discs]
    usual = float(np.median([area for area in areas if area] or [1.0]))
    slopes = [None if disc is None else _slope_degrees(disc) for disc in discs]
    level = float(np.median([slope for slope in slopes if slope is not None] or [0.0]))
    names = [0.0 if d is None else float(plane.lumbosacral[d].sum()) for d in discs]
    known = max(sum(names), KNOWN_RATIO * usual)
    bone = [_bone(plane, item.body_px, column.step_px) for item in column.segments]
    return [
        Evidence(
            named=_logarithmic(name / known),
            bone_below=below,
            size=min(1.0, area / usual)
            if area or segment.body is None
            else MISSED_SIZE,
            steepness=0.0
            if slope is None
            else float(np.clip((slope - level) / STEEPEST_DEGREES, 0, 1)),
        )
        for segment, name, below, area, slope in zip(
            column.segments, names, [0.0, *bone[:-1]], areas, slopes, strict=True
        )
    ]


def _slope_degrees(disc: Mask) -> float:
    """How far the back of a disc lies higher than its front."""
    down, back = long_axis(disc)
    return float(np.degrees(np.arctan2(-down, back)))


def _bone(plane: MidSagittal, center_px: Point, step_px: float) -> float:
    """How far a place is vertebra, from 0 to 1; 0 outside of the image."""
    bone = plane.probabilities[CHANNEL[Structure.VERTEBRA]]
    radius = BODY_RADIUS_STEPS * step_px
    low = np.maximum(np.floor(center_px - radius), 0).astype(int)
    high = np.maximum(np.ceil(center_px + radius + 1), 0).astype(int)
    around = bone[low[0] : high[0], low[1] : high[1]]
    rows, columns = np.indices(around.shape)
    offsets = (rows + low[0] - center_px[0], columns + low[1] - center_px[1])
    within = np.hypot(*offsets) <= radius
    return _logarithmic(float(around[within].mean()) if within.any() else 0.0)


def _logarithmic(probability: float) -> float:
    """Put a probability on a scale from 0 (surely not) to 1."""
    return float(1 - np.log(max(probability, SURELY_NOT)) / np.log(SURELY_NOT))
