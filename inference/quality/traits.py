"""What a found spine looks like, in few numbers that each have a meaning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.geometry.midsagittal import MidSagittal
from inference.geometry.pieces import around, centroid
from inference.levels.naming import NamedSpine
from inference.results import Structure

CERTAIN: Final = 0.8  # our choice: a pixel below is neither in nor out
BORDER_REACH_MM: Final = 2.0  # our choice: where a border may still be meant
#: Our choice: two neighbors always lie on a line and three on a bow, so that a small
#: number of bodies must not look like a perfect spine.
BOW_DEGREE: Final = 2
#: Added before a logarithm, so that nothing is infinitely small. Our choice: about the
#: smallest values of real spines.
SMALL: Final = 0.02
SMALLEST_PART: Final = 0.002  # idem, of parts that may be all or nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineTraits:
    """How a spine was found on the mid-sagittal slice.

    Attributes:
        bodies: Number of vertebral bodies, named or not.
        body_mm: Median of the square roots of the body areas.
        body_spread_ratio: Spread (standard deviation over mean) of these roots.
        step_mm: Median distance between the middles of neighboring bodies.
        step_spread_ratio: Spread of these distances.
        bend_mm: Root mean square distance of the bodies' middles from a smooth bow.
        certainty: Mean probability of the chosen class inside the structures.
        uncertain_mm: Area of uncertain pixels at the structures over the length of
            their borders: the width of an uncertain band.
        front_part: Part of the vertebral area that lies in front of the canal's middle.
        stray_part: Area that was labeled and belongs to no structure, posterior
            elements not counted, over the area of the structures.

    """

    bodies: int
    body_mm: float
    body_spread_ratio: float
    step_mm: float
    step_spread_ratio: float
    bend_mm: float
    certainty: float
    uncertain_mm: float
    front_part: float
    stray_part: float


#: Names of ``likeness_row``.
LIKENESS: Final = (
    "logit of certainty",
    "log of uncertain_mm",
    "log of body_spread_ratio",
    "log of step_spread_ratio",
    "log of step_mm over body_mm",
    "log of stray_part",
    "log of bend_mm over step_mm",
    "log of bodies",
    "logit of front_part",
)


def likeness_row(traits: SpineTraits) -> NDArray[np.float64]:
    """Return the traits that do not depend on the size of a pixel, made symmetric."""
    return np.array(
        [
            _logit(traits.certainty),
            np.log(traits.uncertain_mm + SMALL),
            np.log(traits.body_spread_ratio + SMALL),
            np.log(traits.step_spread_ratio + SMALL),
            np.log(traits.step_mm / traits.body_mm),
            np.log(traits.stray_part + SMALL),
            np.log(traits.bend_mm / traits.step_mm + SMALL),
            np.log(traits.bodies),
            _logit(traits.front_part),
        ]
    )


def _logit(part: float) -> float:
    bounded = np.clip(part, SMALLEST_PART, 1 - SMALLEST_PART)
    return float(np.log(bounded / (1 - bounded)))


def traits_of(plane: MidSagittal, spine: NamedSpine) -> SpineTraits:
    """Describe a found spine.

    Args:
        plane: The mid-sagittal slice.
        spine: Its instances: at least two bodies, and a canal.

    """
    bodies = spine.instances(Structure.VERTEBRA)
    vertebra = plane.mask(Structure.VERTEBRA)
    behind = np.arange(vertebra.shape[1]) > spine.center_line[:, None]
    stray = (plane.probabilities[0] < plane.probabilities[1:].max(axis=0)) & ~(
        vertebra & behind
    )
    structures = [*bodies, *spine.instances(Structure.DISC), spine.canal]
    inside = np.logical_or.reduce(structures)
    roots_mm = np.array([np.sqrt(np.count_nonzero(body)) for body in bodies])
    roots_mm *= plane.pixel_mm
    middles_mm = np.array([centroid(body) for body in bodies]) * plane.pixel_mm
    steps_mm = np.linalg.norm(np.diff(middles_mm, axis=0), axis=1)
    return SpineTraits(
        bodies=len(bodies),
        body_mm=float(np.median(roots_mm)),
        body_spread_ratio=float(roots_mm.std() / roots_mm.mean()),
        step_mm=float(np.median(steps_mm)),
        step_spread_ratio=float(steps_mm.std() / steps_mm.mean()),
        bend_mm=_bend_mm(middles_mm),
        certainty=float(plane.probabilities.max(axis=0)[inside].mean()),
        uncertain_mm=_uncertain_mm(plane, structures, inside),
        front_part=float((vertebra & ~behind).sum() / vertebra.sum()),
        stray_part=float((stray & ~inside).sum() / inside.sum()),
    )


def _bend_mm(middles_mm: NDArray[np.float64]) -> float:
    rows, columns = middles_mm.T
    scaled = (rows - rows.mean()) / max(float(np.ptp(rows)), 1.0)
    degree = min(BOW_DEGREE, len(rows) - 1)
    bow = np.polyval(np.polyfit(scaled, columns, degree), scaled)
    return float(np.sqrt(np.mean((columns - bow) ** 2)))


def _uncertain_mm(
    plane: MidSagittal,
    structures: Sequence[NDArray[np.bool_]],
    inside: NDArray[np.bool_],
) -> float:
    reach_px = round(BORDER_REACH_MM / plane.pixel_mm)
    crop = around(inside, reach_px)
    near = ndimage.binary_dilation(inside[crop], iterations=reach_px)
    uncertain = near & (plane.probabilities[:, *crop].max(axis=0) < CERTAIN)
    border_px = sum(border_length_px(mask[around(mask, 1)]) for mask in structures)
    return float(np.count_nonzero(uncertain) / border_px * plane.pixel_mm)


def border_length_px(mask: NDArray[np.bool_]) -> int:
    """Number of pixels of a mask that touch its outside."""
    return int((mask & ~ndimage.binary_erosion(mask)).sum())
