"""Central canal stenosis by geometry: a class per level, with probabilities.

What is measured is the dural sac as SPIDER outlines it, on one mid-sagittal surface,
lying. Verbiest measured the bony canal, which is wider: "relative" comes too often
here. Of the sac itself a mid-sagittal diameter below 10 mm is called stenosis
(https://www.medscape.com/viewarticle/874466_8). No limits of the sac by level were
found; those of the bony canal (doi:10.4103/jcis.JCIS_24_17, L1: 14.5 mm in men) would
make most sacs narrow, so they are shown beside the value and decide nothing.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

from inference.results import CentralStenosis, LevelMeasurement

QUANTITY: Final = "canal_diameter_mm"
ABSOLUTE_MM: Final = 10.0  # Verbiest 1977, in doi:10.1186/1471-2474-12-175
RELATIVE_MM: Final = 12.0  # the same
#: How much too wide the served network reads a canal behind a disc, on average: mean of
#: ``length_errors.canal_diameter_mm`` by ``python -m inference.training evaluate``. A
#: test compares it with what was measured.
TOO_WIDE_MM: Final = 0.68
#: Half width of the interval for 95 of 100, the least in any case: what 95 of the same
#: errors stay within.
LEAST_UNCERTAINTY_MM: Final = 2.0
_SIGMAS: Final = NormalDist().inv_cdf(0.975)


def central_stenoses(levels: Sequence[LevelMeasurement]) -> tuple[CentralStenosis, ...]:
    """Classify each canal that was measured; the others have no entry."""
    return tuple(
        CentralStenosis(
            level=item.level,
            probabilities=class_probabilities(
                item.canal_diameter_mm, _uncertainty_mm(item)
            ),
        )
        for item in levels
        if item.canal_diameter_mm is not None
    )


def class_probabilities(
    canal_mm: float, uncertainty_mm: float
) -> tuple[float, float, float]:
    """Return the probabilities of the classes of ``CanalClass``, in their order.

    The true diameter is taken as normal about the measured one, less what is too wide.
    The interval is about the measured one and covers that too, so its share is taken
    off the spread.

    Args:
        canal_mm: As measured.
        uncertainty_mm: Half width of the interval for 95 of 100, at least
            ``LEAST_UNCERTAINTY_MM``.

    """
    spread_mm = math.sqrt((uncertainty_mm / _SIGMAS) ** 2 - TOO_WIDE_MM**2)
    true = NormalDist(canal_mm - TOO_WIDE_MM, spread_mm)
    absolute = true.cdf(ABSOLUTE_MM)
    narrow = true.cdf(RELATIVE_MM)
    return 1 - narrow, narrow - absolute, absolute


def _uncertainty_mm(item: LevelMeasurement) -> float:
    known = [
        caliper.uncertainty_mm
        for caliper in item.calipers
        if caliper.quantity == QUANTITY and caliper.uncertainty_mm is not None
    ]
    return max([LEAST_UNCERTAINTY_MM, *known])
