"""Shape of one body or disc along its own axes, in millimeters on the surface.

Every border is where the interpolated probability crosses one half; endplates and
walls are smooth lines through many such crossings, so that neither a pixel nor a leak
decides a length.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.errors import UnmeasurableError
from inference.geometry.pieces import around, centroid, touches_edge
from inference.geometry.rays import BORDER, Crossings, outermost

#: Part of the length over which heights are measured. Our choice: leaves out the
#: rounded corners and osteophytes at both ends.
CENTRAL_PART: Final = 0.8
#: Part of the height over which walls are fitted. Our choice: near enough to the
#: corners to say where they are, without their rounding.
WALL_PART: Final = 0.7
#: What is lower than this has no walls. Our choice: higher than most discs.
MIN_WALL_MM: Final = 15.0
#: How far a disc may reach beyond the bodies at its ends. Our choice: a bulge; what is
#: farther is a leak.
BULGE_MM: Final = 4.0
#: A structure ends where it has less than this part of its height near that end. Our
#: choice: what is thinner is a bulge, a spur or a leak.
END_PART: Final = 0.5
MIN_THICKNESS_MM: Final = 1.0  # our choice: a pixel or two
#: Height over width below which a mask is flat. Our choice: above those of discs and
#: below those of bodies, whose diagonals would pass for a long axis.
MAX_FLATNESS: Final = 0.6
#: Cosine of the largest angle between an axis and the way across the canal. Our choice:
#: 65 degrees, more than the steepest L5/S1 has.
MIN_ACROSS_COSINE: Final = 0.42
RAYS: Final = 25  # our choice: about one per millimeter
AXIS_MM: Final = np.linspace(-5, 5, 11)  # our choice: the middle of any disc
MIN_RAYS_PART: Final = 0.7  # our choice: fewer crossings are no endplate
MARGIN_MM: Final = 3.0  # our choice: room for a blurred border
MAX_STEPS: Final = 4  # the axis and both ends settle within three
OUTLIER_MM: Final = 1.0  # our choice: farther from a smooth line is a leak or a defect
REWEIGHTINGS: Final = 4
COLUMN_MM: Final = 0.2  # our choice: columns of a profile, finer than a pixel

Point = NDArray[np.float64]
Line = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbors:
    """Corners of the bodies above and below a disc, so that no leak lengthens it.

    Attributes:
        front_mm: Points (row, column), shape ``(points, 2)``.
        back_mm: Idem.

    """

    front_mm: NDArray[np.float64]
    back_mm: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Box:
    """Size and axes of one body or disc.

    Attributes:
        center_mm: (row, column) of its middle.
        along: Unit vector from anterior to posterior.
        width_mm: Anterior-posterior length.
        upper: Endplate: polynomial of the way down from the axis, over the way along.
        lower: Idem.
        front: Wall: polynomial of the way along from the center, over the way down.
        back: Idem.
        endplate_blur_mm: Width of the transition of probability at the endplates.
        wall_blur_mm: Idem at the front and back.

    """

    center_mm: Point
    along: Point
    width_mm: float
    upper: Line
    lower: Line
    front: Line
    back: Line
    endplate_blur_mm: float
    wall_blur_mm: float

    @property
    def down(self) -> Point:
        """Unit vector toward the feet, perpendicular to ``along``."""
        return _down(self.along)

    @property
    def height_mm(self) -> float:
        """Mean distance between the endplates over the central part."""
        half = self.width_mm / 2 * CENTRAL_PART
        area = np.polyint(np.polysub(self.lower, self.upper))
        return float(np.polyval(area, half) - np.polyval(area, -half)) / (2 * half)

    def height_ends_mm(self, part: float) -> tuple[Point, Point]:
        """Return where the height is measured.

        Args:
            part: Place on the central part: -1 is its front, 0 the middle, 1 its back.

        Returns:
            The point on the upper and that on the lower endplate.

        """
        offset = part * self.width_mm / 2 * CENTRAL_PART
        return (
            self.at(offset, float(np.polyval(self.upper, offset))),
            self.at(offset, float(np.polyval(self.lower, offset))),
        )

    def corner_mm(self, endplate: Line, wall: Line) -> Point:
        """Return where the straight lines of an endplate and a wall meet.

        So an osteophyte is no corner.
        """
        plate = _straight(endplate)
        offset = float(wall[-1])
        for _ in range(MAX_STEPS):
            offset = float(np.polyval(wall, np.polyval(plate, offset)))
        return self.at(offset, float(np.polyval(plate, offset)))

    def direction_of(self, endplate: Line) -> Point:
        """Unit vector along an endplate from its front to its back."""
        vector = self.along + _straight(endplate)[0] * self.down
        direction: Point = vector / np.linalg.norm(vector)
        return direction

    def at(self, along_mm: float, down_mm: float) -> Point:
        """Return the point at a way along and down from the center."""
        point: Point = self.center_mm + along_mm * self.along + down_mm * self.down
        return point


def box_of(
    soft: NDArray[np.float32],
    mask: NDArray[np.bool_],
    pixel_mm: float,
    *,
    across: Point,
    neighbors: Neighbors | None = None,
) -> Box:
    """Measure one body or disc along its own axes.

    The anterior-posterior axis is first the long axis of a flat mask, or for another
    the way across the spine; then the mean direction of its two endplates.

    Args:
        soft: Probability of all structures of this kind, shape ``(rows, columns)``:
            rows downward, columns to the back.
        mask: Which of them, boolean.
        pixel_mm: Edge of a square pixel.
        across: Unit vector to the back, across the canal behind it.
        neighbors: What it lies between, where that is known.

    Raises:
        UnmeasurableError: It touches the edge of the image, is too thin, or has no two
            endplates across the spine.

    """
    if touches_edge(mask):
        raise UnmeasurableError("the structure touches the edge of the image")
    alone, corner_px = _alone(soft, mask, round(MARGIN_MM / pixel_mm))
    corner_mm = corner_px * pixel_mm
    part = _Part(
        soft=alone,
        pixel_mm=pixel_mm,
        front_mm=neighbors.front_mm - corner_mm if neighbors else None,
        back_mm=neighbors.back_mm - corner_mm if neighbors else None,
    )
    center_mm = (centroid(mask) - corner_px) * pixel_mm
    along = _first_axis(mask, across)
    height_mm = float(part.thickness_mm(center_mm, along, AXIS_MM).mean())
    fit = _fit(part, center_mm, along, height_mm)
    for _ in range(MAX_STEPS):
        fit = _fit(part, fit.center_mm, fit.turned, fit.least_height_mm)
    if fit.along @ across < MIN_ACROSS_COSINE:
        raise UnmeasurableError("no endplates were found across the spine")
    front, back, wall_blur_mm = _walls(part, fit)
    return Box(
        center_mm=fit.center_mm + corner_mm,
        along=fit.along,
        width_mm=fit.width_mm,
        upper=fit.upper,
        lower=fit.lower,
        front=front,
        back=back,
        endplate_blur_mm=fit.blur_mm,
        wall_blur_mm=wall_blur_mm,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """One structure alone, cut out of the surface, and what it lies between."""

    soft: NDArray[np.float32]
    pixel_mm: float
    front_mm: NDArray[np.float64] | None
    back_mm: NDArray[np.float64] | None

    @property
    def reach_mm(self) -> float:
        return float(np.hypot(*self.soft.shape)) * self.pixel_mm

    def crossings(self, starts_mm: NDArray[np.float64], direction: Point) -> Crossings:
        return outermost(
            self.soft,
            starts_mm,
            direction,
            reach_mm=self.reach_mm,
            pixel_mm=self.pixel_mm,
        )

    def thickness_mm(
        self, center_mm: Point, along: Point, offsets_mm: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return how much of the structure lies across the axis at each offset."""
        steps = np.arange(-self.reach_mm, self.reach_mm, self.pixel_mm)
        points = (
            center_mm[:, None, None]
            + along[:, None, None] * offsets_mm[:, None]
            + _down(along)[:, None, None] * steps
        )
        values = ndimage.map_coordinates(self.soft, points / self.pixel_mm, order=1)
        total: NDArray[np.float64] = values.sum(axis=1) * self.pixel_mm
        return total


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fit:
    """Axis, ends and endplates of a part."""

    center_mm: Point
    along: Point
    width_mm: float
    upper: Line
    lower: Line
    blur_mm: float

    @property
    def turned(self) -> Point:
        """The axis, turned to the mean direction of both endplates."""
        tilt = (self.upper[-2] + self.lower[-2]) / 2
        axis = self.along + tilt * _down(self.along)
        turned: Point = axis / np.linalg.norm(axis)
        return turned

    @property
    def least_height_mm(self) -> float:
        """Where the central part is thinnest: in front, in the middle or behind."""
        half = self.width_mm / 2 * CENTRAL_PART
        heights = np.polyval(np.polysub(self.lower, self.upper), [-half, 0.0, half])
        return float(heights.min())


def _fit(part: _Part, center_mm: Point, along: Point, height_mm: float) -> _Fit:
    """Find both ends and both endplates along an axis.

    Args:
        part: The structure.
        center_mm: A point inside it.
        along: The axis.
        height_mm: Where it is thinnest.

    """
    front, back = _ends_mm(part, center_mm, along, height_mm)
    center_mm = center_mm + (back + front) / 2 * along
    half = (back - front) / 2 * CENTRAL_PART
    offsets = np.linspace(-half, half, RAYS)
    plates = part.crossings(center_mm + offsets[:, None] * along, _down(along))
    return _Fit(
        center_mm=center_mm,
        along=along,
        width_mm=back - front,
        upper=_line(offsets, plates.enter_mm, degree=2),
        lower=_line(offsets, plates.leave_mm, degree=2),
        blur_mm=_blur_mm(plates),
    )


def _ends_mm(
    part: _Part, center_mm: Point, along: Point, height_mm: float
) -> tuple[float, float]:
    """Ways along the axis to where the structure thins out in front and behind.

    Raises:
        UnmeasurableError: It is nowhere thick enough.

    """
    offsets = np.arange(-part.reach_mm, part.reach_mm, COLUMN_MM)
    thickness = part.thickness_mm(center_mm, along, offsets)
    least_mm = max(height_mm * END_PART, MIN_THICKNESS_MM)
    thick = np.flatnonzero(thickness >= least_mm)
    if not thick.size:
        raise UnmeasurableError("the structure is too thin")
    first, last = int(thick[0]), int(thick[-1])
    ends = [
        np.interp(least_mm, thickness[[outer, inner]], offsets[[outer, inner]])
        for outer, inner in ((first - 1, first), (last + 1, last))
    ]
    front, back = float(ends[0]), float(ends[1])
    if part.front_mm is not None and part.back_mm is not None:
        limits = (part.front_mm - center_mm) @ along, (part.back_mm - center_mm) @ along
        front = max(front, float(limits[0].min()) - BULGE_MM)
        back = min(back, float(limits[1].max()) + BULGE_MM)
    return front, back


def _walls(part: _Part, fit: _Fit) -> tuple[Line, Line, float]:
    """Lines of the front and back wall, and their blur.

    Something flat has no walls: its ends count, straight across the axis.
    """
    middle, height = (fit.lower + fit.upper)[-1] / 2, (fit.lower - fit.upper)[-1]
    half = height / 2 * WALL_PART
    heights = np.linspace(middle - half, middle + half, RAYS)
    starts = fit.center_mm + heights[:, None] * _down(fit.along)
    walls = part.crossings(starts, fit.along)
    blur_mm = _blur_mm(walls)
    if height < MIN_WALL_MM:
        ends = np.array([-fit.width_mm / 2]), np.array([fit.width_mm / 2])
        return *ends, blur_mm
    return (
        _line(heights, walls.enter_mm, degree=1),
        _line(heights, walls.leave_mm, degree=1),
        blur_mm,
    )


def _alone(
    soft: NDArray[np.float32], mask: NDArray[np.bool_], margin: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Cut one structure out with the blurred rim around it, without its likes.

    Returns the crop and the (row, column) of its corner.
    """
    window = around(mask, margin)
    corner = np.array([extent.start for extent in window])
    own = mask[window]
    rim = ndimage.binary_dilation(own, iterations=margin - 1)
    others = (soft[window] >= BORDER) & ~own
    return np.where(rim & ~others, soft[window], 0), corner.astype(float)


def _first_axis(mask: NDArray[np.bool_], across: Point) -> Point:
    """The long axis of a flat mask; of another, the way across the spine."""
    points = np.argwhere(mask).astype(float)
    points -= points.mean(axis=0)
    values, vectors = np.linalg.eigh(points.T @ points)
    if values[0] / values[1] > MAX_FLATNESS**2:
        return across
    axis: Point = vectors[:, 1]
    if abs(axis @ across) < MIN_ACROSS_COSINE:  # higher than wide
        return across
    return axis if axis @ across > 0 else -axis


def _down(along: Point) -> Point:
    """Unit vector toward the feet, perpendicular to one that points to the back."""
    return np.array([along[1], -along[0]])


def _line(
    positions: NDArray[np.float64], values: NDArray[np.float64], *, degree: int
) -> Line:
    """Fit a polynomial that leaks and defects hardly pull: Tukey's biweight.

    Raises:
        UnmeasurableError: Too few values are known.

    """
    known = np.isfinite(values)
    if known.mean() < MIN_RAYS_PART:
        raise UnmeasurableError("too little of the border was found")
    positions, values = positions[known], values[known]
    fit = np.polyfit(positions, values, degree)
    for _ in range(REWEIGHTINGS):
        away = np.abs(values - np.polyval(fit, positions))
        scale = max(OUTLIER_MM, 3 * float(np.median(away)))
        weights = 1 - np.minimum(away / scale, 1) ** 2
        fit = np.polyfit(positions, values, degree, w=weights)
    return fit


def _straight(endplate: Line) -> Line:
    """Slope and mean of an endplate, without its curve."""
    return endplate[-2:]


def _blur_mm(crossings: Crossings) -> float:
    """Median width of the transition at both ends; the length where there is none."""
    length = crossings.leave_mm - crossings.enter_mm
    blurs = [
        np.where(np.isnan(blur), length, blur)
        for blur in (crossings.enter_blur_mm, crossings.leave_blur_mm)
    ]
    return float(np.nanmedian(np.concatenate(blurs)))
