"""Each disc with its neighbors, turned level and scaled to its own spine.

What the grading looks at. Scaled to the spine, because pictures without a reliable
pixel size are graded too, and because a disc is low or wide beside its neighbors.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.errors import UnmeasurableError
from inference.geometry.midsagittal import CHANNEL, MidSagittal
from inference.geometry.pieces import Mask, Point, centroid, long_axis
from inference.levels.naming import NamedSpine
from inference.measurements.disc_signal import fluid_signal
from inference.measurements.shapes import Shapes
from inference.results import Level, Structure, Weighting

#: Rows and columns of a crop. Our choice: about the pixels of the network.
CROP: Final = (64, 96)
#: What a crop shows, in steps from disc to disc. Our choice: half of both bodies, and
#: a third more.
ROWS_STEPS: Final = (-0.6, 0.6)
#: The same in lengths of a body: from in front of the disc to behind the canal.
COLUMNS_BODIES: Final = (-0.75, 0.95)
STEP_PER_ROW: Final = (ROWS_STEPS[1] - ROWS_STEPS[0]) / CROP[0]
BODY_PER_COLUMN: Final = (COLUMNS_BODIES[1] - COLUMNS_BODIES[0]) / CROP[1]
#: (row, column) of the middle of the disc in its crop.
CENTER: Final = (
    -ROWS_STEPS[0] / STEP_PER_ROW - 0.5,
    -COLUMNS_BODIES[0] / BODY_PER_COLUMN - 0.5,
)
SURE_BONE: Final = 0.8  # our choice: probability that is no border
#: Signal that the network sees, of fluid (T2) or twice bone (T1). Our choice.
BRIGHTEST: Final = 2.0
DARKEST: Final = 1e-3
#: Where too little of a spine is seen. Our choice: of an adult.
STEP_MM: Final = 36.0
BODY_MM: Final = 35.0
#: Cosine of the largest angle between a disc and the way across its canal.
MIN_ACROSS_COSINE: Final = 0.7  # our choice: 45 degrees


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelCrop:
    """A disc in the middle of its neighbors; rows run down, columns to the back.

    Attributes:
        images: float32, shape ``(4, *CROP)``: signal over that of cerebrospinal fluid
            nearby, then the probabilities of the members of ``Structure``.

    """

    images: NDArray[np.float32]

    @property
    def signal(self) -> NDArray[np.float32]:
        """Signal over that of cerebrospinal fluid."""
        return self.images[0]

    @property
    def vertebra(self) -> NDArray[np.float32]:
        """Probability of a vertebra."""
        return self.images[CHANNEL[Structure.VERTEBRA]]

    @property
    def disc(self) -> NDArray[np.float32]:
        """Probability of a disc."""
        return self.images[CHANNEL[Structure.DISC]]

    @property
    def canal(self) -> NDArray[np.float32]:
        """Probability of the canal."""
        return self.images[CHANNEL[Structure.CANAL]]


def level_crops(
    plane: MidSagittal, spine: NamedSpine, shapes: Shapes
) -> dict[Level, LevelCrop]:
    """Cut out each named disc that has cerebrospinal fluid to compare with."""
    step_mm, body_mm = _scale_mm(plane, spine, shapes)
    down_mm = (np.arange(CROP[0]) - CENTER[0]) * STEP_PER_ROW * step_mm
    back_mm = (np.arange(CROP[1]) - CENTER[1]) * BODY_PER_COLUMN * body_mm
    found = {}
    for level in Level:
        mask = spine.discs.get(level)
        if mask is None:
            continue
        try:
            fluid = fluid_signal(plane, spine, centroid(mask)[0])
        except UnmeasurableError:
            continue
        center_mm, along = _frame(plane, mask, level, shapes)
        down = np.array([along[1], -along[0]])
        points_mm = (
            center_mm[:, None, None]
            + down[:, None, None] * down_mm[:, None]
            + along[:, None, None] * back_mm
        )
        images = _sampled(plane, points_mm / plane.pixel_mm)
        images[0] /= fluid
        found[level] = LevelCrop(images=images)
    return found


def network_input(crop: LevelCrop, weighting: Weighting) -> NDArray[np.float32]:
    """Return what the network of the grading sees, float32, shape ``(5, *CROP)``.

    The images of the crop, and a plane that is one on T1. There fluid is dark, so the
    signal is that over bone, scaled to look like T2.
    """
    is_t1 = weighting is Weighting.T1
    images = np.concatenate([crop.images, np.full((1, *CROP), is_t1, np.float32)])
    if is_t1:
        bone = crop.signal[crop.vertebra >= SURE_BONE]
        usual = float(np.median(bone)) if bone.size else 0.0
        images[0] /= max(2 * usual, DARKEST)
    images[0] = images[0].clip(0, BRIGHTEST)
    return images


def _scale_mm(
    plane: MidSagittal, spine: NamedSpine, shapes: Shapes
) -> tuple[float, float]:
    """Return the usual way from disc to disc, and the usual length of a body."""
    centers_mm = [
        centroid(spine.discs[level]) * plane.pixel_mm if level in spine.discs else None
        for level in Level
    ]
    steps_mm = [
        float(np.linalg.norm(below - above))
        for above, below in pairwise(centers_mm)
        if above is not None and below is not None
    ]
    widths_mm = [box.width_mm for box in shapes.bodies.values()]
    return (
        float(np.median(steps_mm)) if steps_mm else STEP_MM,
        float(np.median(widths_mm)) if widths_mm else BODY_MM,
    )


def _frame(
    plane: MidSagittal, mask: Mask, level: Level, shapes: Shapes
) -> tuple[Point, Point]:
    """Return the middle of a disc in mm, and the unit vector along it to the back."""
    box = shapes.discs.get(level)
    if box is not None:
        return box.center_mm, box.along
    center_mm = centroid(mask) * plane.pixel_mm
    across, along = shapes.canal.across_at(center_mm), long_axis(mask)
    return center_mm, along if along @ across > MIN_ACROSS_COSINE else across


def _sampled(plane: MidSagittal, points_px: NDArray[np.float64]) -> NDArray[np.float32]:
    """Signal and probabilities at points, interpolated linearly; zero outside."""
    stack = np.concatenate([plane.signal[None], plane.probabilities[1:]])
    return np.stack(
        [ndimage.map_coordinates(item, points_px, order=1) for item in stack]
    )
