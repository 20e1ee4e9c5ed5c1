"""Lengths of discs, bodies and canal on the mid-sagittal slice, in millimeters.

Every length is measured along the structure's own axes.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.boxes import Box, box_of, extents_mm
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

#: Farthest that a disc voxel of another slice may lie from the disc's own line. Our
#: choice: half a tall disc and its wedge.
MAX_FROM_DISC_MM: Final = 12.0
#: Cerebrospinal fluid is the brightest part of the dural sac on T2. Our choice: a
#: percentile that noise and nerve roots hardly move.
CSF_PERCENTILE: Final = 90.0
CSF_REACH_MM: Final = 20.0  # our choice: CSF of the same level, so of the same shading
CANAL_REACH_MM: Final = 45.0  # our choice: body depth plus canal
TANGENT_REACH_MM: Final = 8.0  # our choice: half a vertebra


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


def _canal_diameter_mm(
    plane: MidSagittal, spine: NamedSpine, disc: Box
) -> float | None:
    """Smallest diameter behind the disc, perpendicular to the canal's own course."""
    soft = plane.probabilities[CHANNEL[Structure.CANAL]]
    diameters = []
    offsets = np.linspace(-disc.height_mm / 2, disc.height_mm / 2, 7)
    starts = disc.center_mm + offsets[:, None] * disc.down
    reach_mm, pixel_mm = CANAL_REACH_MM, plane.pixel_mm
    try:
        ends = extents_mm(soft, starts, disc.along, reach_mm, pixel_mm)
        for middle_mm in starts + ends.mean(axis=1)[:, None] * disc.along:
            across = _across_canal(spine, middle_mm, pixel_mm)
            near, far = extents_mm(
                soft, middle_mm[None], across, reach_mm / 2, pixel_mm
            )[0]
            diameters.append(float(far - near))
    except UnmeasurableError:
        return None
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
