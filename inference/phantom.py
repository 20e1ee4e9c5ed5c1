"""A lumbar spine of known geometry, drawn in millimeters.

It gives the demo its MRI and the tests their ground truth. Nothing here is measured on
a patient: sizes are drawn from the ranges that ``phantom_spec.random_spec`` cites.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.phantom_anatomy import segments_of
from inference.phantom_painter import Painter
from inference.phantom_spec import PhantomSpec
from inference.results import Level, Vertebra
from inference.volume import SAGITTAL_DIRECTIONS, Geometry, Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTruth:
    """Known geometry of one level, as ``LevelMeasurement`` defines it."""

    level: Level
    disc_height_mm: float
    disc_width_mm: float
    canal_diameter_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VertebraTruth:
    """Known geometry of one vertebra, as ``VertebraMeasurement`` defines it."""

    vertebra: Vertebra
    height_mm: float
    width_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phantom:
    """A drawn spine.

    Attributes:
        volume: The image.
        labels: uint8 like the volume: 0 background, then ``Structure`` from 1.
        levels: Truth per disc, L1/L2 first.
        vertebrae: Truth per vertebra, L1 first.

    """

    volume: Volume
    labels: NDArray[np.uint8]
    levels: tuple[LevelTruth, ...]
    vertebrae: tuple[VertebraTruth, ...]


def draw_phantom(spec: PhantomSpec) -> Phantom:
    """Draw the spine that the specification describes.

    The lumbar spine lies in the middle of the image, whatever its size.
    """
    segments = segments_of(spec)
    lumbar = [item.body_pose.center_mm for item in segments[: len(Vertebra)]]
    geometry = _geometry(spec, np.mean(lumbar, axis=0))
    painter = Painter(spec, _voxel_positions(geometry))
    painter.paint(segments)
    volume = Volume(voxels=painter.image(), geometry=geometry)
    return Phantom(
        volume=volume,
        labels=painter.labels,
        levels=tuple(
            LevelTruth(
                level=level,
                disc_height_mm=disc.height_mm,
                disc_width_mm=body.width_mm,
                canal_diameter_mm=disc.canal_mm,
            )
            for level, disc, body in zip(
                reversed(Level), spec.discs, spec.bodies, strict=False
            )
        )[::-1],
        vertebrae=tuple(
            VertebraTruth(
                vertebra=vertebra, height_mm=body.height_mm, width_mm=body.width_mm
            )
            for vertebra, body in zip(reversed(Vertebra), spec.bodies, strict=False)
        )[::-1],
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
