"""A lumbar spine of known geometry, drawn in millimeters.

It gives the demo its MRI and the tests their ground truth. Nothing here is measured on
a patient: sizes are drawn from the ranges that ``spec.random_spec`` cites.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.phantom.anatomy import segments_of
from inference.phantom.painter import Painter
from inference.phantom.spec import PhantomSpec
from inference.phantom.truth import (
    LevelTruth,
    SpineTruth,
    VertebraTruth,
    level_truths,
    spine_truth,
    vertebra_truths,
)
from inference.results import Vertebra
from inference.volume import SAGITTAL_DIRECTIONS, Geometry, Volume

BENT_MM = 150.0  # length of the spine over which ``scoliosis_degrees`` are told


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phantom:
    """A drawn spine.

    Attributes:
        volume: The image.
        labels: uint8 like the volume: 0 background, then ``Structure`` from 1.
        levels: Truth per disc, L1/L2 first.
        vertebrae: Truth per vertebra, L1 first.
        spine: Truth over all levels.

    """

    volume: Volume
    labels: NDArray[np.uint8]
    levels: tuple[LevelTruth, ...]
    vertebrae: tuple[VertebraTruth, ...]
    spine: SpineTruth


def draw_phantom(spec: PhantomSpec) -> Phantom:
    """Draw the spine that the specification describes.

    The lumbar spine lies in the middle of the image, whatever its size.
    """
    segments = segments_of(spec)
    lumbar = [item.body_pose.center_mm for item in segments[: len(Vertebra)]]
    center_mm = np.mean(lumbar, axis=0)
    geometry = _geometry(spec, center_mm)
    positions_mm = _voxel_positions(geometry)
    painter = Painter(
        spec, _straightened(positions_mm, spec.scoliosis_degrees, center_mm[1])
    )
    painter.paint(segments)
    return Phantom(
        volume=Volume(voxels=painter.image(), geometry=geometry),
        labels=painter.labels,
        levels=level_truths(segments),
        vertebrae=vertebra_truths(segments),
        spine=spine_truth(segments),
    )


def _geometry(spec: PhantomSpec, center_mm: NDArray[np.float64]) -> Geometry:
    """Center a sagittal grid, turned as asked, on the lumbar spine."""
    axes = SAGITTAL_DIRECTIONS
    for axis, degrees in enumerate(spec.rotation_degrees):
        first, second = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turn[[first, second], [first, second]] = cosine
        turn[first, second], turn[second, first] = -sine, sine
        axes = turn @ axes
    affine = np.eye(4)
    affine[:3, :3] = axes * np.array(spec.spacing_mm)
    middle = (np.array(spec.shape) - 1) / 2
    affine[:3, 3] = np.array([0.0, *center_mm]) - affine[:3, :3] @ middle
    return Geometry(affine_mm=affine, shape=spec.shape)


def _voxel_positions(geometry: Geometry) -> NDArray[np.float64]:
    indices = np.indices(geometry.shape).reshape(3, -1).T.astype(float)
    return geometry.to_patient_mm(indices).T.reshape(3, *geometry.shape)


def _straightened(
    positions_mm: NDArray[np.float64], degrees: float, apex_mm: float
) -> NDArray[np.float64]:
    """Return where positions in a spine that bends to a side lie in a straight one.

    The bend is a circle through the apex, seen from the front. The way along it and
    the distance from it take the place of height and side, so that every body and disc
    keeps its size and stands across the bent spine.
    """
    if degrees == 0:
        return positions_mm
    radius = BENT_MM / np.radians(degrees)
    x, y, z = positions_mm
    aside, up = (radius - x) * np.sign(radius), (z - apex_mm) * np.sign(radius)
    side = radius - np.sign(radius) * np.hypot(aside, up)
    height = apex_mm + radius * np.arctan2(up, aside)
    return np.stack([side, y, height])
