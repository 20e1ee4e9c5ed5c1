"""What the trees of the grading look at: each disc in numbers, all of them ratios.

Measured on ``crops``, so in units of the patient's own spine. What cannot be
measured is NaN or left out, which the trees know how to take.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from inference.grading.crops import BODY_PER_COLUMN, STEP_PER_ROW, LevelCrop
from inference.grading.outline import DiscOutline
from inference.grading.surroundings import borders, endplates
from inference.grading.texture import texture
from inference.measurements.alignment import slip_of
from inference.measurements.shapes import Shapes
from inference.results import Level

#: What is also told of the neighbors and compared within the spine.
SHARED: Final = (
    "height",
    "signal",
    "bright",
    "nucleus",
    "contrast",
    "bulge_back",
    "canal_behind",
)
Features = dict[str, float]


def disc_features(
    crops: Mapping[Level, LevelCrop], shapes: Shapes
) -> dict[Level, Features]:
    """Describe each disc, its surroundings, and how it stands in its spine.

    Args:
        crops: Of each disc.
        shapes: Of the same spine.

    """
    own = {
        level: {
            **dict(_of_crop(crop)),
            **dict(_of_shapes(level, shapes)),
            "level": float(list(Level).index(level)),
        }
        for level, crop in crops.items()
    }
    return {level: own[level] | dict(_context(level, own)) for level in own}


def _of_crop(crop: LevelCrop) -> Iterator[tuple[str, float]]:
    outline = DiscOutline.of(crop.disc)
    if outline is None:
        return
    columns, central = outline.columns, outline.central
    heights = (outline.bottom - outline.top)[central] * STEP_PER_ROW
    third = len(central) // 3
    yield "height", float(heights.mean())
    yield "height_max", float(heights.max())
    yield "height_front", float(heights[:third].mean())
    yield "height_back", float(heights[-third:].mean())
    yield "length", float(columns[-1] - columns[0]) * BODY_PER_COLUMN
    yield "area", float(outline.inside.sum()) * STEP_PER_ROW * BODY_PER_COLUMN
    yield "certainty", float(crop.disc[outline.inside].mean())
    yield from texture(crop.signal, outline)
    yield from endplates(crop, outline)
    yield from borders(crop, outline)


def _of_shapes(level: Level, shapes: Shapes) -> Iterator[tuple[str, float]]:
    slip, disc = slip_of(level, shapes), shapes.discs.get(level)
    bodies = [shapes.bodies[name] for name in level.vertebrae if name in shapes.bodies]
    yield "slip", slip.slip_percent if slip else math.nan
    if not bodies:
        return
    body_height_mm = float(np.mean([body.height_mm for body in bodies]))
    body_width_mm = float(np.mean([body.width_mm for body in bodies]))
    yield "body_flatness", body_height_mm / body_width_mm
    if disc is not None:
        yield "height_index", disc.height_mm / body_height_mm
        yield "flatness", disc.height_mm / disc.width_mm
        yield "length_of_body", disc.width_mm / body_width_mm
        yield "blur", disc.endplate_blur_mm / disc.height_mm


def _context(
    level: Level, own: Mapping[Level, Features]
) -> Iterator[tuple[str, float]]:
    order = list(Level)
    at = order.index(level)
    for name in SHARED:
        values = {key: item[name] for key, item in own.items() if name in item}
        others = [value for key, value in values.items() if key is not level]
        if level in values:
            yield f"{name}_over_best", values[level] / max(values.values())
        if others:
            yield f"{name}_of_others", float(np.mean(others))
        if at:
            yield f"{name}_above", values.get(order[at - 1], math.nan)
        if at + 1 < len(order):
            yield f"{name}_below", values.get(order[at + 1], math.nan)
