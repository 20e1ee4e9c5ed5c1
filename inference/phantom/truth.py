"""Known geometry of a phantom, by the definitions of the measurements."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.geometry.boxes import CENTRAL_PART
from inference.phantom.anatomy import Block, Segment
from inference.results import Level, Vertebra


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTruth:
    """Known geometry of one level, as ``LevelMeasurement`` defines it."""

    level: Level
    disc_height_mm: float
    disc_height_anterior_mm: float
    disc_height_middle_mm: float
    disc_height_posterior_mm: float
    disc_width_mm: float
    canal_diameter_mm: float
    slip_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VertebraTruth:
    """Known geometry of one vertebra, as ``VertebraMeasurement`` defines it."""

    vertebra: Vertebra
    height_mm: float
    height_anterior_mm: float
    height_middle_mm: float
    height_posterior_mm: float
    width_mm: float
    wedge_degrees: float
    canal_diameter_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineTruth:
    """Known geometry of the spine, as ``SpineMeasurement`` defines it."""

    lordosis_degrees: float
    smallest_canal_mm: float


def level_truths(segments: list[Segment]) -> tuple[LevelTruth, ...]:
    """Return the truth per disc, L1/L2 first; segments run upward from L5/S1."""
    found = []
    plates = [_plate(segments[0].disc_block, side=-1)]
    plates += [_plate(segment.body_block, side=1) for segment in segments]
    for level, segment, plate in zip(reversed(Level), segments, plates, strict=False):
        disc = segment.disc_block
        heights = _heights_mm(disc)
        found.append(
            LevelTruth(
                level=level,
                disc_height_mm=float(heights.mean()),
                disc_height_anterior_mm=float(heights[0]),
                disc_height_middle_mm=disc.height_mm,
                disc_height_posterior_mm=float(heights[-1]),
                disc_width_mm=disc.width_mm,
                canal_diameter_mm=segment.disc.canal_mm,
                slip_mm=_slip_mm(segment.body_block, plate),
            )
        )
    return tuple(found[::-1])


def vertebra_truths(segments: list[Segment]) -> tuple[VertebraTruth, ...]:
    """Return the truth per vertebra, L1 first."""
    found = []
    for vertebra, segment in zip(reversed(Vertebra), segments, strict=False):
        body = segment.body_block
        heights = _heights_mm(body)
        found.append(
            VertebraTruth(
                vertebra=vertebra,
                height_mm=float(heights.mean()),
                height_anterior_mm=float(heights[0]),
                height_middle_mm=body.height_mm,
                height_posterior_mm=float(heights[-1]),
                width_mm=body.width_mm,
                wedge_degrees=segment.body.wedge_degrees,
                canal_diameter_mm=segment.body.canal_mm,
            )
        )
    return tuple(found[::-1])


def spine_truth(segments: list[Segment]) -> SpineTruth:
    """Return what belongs to no single level."""
    lumbar = segments[: len(Vertebra)]
    sacrum = _plate(lumbar[0].disc_block, side=-1)
    top = _plate(lumbar[-1].body_block, side=1)
    rises = [
        np.arctan2(plate[1, 1] - plate[0, 1], plate[1, 0] - plate[0, 0])
        for plate in (sacrum, top)
    ]
    return SpineTruth(
        lordosis_degrees=float(np.degrees(rises[0] - rises[1])),
        smallest_canal_mm=min(
            spec.canal_mm for item in lumbar for spec in (item.disc, item.body)
        ),
    )


def _heights_mm(block: Block) -> NDArray[np.float64]:
    """Heights over the central part, from front to back."""
    half = block.width_mm / 2 * CENTRAL_PART
    return 2 * block.half_height_mm(np.linspace(-half, half, 101))


def _plate(block: Block, *, side: int) -> NDArray[np.float64]:
    """Front and back corner of an endplate, shape ``(2, 2)``."""
    half = block.width_mm / 2
    return np.stack([block.point_mm(-half, side), block.point_mm(half, side)])


def _slip_mm(above: Block, plate: NDArray[np.float64]) -> float:
    """From the posterior corner above to that of the plate, along their bisector."""
    other = _plate(above, side=-1)
    directions = [
        (line[1] - line[0]) / np.linalg.norm(line[1] - line[0])
        for line in (plate, other)
    ]
    bisector = directions[0] + directions[1]
    bisector /= np.linalg.norm(bisector)
    return float((plate[1] - other[1]) @ bisector)
