"""Volume to probabilities of vertebra, disc and canal."""

from collections.abc import Callable

import numpy as np

from inference.models import SegmentationModel
from inference.preprocessing import NETWORK_MULTIPLE, normalized
from inference.volume import SpineSegmentation, Volume

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
    probabilities = np.concatenate(parts).transpose(1, 0, 2, 3)
    return SpineSegmentation(
        probabilities=np.ascontiguousarray(probabilities), geometry=volume.geometry
    )
