"""Lengths of discs, bodies and canal on the mid-sagittal slice, in millimeters.

Every length is measured along the structure's own axes.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final, TypeVar

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

Name = TypeVar("Name", Level, Vertebra)


def measure_levels(
    plane: MidSagittal, spine: NamedSpine, segmentation: SpineSegmentation
) -> tuple[LevelMeasurement, ...]:
    """Measure every lumbar disc; what cannot be measured is ``None``.

    Args:
        plane: The mid-sagittal slice.
        spine: Its named instances.
        segmentation: All slices, for the volume of the discs.

    """
    bodies, discs = _boxes(plane, spine.bodies), _boxes(plane, spine.discs)
    volumes = _disc_volumes_mm3(plane, discs, segmentation)
    return tuple(
        LevelMeasurement(
            level=level,
            disc_height_mm=disc.height_mm if disc else None,
            disc_width_mm=disc.width_mm if disc else None,
            disc_volume_mm3=volumes.get(level),
            disc_height_index_ratio=_height_index_ratio(level, disc, bodies),
            disc_signal_ratio=_signal_ratio(plane, spine, level),
            canal_diameter_mm=_canal_diameter_mm(plane, spine, disc) if disc else None,
        )
        for level, disc in ((level, discs.get(level)) for level in Level)
    )


def measure_vertebrae(
    plane: MidSagittal, spine: NamedSpine
) -> tuple[VertebraMeasurement, ...]:
    """Measure every lumbar vertebral body; what cannot be measured is ``None``."""
    boxes = _boxes(plane, spine.bodies)
    return tuple(
        VertebraMeasurement(
            vertebra=vertebra,
            height_mm=box.height_mm if box else None,
            width_mm=box.width_mm if box else None,
        )
        for vertebra, box in ((vertebra, boxes.get(vertebra)) for vertebra in Vertebra)
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


def _boxes(
    plane: MidSagittal, masks: Mapping[Name, NDArray[np.bool_]]
) -> dict[Name, Box]:
    """Measure what can be measured; the rest has no entry."""
    found = {}
    for name, mask in masks.items():
        with suppress(UnmeasurableError):
            found[name] = box_of(mask, plane.pixel_mm)
    return found


def _height_index_ratio(
    level: Level, disc: Box | None, bodies: Mapping[Vertebra, Box]
) -> float | None:
    """Height over the mean height of the neighbors, which must all be measured."""
    heights = [bodies[name].height_mm for name in level.vertebrae if name in bodies]
    if disc is None or len(heights) < len(level.vertebrae):
        return None
    return disc.height_mm / float(np.mean(heights))


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


def _signal_ratio(plane: MidSagittal, spine: NamedSpine, level: Level) -> float | None:
    """Mean disc signal over that of cerebrospinal fluid at the same level."""
    disc = spine.discs.get(level)
    if disc is None:
        return None
    mean = float(plane.signal[disc].mean())
    try:
        fluid = fluid_signal(plane, spine, centroid(disc)[0])
    except UnmeasurableError:
        return None
    return mean / fluid if mean > 0 else None


def _disc_volumes_mm3(
    plane: MidSagittal, boxes: Mapping[Level, Box], segmentation: SpineSegmentation
) -> dict[Level, float]:
    """Volume of the disc voxels of all slices, each given to the nearest disc line."""
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
