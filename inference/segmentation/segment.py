"""Volume to probabilities of vertebra, disc and canal."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inference.geometry.midsagittal import CHANNEL
from inference.results import Structure
from inference.segmentation.model import SegmentationModel
from inference.segmentation.preprocessing import normalized, padded
from inference.volume import Geometry, SpineSegmentation, Volume


def segment(
    volume: Volume, model: SegmentationModel, done: Callable[[float], None]
) -> SpineSegmentation:
    """Run the network over all slices, one by one: more at once only costs memory.

    Args:
        volume: Sagittal, with square pixels of ``preprocessing.NETWORK_SPACING_MM``.
        model: The engine.
        done: Told the finished part, 0 to 1, now and then.

    """
    slices, rows, columns = volume.voxels.shape
    parts = []
    for index, image in enumerate(volume.voxels, start=1):
        batch = padded(normalized(image))[None]
        parts.append(model.probabilities(batch)[:, :, :rows, :columns])
        done(index / slices)
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
