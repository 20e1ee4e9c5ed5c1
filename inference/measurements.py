"""Lengths of discs, bodies and canal on the mid-sagittal slice, in millimeters.

Every length is measured along the structure's own axes, between the points where the
interpolated probability of the structure crosses one half.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.errors import UnmeasurableError
from inference.levels import NamedSpine, centroid
from inference.midsagittal import CHANNEL, MidSagittal
from inference.results import (
    Level,
    LevelMeasurement,
    Structure,
    Vertebra,
    VertebraMeasurement,
)
from inference.volume import SpineSegmentation

#: Part of the length over which heights are averaged. Our choice: leaves out the
#: rounded corners and osteophytes at both ends.
CENTRAL_PART: Final = 0.8
#: Part of the height over which widths are averaged. Our choice, idem.
WAIST_PART: Final = 0.5
RAYS: Final = 25  # our choice: about one per millimeter
RAY_STEP_MM: Final = 0.1
MAX_TILT_STEPS: Final = 3  # the axis settles within two
#: Farthest that a disc voxel of another slice may lie from the disc's own line. Our
#: choice: half a tall disc and its wedge.
MAX_FROM_DISC_MM: Final = 12.0
#: Cerebrospinal fluid is the brightest part of the dural sac on T2. Our choice: a
#: percentile that noise and nerve roots hardly move.
CSF_PERCENTILE: Final = 90.0
CSF_REACH_MM: Final = 20.0  # our choice: CSF of the same level, so of the same shading
CANAL_REACH_MM: Final = 45.0  # our choice: body depth plus canal
TANGENT_REACH_MM: Final = 8.0  # our choice: half a vertebra


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Box:
    """Size and axes of one body or disc, in the plane.

    Attributes:
        center_mm: (row, column) of its middle.
        along: Unit vector from anterior to posterior.
        height_mm: Mean distance between its endplates.
        width_mm: Anterior-posterior length.

    """

    center_mm: NDArray[np.float64]
    along: NDArray[np.float64]
    height_mm: float
    width_mm: float

    @property
    def down(self) -> NDArray[np.float64]:
        """Unit vector toward the feet, perpendicular to ``along``."""
        return np.array([self.along[1], -self.along[0]])


def measure_levels(
    plane: MidSagittal, spine: NamedSpine, segmentation: SpineSegmentation
) -> tuple[LevelMeasurement, ...]:
    """Measure every lumbar disc; what cannot be measured is ``None``.

    Args:
        plane: The mid-sagittal slice.
        spine: Its named instances.
        segmentation: All slices, for the volume of the discs.

    """
    bodies = {name: _box_or_none(plane, mask) for name, mask in spine.bodies.items()}
    volumes = _disc_volumes_mm3(plane, spine, segmentation)
    return tuple(
        _measure_level(level, plane, spine, bodies, volumes.get(level))
        for level in Level
    )


def measure_vertebrae(
    plane: MidSagittal, spine: NamedSpine
) -> tuple[VertebraMeasurement, ...]:
    """Measure every lumbar vertebral body; what cannot be measured is ``None``."""
    measured = []
    for vertebra in Vertebra:
        mask = spine.bodies.get(vertebra)
        box = None if mask is None else _box_or_none(plane, mask)
        measured.append(
            VertebraMeasurement(
                vertebra=vertebra,
                height_mm=box.height_mm if box else None,
                width_mm=box.width_mm if box else None,
            )
        )
    return tuple(measured)


def box_of(mask: NDArray[np.bool_], pixel_mm: float) -> Box:
    """Measure one body or disc along its own axes.

    The anterior-posterior axis is first the long axis of the mask, or for a nearly
    square one the horizontal; then the mean direction of its two endplates.

    Args:
        mask: Boolean, shape ``(rows, columns)``, rows downward, columns to the back.
        pixel_mm: Edge of a square pixel.

    Raises:
        UnmeasurableError: It touches the edge of the image, or has no two endplates.

    """
    if mask[[0, -1]].any() or mask[:, [0, -1]].any():
        raise UnmeasurableError("the structure touches the edge of the image")
    center_mm = centroid(mask) * pixel_mm
    along = _long_axis(mask)
    soft = _soft(mask)
    for _ in range(MAX_TILT_STEPS):
        width_mm, middle_mm = _width_mm(soft, center_mm, along, pixel_mm)
        center_mm = center_mm + middle_mm * along
        offsets, upper, lower = _endplates(soft, center_mm, along, width_mm, pixel_mm)
        slope = np.polyfit(offsets, (upper + lower) / 2, 1)[0]
        down = np.array([along[1], -along[0]])
        along = along + slope * down
        along /= np.linalg.norm(along)
    return Box(
        center_mm=center_mm,
        along=along,
        height_mm=float((lower - upper).mean()),
        width_mm=width_mm,
    )


def fluid_signal(plane: MidSagittal, spine: NamedSpine, row: float) -> float:
    """Return the signal of cerebrospinal fluid near a row of the slice.

    Raises:
        UnmeasurableError: There is no canal near, or it has no signal.

    """
    reach = CSF_REACH_MM / plane.pixel_mm
    rows = np.arange(len(spine.canal))[:, None]
    canal = plane.signal[spine.canal & (np.abs(rows - row) < reach)]
    fluid = float(np.percentile(canal, CSF_PERCENTILE)) if canal.size else 0.0
    if fluid <= 0:
        raise UnmeasurableError("no cerebrospinal fluid near this level")
    return fluid


def _box_or_none(plane: MidSagittal, mask: NDArray[np.bool_]) -> Box | None:
    try:
        return box_of(mask, plane.pixel_mm)
    except UnmeasurableError:
        return None


def _measure_level(
    level: Level,
    plane: MidSagittal,
    spine: NamedSpine,
    bodies: "dict[Vertebra, Box | None]",
    volume_mm3: float | None,
) -> LevelMeasurement:
    mask = spine.discs.get(level)
    disc = None if mask is None else _box_or_none(plane, mask)
    upper = list(Vertebra).index(level.upper_vertebra)
    neighbors = [bodies.get(name) for name in list(Vertebra)[upper : upper + 2]]
    heights = [box.height_mm for box in neighbors if box]
    is_complete = len(heights) == len(neighbors)
    return LevelMeasurement(
        level=level,
        disc_height_mm=disc.height_mm if disc else None,
        disc_width_mm=disc.width_mm if disc else None,
        disc_volume_mm3=volume_mm3,
        disc_height_index_ratio=(
            disc.height_mm / float(np.mean(heights)) if disc and is_complete else None
        ),
        disc_signal_ratio=None if mask is None else _signal_ratio(plane, spine, mask),
        canal_diameter_mm=_canal_diameter_mm(plane, spine, disc) if disc else None,
    )


def _long_axis(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    points = np.argwhere(mask).astype(float)
    points -= points.mean(axis=0)
    values, vectors = np.linalg.eigh(points.T @ points)
    if values[0] / values[1] > 0.7:  # noqa: PLR2004  our choice: nearly square
        return np.array([0.0, 1.0])
    axis: NDArray[np.float64] = vectors[:, 1]
    return axis if axis[1] > 0 else -axis


def _soft(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Blur by half a pixel so that the border crosses one half between the pixels."""
    return ndimage.gaussian_filter(mask.astype(np.float32), 0.7)


def _extent_mm(
    soft: NDArray[np.float32],
    start_mm: NDArray[np.float64],
    direction: NDArray[np.float64],
    reach_mm: float,
    pixel_mm: float,
) -> NDArray[np.float64]:
    """Return where a line enters and leaves the structure, relative to its start.

    Raises:
        UnmeasurableError: The line does not meet the structure.

    """
    steps = np.arange(-reach_mm, reach_mm + RAY_STEP_MM / 2, RAY_STEP_MM)
    points = (start_mm[:, None] + direction[:, None] * steps) / pixel_mm
    inside = ndimage.map_coordinates(soft, points, order=1, mode="constant") >= 0.5  # noqa: PLR2004
    if not inside.any():
        raise UnmeasurableError("a line does not meet the structure")
    hits = steps[inside]
    return np.array([hits[0] - RAY_STEP_MM / 2, hits[-1] + RAY_STEP_MM / 2])


def _width_mm(
    soft: NDArray[np.float32],
    center_mm: NDArray[np.float64],
    along: NDArray[np.float64],
    pixel_mm: float,
) -> tuple[float, float]:
    """Return mean length along the axis near the middle, and the middle's offset."""
    down = np.array([along[1], -along[0]])
    top, bottom = _extent_mm(soft, center_mm, down, 40.0, pixel_mm)
    middle, half = (top + bottom) / 2, (bottom - top) / 2 * WAIST_PART
    ends = np.array(
        [
            _extent_mm(soft, center_mm + offset * down, along, 60.0, pixel_mm)
            for offset in np.linspace(middle - half, middle + half, 9)
        ]
    )
    return float((ends[:, 1] - ends[:, 0]).mean()), float(ends.mean())


def _endplates(
    soft: NDArray[np.float32],
    center_mm: NDArray[np.float64],
    along: NDArray[np.float64],
    width_mm: float,
    pixel_mm: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Positions along the axis, and the upper and lower endplate there, in mm."""
    down = np.array([along[1], -along[0]])
    half = width_mm / 2 * CENTRAL_PART
    offsets = np.linspace(-half, half, RAYS)
    ends = np.array(
        [
            _extent_mm(soft, center_mm + offset * along, down, 40.0, pixel_mm)
            for offset in offsets
        ]
    )
    return offsets, ends[:, 0], ends[:, 1]


def _canal_diameter_mm(
    plane: MidSagittal, spine: NamedSpine, disc: Box
) -> float | None:
    """Smallest diameter behind the disc, perpendicular to the canal's own course."""
    soft = plane.probabilities[CHANNEL[Structure.CANAL]]
    diameters = []
    for offset_mm in np.linspace(-disc.height_mm / 2, disc.height_mm / 2, 7):
        start_mm = disc.center_mm + offset_mm * disc.down
        try:
            near, far = _extent_mm(
                soft, start_mm, disc.along, CANAL_REACH_MM, plane.pixel_mm
            )
        except UnmeasurableError:
            return None
        middle_mm = start_mm + (near + far) / 2 * disc.along
        across = _across_canal(spine, middle_mm, plane.pixel_mm)
        ends = _extent_mm(soft, middle_mm, across, CANAL_REACH_MM / 2, plane.pixel_mm)
        diameters.append(float(ends[1] - ends[0]))
    return min(diameters)


def _across_canal(
    spine: NamedSpine, point_mm: NDArray[np.float64], pixel_mm: float
) -> NDArray[np.float64]:
    """Unit vector perpendicular to the canal's middle line near a point."""
    reach = round(TANGENT_REACH_MM / pixel_mm)
    row = int(point_mm[0] / pixel_mm)
    rows = np.arange(max(0, row - reach), min(len(spine.center_line), row + reach))
    slope = np.polyfit(rows, spine.center_line[rows], 1)[0]
    across = np.array([-slope, 1.0])
    return across / np.linalg.norm(across)


def _signal_ratio(
    plane: MidSagittal, spine: NamedSpine, disc: NDArray[np.bool_]
) -> float | None:
    """Mean disc signal over that of cerebrospinal fluid at the same level."""
    mean = float(plane.signal[disc].mean())
    try:
        fluid = fluid_signal(plane, spine, centroid(disc)[0])
    except UnmeasurableError:
        return None
    return mean / fluid if mean > 0 else None


def _disc_volumes_mm3(
    plane: MidSagittal, spine: NamedSpine, segmentation: SpineSegmentation
) -> dict[Level, float]:
    """Volume of the disc voxels of all slices, each given to the nearest disc line."""
    boxes = {
        level: box
        for level, mask in spine.discs.items()
        if (box := _box_or_none(plane, mask))
    }
    if not boxes:
        return {}
    spacing = segmentation.geometry.spacing_mm
    disc = segmentation.labels == CHANNEL[Structure.DISC]
    points_mm = (np.argwhere(disc)[:, 1:] + 0.5) * spacing[1:] - plane.pixel_mm / 2
    distances = np.array(
        [
            np.abs((points_mm - box.center_mm) @ box.down)
            + np.where(
                np.abs((points_mm - box.center_mm) @ box.along) > box.width_mm,
                np.inf,
                0,
            )
            for box in boxes.values()
        ]
    )
    nearest = distances.argmin(axis=0)
    is_near = distances.min(axis=0) <= MAX_FROM_DISC_MM
    return {
        level: float(count) * segmentation.geometry.voxel_volume_mm3
        for index, level in enumerate(boxes)
        if (count := np.count_nonzero((nearest == index) & is_near))
    }
