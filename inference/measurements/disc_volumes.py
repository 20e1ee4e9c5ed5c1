"""Volume of each disc over all slices."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.geometry.boxes import Box
from inference.geometry.midsagittal import CHANNEL, MidSagittal
from inference.results import Level, Structure
from inference.volume import SpineSegmentation

#: Farthest that a disc voxel may lie from the plane of its disc. Our choice: half a
#: tall disc and its wedge.
MAX_FROM_DISC_MM: Final = 12.0


def disc_volumes_mm3(
    plane: MidSagittal, discs: Mapping[Level, Box], segmentation: SpineSegmentation
) -> dict[Level, float]:
    """Give each disc voxel to the nearest disc, and add up.

    Args:
        plane: The mid-sagittal surface.
        discs: Their shapes on it.
        segmentation: All slices.

    """
    if not discs:
        return {}
    geometry = segmentation.geometry
    is_disc = segmentation.labels == CHANNEL[Structure.DISC]
    points_mm = geometry.to_patient_mm(np.argwhere(is_disc).astype(float))
    distances = np.stack(
        [_distances_mm(plane, box, points_mm) for box in discs.values()]
    )
    nearest = distances.argmin(axis=0)
    is_near = distances.min(axis=0) <= MAX_FROM_DISC_MM
    return {
        level: float(count) * geometry.voxel_volume_mm3
        for index, level in enumerate(discs)
        if (count := np.count_nonzero((nearest == index) & is_near))
    }


def _distances_mm(
    plane: MidSagittal, box: Box, points_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance of points from the disc's plane; infinite in front of and behind it."""
    frame = [box.center_mm, box.center_mm + box.along, box.center_mm + box.down]
    center, along, down = plane.to_patient_mm(np.stack(frame))
    away = points_mm - center
    distance: NDArray[np.float64] = np.abs(away @ (down - center))
    distance[np.abs(away @ (along - center)) > box.width_mm] = np.inf
    return distance
