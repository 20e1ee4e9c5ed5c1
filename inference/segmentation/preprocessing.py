"""What the network sees: one spacing and one range of gray values.

Used alike in training and in service, so that both see the same images.
"""

import numpy as np
from numpy.typing import NDArray

NETWORK_SPACING_MM = 0.65  # our choice: a 5 mm disc is 8 pixels high
NETWORK_MULTIPLE = 16  # the output stride of the network
PERCENTILES = (1.0, 99.5)  # our choice: robust against bright fat and flow artifacts


def padded(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add zeros below and behind, up to sizes that the network takes."""
    return np.pad(image, [(0, -size % NETWORK_MULTIPLE) for size in image.shape])


def normalized(image: NDArray[np.floating | np.integer]) -> NDArray[np.float32]:
    """Scale gray values so that ``PERCENTILES`` become 0 and 1, clipped to -0.5 .. 1.5.

    A constant image becomes all zero.
    """
    low, high = np.percentile(image, PERCENTILES)
    if high <= low:
        return np.zeros(image.shape, np.float32)
    scaled = (image.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    return np.clip(scaled, -0.5, 1.5)
