"""The one slice on which lengths are measured, at sub-pixel resolution."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.errors import SpineNotFoundError
from inference.results import Structure
from inference.volume import SpineSegmentation, Volume, square_pixels

FINE_PIXEL_MM: Final = 0.4  # our choice: probabilities are interpolated linearly to it
#: Canal seen in all slices together. Our choice: a tenth of a lumbar canal of 150 x
#: 13 mm on one slice; less is no spine.
MIN_CANAL_MM2: Final = 200.0
CHANNEL: Final = {structure: 1 + order for order, structure in enumerate(Structure)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MidSagittal:
    """The mid-sagittal slice on a fine square grid.

    Attributes:
        slice_index: Which slice of the volume it is.
        pixel_mm: Edge of one pixel.
        probabilities: float32, shape ``(classes, rows, columns)``, rows from superior
            to inferior, columns from anterior to posterior.
        lumbosacral: float32, shape ``(rows, columns)``: probability of the disc L5/S1;
            all zero where it is not known.
        signal: Gray values, shape ``(rows, columns)``.

    """

    slice_index: int
    pixel_mm: float
    probabilities: NDArray[np.float32]
    lumbosacral: NDArray[np.float32]
    signal: NDArray[np.float32]

    def mask(self, structure: Structure) -> NDArray[np.bool_]:
        """Where the structure is the most probable class."""
        chosen: NDArray[np.bool_] = (
            self.probabilities.argmax(axis=0) == CHANNEL[structure]
        )
        return chosen


def mid_sagittal(volume: Volume, segmentation: SpineSegmentation) -> MidSagittal:
    """Find the middle of the canal and return its slice, resampled.

    The canal is widest in its middle, so its slices are averaged by their canal area.

    Args:
        volume: Sagittal with square pixels.
        segmentation: On the same grid.

    Raises:
        SpineNotFoundError: There is no canal.

    """
    spacing = segmentation.geometry.spacing_mm
    canal = segmentation.labels == CHANNEL[Structure.CANAL]
    areas_mm2 = canal.sum(axis=(1, 2)) * float(spacing[1] * spacing[2])
    if areas_mm2.sum() < MIN_CANAL_MM2:
        raise SpineNotFoundError(f"{areas_mm2.sum():.0f} mm2 of canal in all slices")
    middle = round(float(np.average(np.arange(len(areas_mm2)), weights=areas_mm2**2)))
    signal = square_pixels(volume.voxels[[middle]], spacing[1:], FINE_PIXEL_MM)[0]
    return MidSagittal(
        slice_index=middle,
        pixel_mm=FINE_PIXEL_MM,
        probabilities=square_pixels(
            segmentation.probabilities[:, middle], spacing[1:], FINE_PIXEL_MM
        ),
        lumbosacral=square_pixels(
            segmentation.lumbosacral[[middle]], spacing[1:], FINE_PIXEL_MM
        )[0],
        signal=signal,
    )
