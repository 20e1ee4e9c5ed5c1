"""How bodies stand to one another: slip, wedge and lordosis."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.geometry.boxes import Box
from inference.measurements.calipers import Length
from inference.measurements.shapes import Shapes
from inference.results import Level, Vertebra

#: How many times one of two facing endplates may be as long as the other. Our choice:
#: those of neighbors are nearly alike; where not, one was outlined wrongly.
MAX_PLATES_RATIO: Final = 1.4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slip:
    """Shift of the body above on what lies below.

    Attributes:
        slip_mm: Positive where the body above lies in front.
        slip_percent: Of the length of the endplate below.
        plates_ratio: Length of the endplate above over that below; ``None`` at L5/S1,
            where a disc stands for the sacrum.
        length: From where the corner above comes down, to the corner below.

    """

    slip_mm: float
    slip_percent: float
    plates_ratio: float | None
    length: Length

    @property
    def is_of_one_size(self) -> bool:
        """Whether both endplates can be what they were taken for."""
        ratio = self.plates_ratio
        return ratio is None or 1 / MAX_PLATES_RATIO <= ratio <= MAX_PLATES_RATIO


def slip_of(level: Level, shapes: Shapes) -> Slip | None:
    """Measure from posterior corner to posterior corner across a disc.

    Along the bisector of both endplates, so that neither a wedge nor a tilt reads as a
    slip (as Frobin; doi:10.1007/s00586-016-4817-5). At L5/S1 the sacrum has no label:
    there the lower border of the disc stands for its endplate.
    """
    above, below = shapes.bodies.get(level.upper_vertebra), _plate_below(level, shapes)
    if above is None or below is None:
        return None
    front, back = below
    plate = back - front
    plate_mm = float(np.linalg.norm(plate))
    bisector = above.direction_of(above.lower) + plate / plate_mm
    bisector /= np.linalg.norm(bisector)
    corner = above.corner_mm(above.lower, above.back)
    above_mm = float(np.linalg.norm(corner - above.corner_mm(above.lower, above.front)))
    slip_mm = float((back - corner) @ bisector)
    return Slip(
        slip_mm=slip_mm,
        slip_percent=100 * slip_mm / plate_mm,
        plates_ratio=None if level is Level.L5_S1 else above_mm / plate_mm,
        length=Length(
            quantity="slip_mm",
            start_mm=back - slip_mm * bisector,
            end_mm=back,
            blur_mm=above.wall_blur_mm,
        ),
    )


def wedge_degrees(body: Box) -> float:
    """Angle between both endplates, positive where the front is lower."""
    return float(np.degrees(np.arctan(body.lower[-2]) - np.arctan(body.upper[-2])))


def lordosis_plates(shapes: Shapes) -> tuple[Length, Length] | None:
    """Return the upper endplates of L1 and of S1, from front to back.

    The sacrum has no label: the lower border of L5/S1 stands for its endplate.
    """
    top, bottom = shapes.bodies.get(Vertebra.L1), shapes.discs.get(Level.L5_S1)
    if top is None or bottom is None:
        return None
    return _plate(top, top.upper), _plate(bottom, bottom.lower)


def degrees_between(upper: Length, lower: Length) -> float:
    """Angle between two lines from front to back, positive where they open in front."""
    rises = [np.arctan2(*(line.end_mm - line.start_mm)) for line in (upper, lower)]
    return float(np.degrees(rises[0] - rises[1]))


def _plate(box: Box, plate: NDArray[np.float64]) -> Length:
    return Length(
        quantity="lordosis_degrees",
        start_mm=box.corner_mm(plate, box.front),
        end_mm=box.corner_mm(plate, box.back),
        blur_mm=None,
    )


def _plate_below(
    level: Level, shapes: Shapes
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Front and back corner of the endplate below a disc."""
    if level is Level.L5_S1:
        disc = shapes.discs.get(level)
        found = (disc, disc.lower) if disc else None
    else:
        body = shapes.bodies.get(level.vertebrae[1])
        found = (body, body.upper) if body else None
    if found is None:
        return None
    box, plate = found
    return box.corner_mm(plate, box.front), box.corner_mm(plate, box.back)
