"""Volume to probabilities of vertebra, disc and canal."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inference.midsagittal import CHANNEL
from inference.models import SegmentationModel
from inference.preprocessing import NETWORK_MULTIPLE, normalized
from inference.results import Structure
from inference.volume import Geometry, SpineSegmentation, Volume

SLICES_PER_RUN = 4  # our choice: bounds the memory, and lets progress be shown


def segment(
    volume: Volume, model: SegmentationModel, done: Callable[[float], None]
) -> SpineSegmentation:
    """Run the network over all slices.

    Args:
        volume: Sagittal, with square pixels of ``preprocessing.NETWORK_SPACING_MM``.
        model: The engine.
        done: Told the finished part, 0 to 1, now and then.

    """
    slices, rows, columns = volume.voxels.shape
    margins = [(0, -size % NETWORK_MULTIPLE) for size in (rows, columns)]
    parts = []
    for first in range(0, slices, SLICES_PER_RUN):
        chunk = volume.voxels[first : first + SLICES_PER_RUN]
        images = np.stack([np.pad(normalized(image), margins) for image in chunk])
        parts.append(model.probabilities(images)[:, :, :rows, :columns])
        done(min(1.0, (first + SLICES_PER_RUN) / slices))
    return segmentation_of(np.concatenate(parts).transpose(1, 0, 2, 3), volume.geometry)


def segmentation_of(
    scores: NDArray[np.float32], geometry: Geometry
) -> SpineSegmentation:
    """Tell apart what the network says of the structure and of the level.

    Args:
        scores: Probabilities, shape ``(classes, slices, rows, columns)``: background,
            the members of ``Structure``, and the disc L5/S1, which no other disc class
            then counts. Networks that do not know it leave it out.
        geometry: Where the voxels lie.

    """
    known = 1 + len(Structure)
    probabilities = np.array(scores[:known])
    lumbosacral = scores[known:].sum(axis=0)
    probabilities[CHANNEL[Structure.DISC]] += lumbosacral
    return SpineSegmentation(
        probabilities=probabilities, lumbosacral=lumbosacral, geometry=geometry
    )
