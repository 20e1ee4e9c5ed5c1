"""The mid-sagittal surface on which lengths are measured, at sub-pixel resolution.

A crooked spine leaves every single slice. So the surface follows the middle of the
canal from slice to slice, and is unrolled: it bends across the slices only, so the
unrolled picture shows every length on it as long as it is in the patient.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.errors import SpineNotFoundError
from inference.results import Structure
from inference.volume import Geometry, SpineSegmentation, Volume

FINE_PIXEL_MM: Final = 0.4  # our choice: probabilities are interpolated linearly to it
#: Canal seen in all slices together. Our choice: a tenth of a lumbar canal of 150 x
#: 13 mm on one slice; less is no spine.
MIN_CANAL_MM2: Final = 200.0
#: Length over which the middle of the canal is smoothed. Our choice: half a vertebra
#: to each side, because one slice of 5 mm tells the middle badly.
SMOOTHING_MM: Final = 18.0
#: A canal whose middle stays this near to one slice is read on that slice. Our choice:
#: it makes a canal of 15 x 22 mm 0.25 mm narrower, and the picture stays one image.
STRAIGHT_MM: Final = 2.0
CHANNEL: Final = {structure: 1 + order for order, structure in enumerate(Structure)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MidSagittal:
    """The mid-sagittal surface on a fine square grid.

    For a straight spine it is one slice; for a crooked one a curved reformation, whose
    rows are interpolated between neighboring slices.

    Attributes:
        slice_index: The slice of the volume that is nearest to all of it.
        pixel_mm: Edge of one pixel.
        probabilities: float32, shape ``(classes, rows, columns)``, rows from superior
            to inferior, columns from anterior to posterior.
        lumbosacral: float32, shape ``(rows, columns)``: probability of the disc L5/S1;
            all zero where it is not known.
        signal: Gray values, shape ``(rows, columns)``.
        slice_position: For each row the slice index of the volume, shape ``(rows,)``.
        row_position: For each row the row index of the volume, shape ``(rows,)``.
        geometry: Of the volume.

    """

    slice_index: int
    pixel_mm: float
    probabilities: NDArray[np.float32]
    lumbosacral: NDArray[np.float32]
    signal: NDArray[np.float32]
    slice_position: NDArray[np.float64]
    row_position: NDArray[np.float64]
    geometry: Geometry

    def mask(self, structure: Structure) -> NDArray[np.bool_]:
        """Where the structure is the most probable class."""
        chosen: NDArray[np.bool_] = (
            self.probabilities.argmax(axis=0) == CHANNEL[structure]
        )
        return chosen

    def soft(self, structure: Structure) -> NDArray[np.float32]:
        """Probability of the structure: its border is where this crosses one half."""
        own: NDArray[np.float32] = self.probabilities[CHANNEL[structure]]
        return own

    def to_patient_mm(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map (row, column) millimeters on the surface to LPS millimeters.

        Args:
            points_mm: Shape ``(points, 2)``, zero at the middle of the first pixel.

        """
        rows, columns = points_mm.T / self.pixel_mm
        every_row = np.arange(len(self.row_position))
        indices = [
            np.interp(rows, every_row, self.slice_position),
            np.interp(rows, every_row, self.row_position),
            (columns + 0.5) * self._column_step - 0.5,
        ]
        return self.geometry.to_patient_mm(np.stack(indices, axis=1))

    def to_pixels(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map LPS millimeters of points on the surface to its (row, column) pixels."""
        affine = self.geometry.affine_mm
        indices = np.linalg.solve(affine[:3, :3], (points_mm - affine[:3, 3]).T)
        rows = np.interp(
            indices[1], self.row_position, np.arange(len(self.row_position))
        )
        columns = (indices[2] + 0.5) / self._column_step - 0.5
        return np.stack([rows, columns], axis=1)

    def nearest_rows(self, count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """For each of the rows of the volume, the nearest slice and row here."""
        fine = np.interp(
            np.arange(count), self.row_position, np.arange(len(self.row_position))
        )
        rows = np.round(fine).astype(np.intp)
        return np.round(self.slice_position[rows]).astype(np.intp), rows

    @property
    def _column_step(self) -> float:
        return float(self.pixel_mm / self.geometry.spacing_mm[2])


def mid_sagittal(volume: Volume, segmentation: SpineSegmentation) -> MidSagittal:
    """Find the middle of the canal and return the surface through it.

    Args:
        volume: Sagittal with square pixels.
        segmentation: On the same grid.

    Raises:
        SpineNotFoundError: There is no canal.

    """
    return surface_along(volume, segmentation, canal_course(segmentation))


def canal_course(segmentation: SpineSegmentation) -> NDArray[np.float64]:
    """Return for each row the slice index of the canal's middle, shape ``(rows,)``.

    The canal is widest in its middle, so slices are averaged by its squared diameter.

    Raises:
        SpineNotFoundError: There is no canal.

    """
    slice_mm, row_mm, column_mm = segmentation.geometry.spacing_mm
    canal = segmentation.labels == CHANNEL[Structure.CANAL]
    diameters_mm = canal.sum(axis=2) * column_mm
    area_mm2 = diameters_mm.sum() * row_mm
    if area_mm2 < MIN_CANAL_MM2:
        raise SpineNotFoundError(f"{area_mm2:.0f} mm2 of canal in all slices")
    slices, rows = diameters_mm.shape
    weights = (diameters_mm**2).sum(axis=0)
    seen = np.flatnonzero(weights)
    middles = (diameters_mm**2 * np.arange(slices)[:, None]).sum(axis=0)[seen]
    middles /= weights[seen]
    smooth = _smoothed(middles, weights[seen], seen * row_mm)
    nearest = round(float(np.average(smooth, weights=weights[seen])))
    if np.abs(smooth - nearest).max() * slice_mm <= STRAIGHT_MM:
        return np.full(rows, float(nearest))
    return np.interp(np.arange(rows), seen, smooth).clip(0, slices - 1)


def surface_along(
    volume: Volume, segmentation: SpineSegmentation, course: NDArray[np.float64]
) -> MidSagittal:
    """Sample the surface that has a given slice index in each row.

    Args:
        volume: Sagittal.
        segmentation: On the same grid.
        course: Shape ``(rows,)`` of the volume.

    """
    spacing = volume.geometry.spacing_mm
    every_row = np.arange(-1, len(course) + 1)
    across = np.pad(course, 1, mode="edge") * spacing[0]
    arc_mm = np.concatenate([[0.0], np.hypot(np.diff(across), spacing[1]).cumsum()])
    arc_mm -= spacing[1] / 2  # zero at the upper edge of the first row
    count = round((arc_mm[-1] - spacing[1] / 2) / FINE_PIXEL_MM)
    row_position = np.interp(
        (np.arange(count) + 0.5) * FINE_PIXEL_MM, arc_mm, every_row
    )
    slice_position = np.interp(row_position, every_row[1:-1], course)
    positions = (slice_position, row_position, spacing[2])
    return MidSagittal(
        slice_index=round(float(np.mean(course))),
        pixel_mm=FINE_PIXEL_MM,
        probabilities=_sampled(segmentation.probabilities, *positions),
        lumbosacral=_sampled(segmentation.lumbosacral, *positions),
        signal=_sampled(volume.voxels, *positions),
        slice_position=slice_position,
        row_position=row_position,
        geometry=volume.geometry,
    )


def _smoothed(
    values: NDArray[np.float64],
    weights: NDArray[np.float64],
    positions_mm: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fit a weighted straight line around each position and return its middle."""
    away = (positions_mm - positions_mm[:, None]) / SMOOTHING_MM
    kernel = np.exp(-(away**2) / 2) * weights
    total, first, second = ((kernel * away**n).sum(axis=1) for n in range(3))
    mean, moment = kernel @ values, (kernel * away) @ values
    spread = total * second - first**2
    flat = spread <= 1e-9 * total**2  # a canal of a row or two has no direction
    line = (second * mean - first * moment) / np.where(flat, 1.0, spread)
    result: NDArray[np.float64] = np.where(flat, mean / total, line)
    return result


def _sampled(
    stack: NDArray[np.float32],
    slice_position: NDArray[np.float64],
    row_position: NDArray[np.float64],
    column_mm: float,
) -> NDArray[np.float32]:
    """Interpolate linearly; the last three axes of the stack are those of a volume."""
    slices, rows, columns = stack.shape[-3:]
    step = FINE_PIXEL_MM / column_mm
    across = (np.arange(round(columns / step)) + 0.5) * step - 0.5
    slice_low, slice_high, slice_part = _neighbors(slice_position, slices)
    row_low, row_high, row_part = _neighbors(row_position, rows)
    left, right, part = _neighbors(across, columns)
    lines = [
        stack[..., slice_low, row, :] * (1 - slice_part[:, None])
        + stack[..., slice_high, row, :] * slice_part[:, None]
        for row in (row_low, row_high)
    ]
    line = lines[0] * (1 - row_part[:, None]) + lines[1] * row_part[:, None]
    sampled = line[..., left] * (1 - part) + line[..., right] * part
    return np.asarray(sampled, np.float32)


def _neighbors(
    position: NDArray[np.float64], count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Both grid points around each position, and how far it lies toward the second."""
    inside = position.clip(0, count - 1)
    low = np.floor(inside).astype(np.intp)
    high = np.minimum(low + 1, count - 1)
    return low, high, (inside - low).astype(np.float32)
