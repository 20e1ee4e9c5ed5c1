"""What the grading looks at: signal and shape of each disc, as plain ratios."""

from dataclasses import astuple, dataclass, replace
from typing import Final

import numpy as np

from inference.boxes import box_of
from inference.errors import UnmeasurableError
from inference.levels import NamedSpine, centroid
from inference.measurements import fluid_signal
from inference.midsagittal import MidSagittal
from inference.results import Level

#: Part of the disc's length that counts as nucleus. Our choice: the middle half.
NUCLEUS_PART: Final = 0.5


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


def disc_features(plane: MidSagittal, spine: NamedSpine) -> dict[Level, DiscFeatures]:
    """Describe each disc that can be measured.

    Args:
        plane: The mid-sagittal slice of a T2-weighted series.
        spine: Its named instances.

    """
    found = {}
    for level in Level:
        try:
            found[level] = _features(plane, spine, level)
        except UnmeasurableError:
            continue
    brightest = max((item.signal for item in found.values()), default=1.0)
    tallest = max((item.height_index for item in found.values()), default=1.0)
    return {
        level: _relative(item, brightest=brightest, tallest=tallest)
        for level, item in found.items()
    }


def _features(plane: MidSagittal, spine: NamedSpine, level: Level) -> DiscFeatures:
    """Describe one disc.

    Raises:
        UnmeasurableError: The disc, a neighbor or the fluid cannot be measured.

    """
    bodies = [spine.bodies[name] for name in level.vertebrae if name in spine.bodies]
    if level not in spine.discs or not bodies:
        raise UnmeasurableError(f"{level} or its neighbors are missing")
    disc = spine.discs[level]
    box = box_of(disc, plane.pixel_mm)
    fluid = fluid_signal(plane, spine, centroid(disc)[0])
    heights = [box_of(body, plane.pixel_mm).height_mm for body in bodies]
    pixels = np.argwhere(disc) * plane.pixel_mm - box.center_mm
    values = plane.signal[disc] / fluid
    is_nucleus = np.abs(pixels @ box.along) < box.width_mm / 2 * NUCLEUS_PART
    if is_nucleus.all() or not is_nucleus.any():
        raise UnmeasurableError(f"{level} has no middle and ends")
    return DiscFeatures(
        level_index=list(Level).index(level),
        signal=float(values.mean()),
        nucleus_signal=float(values[is_nucleus].mean()),
        bright_signal=float(np.percentile(values, 90)),
        contrast=float(values[is_nucleus].mean() - values[~is_nucleus].mean()),
        variation=float(values.std() / values.mean()),
        bone_signal=float(
            np.mean([plane.signal[body].mean() for body in bodies]) / fluid
        ),
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
