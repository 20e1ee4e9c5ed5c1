"""What the grading looks at: signal and shape of each disc, as plain ratios."""

from dataclasses import astuple, dataclass, replace

import numpy as np

from inference.disc_signal import disc_signal
from inference.errors import UnmeasurableError
from inference.levels import NamedSpine
from inference.midsagittal import MidSagittal
from inference.results import Level
from inference.shapes import Shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscFeatures:
    """One disc in numbers; signals are relative to cerebrospinal fluid.

    Attributes:
        level_index: 0 for L1/L2 to 4 for L5/S1.
        signal: Mean of the disc.
        nucleus_signal: Mean of its middle half.
        bright_signal: Its 90th percentile.
        contrast: Mean of the middle half less that of both ends.
        variation: Standard deviation over the mean.
        bone_signal: Mean of the neighboring vertebral bodies.
        height_index: Height over the mean height of the neighboring bodies.
        signal_in_spine: Signal over that of the brightest disc of this spine.
        height_in_spine: Height index over that of the tallest disc of this spine.

    """

    level_index: int
    signal: float
    nucleus_signal: float
    bright_signal: float
    contrast: float
    variation: float
    bone_signal: float
    height_index: float
    signal_in_spine: float = float("nan")
    height_in_spine: float = float("nan")

    def row(self) -> tuple[float, ...]:
        """Return the values in the order of the attributes."""
        return astuple(self)


def disc_features(
    plane: MidSagittal, spine: NamedSpine, shapes: Shapes
) -> dict[Level, DiscFeatures]:
    """Describe each disc that can be measured.

    Args:
        plane: The mid-sagittal surface of a T2-weighted series.
        spine: Its named instances.
        shapes: Their shapes.

    """
    found = {}
    for level in Level:
        try:
            found[level] = _features(plane, spine, shapes, level)
        except UnmeasurableError:
            continue
    brightest = max((item.signal for item in found.values()), default=1.0)
    tallest = max((item.height_index for item in found.values()), default=1.0)
    return {
        level: _relative(item, brightest=brightest, tallest=tallest)
        for level, item in found.items()
    }


def _features(
    plane: MidSagittal, spine: NamedSpine, shapes: Shapes, level: Level
) -> DiscFeatures:
    """Describe one disc.

    Raises:
        UnmeasurableError: The disc, its neighbors or the fluid cannot be measured.

    """
    bodies = [name for name in level.vertebrae if name in shapes.bodies]
    if level not in shapes.discs or not bodies:
        raise UnmeasurableError(f"{level} or its neighbors are missing")
    box = shapes.discs[level]
    signal = disc_signal(plane, spine, spine.discs[level], box)
    bones = [plane.signal[spine.bodies[name]].mean() for name in bodies]
    heights = [shapes.bodies[name].height_mm for name in bodies]
    return DiscFeatures(
        level_index=list(Level).index(level),
        signal=signal.mean,
        nucleus_signal=signal.nucleus,
        bright_signal=signal.bright,
        contrast=signal.nucleus - signal.rim,
        variation=signal.heterogeneity,
        bone_signal=float(np.mean(bones)) / signal.fluid,
        height_index=box.height_mm / float(np.mean(heights)),
    )


def _relative(
    features: DiscFeatures, *, brightest: float, tallest: float
) -> DiscFeatures:
    """Add what the disc is like beside the best disc of the same spine."""
    return replace(
        features,
        signal_in_spine=features.signal / brightest,
        height_in_spine=features.height_index / tallest,
    )
