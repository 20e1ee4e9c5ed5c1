"""Images with their place in the patient: geometry and voxels are separate types.

Axes are always ``(slices, rows, columns)`` and patient coordinates LPS in millimeters,
as in DICOM and highdicom. A *sagittal* volume has slices running from right to left,
rows from superior to inferior and columns from anterior to posterior.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.errors import IrregularVolumeError

#: LPS axis along which slices, rows and columns of a sagittal volume run.
SAGITTAL_AXES = ((0, 1), (2, -1), (1, 1))
#: The same as a matrix: its columns are the directions of slices, rows and columns.
SAGITTAL_DIRECTIONS = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
#: Cosine of the largest tilt between slice normal and the left-right axis that still
#: counts as sagittal: 45 degrees, beyond which another plane is nearer.
MIN_SAGITTAL_COSINE = 0.7071


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Geometry:
    """Where the voxels of a volume lie in the patient.

    Attributes:
        affine_mm: Shape ``(4, 4)``: homogeneous voxel index ``(slice, row, column)``
            to LPS millimeters of the voxel center.
        shape: Number of slices, rows and columns.

    """

    affine_mm: NDArray[np.float64]
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        if self.affine_mm.shape != (4, 4):
            raise ValueError(f"affine must be 4x4, got {self.affine_mm.shape}")
        axes = self.affine_mm[:3, :3] / self.spacing_mm
        if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
            raise IrregularVolumeError("the axes of the volume are not orthogonal")

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Distance between slices, rows and columns in millimeters, shape ``(3,)``."""
        return np.linalg.norm(self.affine_mm[:3, :3], axis=0)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel in cubic millimeters."""
        return float(np.prod(self.spacing_mm))

    def to_patient_mm(self, indices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map voxel indices to LPS millimeters, both of shape ``(points, 3)``."""
        return indices @ self.affine_mm[:3, :3].T + self.affine_mm[:3, 3]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Volume:
    """Gray values on a regular grid.

    Attributes:
        voxels: float32, shape ``(slices, rows, columns)``, in no unit.
        geometry: Where they lie.

    """

    voxels: NDArray[np.float32]
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.voxels.shape != self.geometry.shape:
            raise ValueError(
                f"{self.voxels.shape} voxels in a grid of {self.geometry.shape}"
            )
        self.voxels.setflags(write=False)

    def sagittal(self) -> Self:
        """Return the same volume with its axes in the order of ``SAGITTAL_AXES``.

        Raises:
            IrregularVolumeError: The slices are not sagittal.

        """
        affine = self.geometry.affine_mm
        directions = affine[:3, :3] / self.geometry.spacing_mm
        order = [int(np.argmax(np.abs(directions[axis]))) for axis, _ in SAGITTAL_AXES]
        if order[0] != 0 or len(set(order)) != len(order):
            raise IrregularVolumeError("the slices are not sagittal")
        if abs(directions[0, 0]) < MIN_SAGITTAL_COSINE:
            raise IrregularVolumeError("the slices are tilted more than 45 degrees")
        voxels = self.voxels.transpose(order)
        affine = affine[:, [*order, 3]].copy()
        for index, (axis, sign) in enumerate(SAGITTAL_AXES):
            if affine[axis, index] * sign < 0:
                voxels = np.flip(voxels, index)
                affine[:3, 3] += affine[:3, index] * (voxels.shape[index] - 1)
                affine[:3, index] *= -1
        shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
        geometry = Geometry(affine_mm=affine, shape=shape)
        return type(self)(voxels=np.ascontiguousarray(voxels), geometry=geometry)

    def resampled_in_plane(self, pixel_mm: float) -> Self:
        """Return the same slices with square pixels, interpolated linearly."""
        spacing = self.geometry.spacing_mm
        voxels = square_pixels(self.voxels, spacing[1:], pixel_mm)
        affine = self.geometry.affine_mm.copy()
        for axis in (1, 2):
            factor = pixel_mm / spacing[axis]
            affine[:3, 3] += affine[:3, axis] * (factor - 1) / 2
            affine[:3, axis] *= factor
        geometry = Geometry(affine_mm=affine, shape=voxels.shape)
        return type(self)(voxels=voxels, geometry=geometry)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpineSegmentation:
    """Which structure each voxel belongs to.

    Attributes:
        probabilities: float32, shape ``(classes, slices, rows, columns)``: background,
            then the members of ``Structure`` in their order; they sum to 1.
        lumbosacral: float32, shape ``(slices, rows, columns)``: probability of the
            disc L5/S1, a part of that of any disc; all zero where it is not known.
        geometry: Where the voxels lie; the same as that of the volume.

    """

    probabilities: NDArray[np.float32]
    lumbosacral: NDArray[np.float32]
    geometry: Geometry

    @property
    def labels(self) -> NDArray[np.uint8]:
        """Most probable class per voxel, shape ``(slices, rows, columns)``."""
        labels: NDArray[np.uint8] = self.probabilities.argmax(axis=0).astype(np.uint8)
        return labels


def square_pixels(
    images: NDArray[np.float32], spacing_mm: NDArray[np.float64], pixel_mm: float
) -> NDArray[np.float32]:
    """Interpolate linearly to square pixels; the upper left pixel edges coincide.

    Args:
        images: Shape ``(images, rows, columns)``.
        spacing_mm: Distance between rows, then between columns.
        pixel_mm: Edge of the new pixels.

    """
    step = pixel_mm / spacing_mm
    shape = np.round(images.shape[1:] / step).astype(int)
    return np.stack(
        [
            ndimage.affine_transform(
                image,
                step,
                offset=(step - 1) / 2,
                output_shape=tuple(shape),
                order=1,
                mode="nearest",
            )
            for image in images
        ]
    )
