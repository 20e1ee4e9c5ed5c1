"""What the probabilities say of each outline, before it is calibrated.

The expected Dice alone: our choice, for a curve of one number that can be read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.geometry.midsagittal import MidSagittal
from inference.geometry.pieces import around, centroid
from inference.levels.naming import NamedSpine
from inference.results import Level, Structure

REACH_MM: Final = 3.0  # our choice: how far outside of an outline it might belong
#: Half the height of the piece of canal that belongs to a disc. Our choice: half the
#: distance between two discs.
CANAL_HALF_MM: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutlinePiece:
    """One outline that gets a confidence.

    Attributes:
        name: ``"L4"``, ``"L4/L5"`` or ``"canal L4/L5"``.
        structure: What it is.
        mask: Boolean like the slice.
        around: Where the structure could be seen at all, boolean like the slice.

    """

    name: str
    structure: Structure
    mask: NDArray[np.bool_]
    around: NDArray[np.bool_]


def canal_name(level: Level) -> str:
    """Name the piece of canal behind a disc."""
    return f"{Structure.CANAL} {level}"


def outline_pieces(spine: NamedSpine, pixel_mm: float) -> Iterator[OutlinePiece]:
    """Yield each named body and disc, and the canal behind each named disc."""
    for structure, named in (
        (Structure.VERTEBRA, spine.bodies),
        (Structure.DISC, spine.discs),
    ):
        every = np.logical_or.reduce([*spine.instances(structure), spine.canal])
        for name, mask in named.items():
            yield OutlinePiece(
                name=str(name), structure=structure, mask=mask, around=mask | ~every
            )
    rows = np.arange(len(spine.canal))[:, None]
    half_px = CANAL_HALF_MM / pixel_mm
    for level, disc in spine.discs.items():
        near = np.abs(rows - centroid(disc)[0]) <= half_px
        if (spine.canal & near).any():
            yield OutlinePiece(
                name=canal_name(level),
                structure=Structure.CANAL,
                mask=spine.canal & near,
                around=np.broadcast_to(near, spine.canal.shape),
            )


def expected_dice(plane: MidSagittal, piece: OutlinePiece) -> float:
    """Return the Dice of an outline with a truth drawn from the probabilities.

    Were the probabilities right, this would be the Dice; they are too sure or too
    doubtful, so it has to be calibrated.
    """
    reach_px = round(REACH_MM / plane.pixel_mm)
    crop = around(piece.mask, reach_px)
    mask = piece.mask[crop]
    near = ndimage.binary_dilation(mask, iterations=reach_px) & piece.around[crop]
    probability = plane.soft(piece.structure)[crop]
    inside, everything = probability[mask].sum(), probability[near].sum()
    return float(2 * inside / (mask.sum() + everything))
