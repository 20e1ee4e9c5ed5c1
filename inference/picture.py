"""The mid-sagittal surface as a picture with outlines and calipers, for the page.

For a straight spine it is one slice of the series; for a crooked one a curved
reformation that follows the canal, see ``inference.geometry.midsagittal``.
"""

import io
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.measure import approximate_polygon, find_contours

from inference.geometry.midsagittal import MidSagittal
from inference.levels.naming import NamedSpine
from inference.measurements.measure import Measurements
from inference.results import CaliperLine, Outline, Picture, Structure
from inference.segmentation.preprocessing import normalized

OUTLINE_TOLERANCE_PX: Final = 0.4  # our choice: invisible at this pixel size


def draw_picture(
    plane: MidSagittal, spine: NamedSpine, measured: Measurements
) -> Picture:
    """Return the gray values as PNG, with outlines and calipers on them."""
    gray = (normalized(plane.signal).clip(0, 1) * 255).astype(np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(gray).save(encoded, "PNG", optimize=True)
    height_px, width_px = gray.shape
    shapes = [
        (str(Structure.CANAL), Structure.CANAL, spine.canal),
        *((str(name), Structure.VERTEBRA, mask) for name, mask in spine.bodies.items()),
        *((str(name), Structure.DISC, mask) for name, mask in spine.discs.items()),
        *(("", structure, mask) for structure, mask in spine.unnamed),
    ]
    return Picture(
        png=encoded.getvalue(),
        width_px=width_px,
        height_px=height_px,
        pixel_mm=plane.pixel_mm,
        outlines=tuple(
            Outline(name=name, structure=structure, points_px=points)
            for name, structure, mask in shapes
            for points in _polygons(mask)
        ),
        calipers=tuple(_caliper_lines(plane, measured)),
    )


def _caliper_lines(plane: MidSagittal, measured: Measurements) -> Iterator[CaliperLine]:
    """Bring the calipers back from the patient: what is drawn is what is said."""
    calipers = [
        *(
            (str(item.level), caliper)
            for item in measured.levels
            for caliper in item.calipers
        ),
        *(
            (str(item.vertebra), caliper)
            for item in measured.vertebrae
            for caliper in item.calipers
        ),
        *(("spine", caliper) for caliper in measured.spine.calipers),
    ]
    for name, caliper in calipers:
        ends = plane.to_pixels(np.array([caliper.start_mm, caliper.end_mm]))
        start, end = ((round(float(c), 1), round(float(r), 1)) for r, c in ends)
        yield CaliperLine(
            name=name, quantity=caliper.quantity, start_px=start, end_px=end
        )


def _polygons(mask: NDArray[np.bool_]) -> list[tuple[tuple[float, float], ...]]:
    """Outer borders of a mask as (column, row) points, the largest part first."""
    padded = np.pad(mask, 1).astype(np.float32)
    borders = sorted(find_contours(padded, 0.5), key=len, reverse=True)
    return [
        tuple(
            (round(float(column) - 0.5, 1), round(float(row) - 0.5, 1))
            for row, column in approximate_polygon(border, OUTLINE_TOLERANCE_PX)
        )
        for border in borders[:3]
        if len(border) > 20  # noqa: PLR2004  our choice: specks are not drawn
    ]
