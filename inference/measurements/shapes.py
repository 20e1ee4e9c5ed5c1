"""Shapes of all bodies and discs and of the canal: measured once, used everywhere."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.errors import UnmeasurableError
from inference.geometry.boxes import Box, Neighbors, box_of
from inference.geometry.midsagittal import MidSagittal
from inference.geometry.pieces import centroid
from inference.levels.naming import NamedSpine
from inference.measurements.canal import Canal, canal_of
from inference.results import Level, Structure, Vertebra


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shapes:
    """What could be measured; the rest has no entry.

    Attributes:
        bodies: By name.
        discs: By name.
        canal: Of the whole image.

    """

    bodies: Mapping[Vertebra, Box]
    discs: Mapping[Level, Box]
    canal: Canal


def shapes_of(plane: MidSagittal, spine: NamedSpine) -> Shapes:
    """Measure the bodies, then the discs between them, and the canal."""
    canal = canal_of(plane, spine)

    def box(
        structure: Structure, mask: NDArray[np.bool_], neighbors: Neighbors | None
    ) -> Box:
        return box_of(
            plane.soft(structure),
            mask,
            plane.pixel_mm,
            across=canal.across_at(centroid(mask) * plane.pixel_mm),
            neighbors=neighbors,
        )

    bodies: dict[Vertebra, Box] = {}
    for vertebra, mask in spine.bodies.items():
        with suppress(UnmeasurableError):
            bodies[vertebra] = box(Structure.VERTEBRA, mask, None)
    discs: dict[Level, Box] = {}
    for level, mask in spine.discs.items():
        with suppress(UnmeasurableError):
            discs[level] = box(Structure.DISC, mask, _neighbors(level, bodies))
    return Shapes(bodies=bodies, discs=discs, canal=canal)


def _neighbors(level: Level, bodies: Mapping[Vertebra, Box]) -> Neighbors | None:
    """Corners beside a disc; ``None`` at L5/S1, where the sacrum has no label."""
    known = [bodies[name] for name in level.vertebrae if name in bodies]
    if len(known) < 2:  # noqa: PLR2004  above and below
        return None
    upper, lower = known
    return Neighbors(
        front_mm=np.stack(
            [
                upper.corner_mm(upper.lower, upper.front),
                lower.corner_mm(lower.upper, lower.front),
            ]
        ),
        back_mm=np.stack(
            [
                upper.corner_mm(upper.lower, upper.back),
                lower.corner_mm(lower.upper, lower.back),
            ]
        ),
    )
