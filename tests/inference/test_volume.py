"""A volume knows where it lies, whatever the order of its axes."""

import numpy as np
import pytest

from inference.errors import IrregularVolumeError
from inference.phantom.drawing import Phantom
from inference.volume import Geometry, Volume


def flipped(volume: Volume, axis: int) -> Volume:
    affine = volume.geometry.affine_mm.copy()
    affine[:3, 3] += affine[:3, axis] * (volume.voxels.shape[axis] - 1)
    affine[:3, axis] *= -1
    geometry = Geometry(affine_mm=affine, shape=volume.geometry.shape)
    return Volume(voxels=np.flip(volume.voxels, axis), geometry=geometry)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_flipped_volume_is_the_same_volume(phantom: Phantom, axis: int) -> None:
    back = flipped(phantom.volume, axis).sagittal()
    np.testing.assert_array_equal(back.voxels, phantom.volume.voxels)
    np.testing.assert_allclose(
        back.geometry.affine_mm, phantom.volume.geometry.affine_mm
    )


def test_rows_and_columns_may_be_exchanged(phantom: Phantom) -> None:
    affine = phantom.volume.geometry.affine_mm[:, [0, 2, 1, 3]]
    voxels = phantom.volume.voxels.transpose(0, 2, 1)
    geometry = Geometry(affine_mm=affine, shape=voxels.shape)
    back = Volume(voxels=voxels, geometry=geometry).sagittal()
    np.testing.assert_array_equal(back.voxels, phantom.volume.voxels)


def test_an_axial_volume_is_refused(phantom: Phantom) -> None:
    affine = phantom.volume.geometry.affine_mm[:, [1, 0, 2, 3]]
    voxels = phantom.volume.voxels.transpose(1, 0, 2)
    geometry = Geometry(affine_mm=affine, shape=voxels.shape)
    with pytest.raises(IrregularVolumeError, match="not sagittal"):
        Volume(voxels=voxels, geometry=geometry).sagittal()


def test_resampling_keeps_the_field_of_view(phantom: Phantom) -> None:
    coarse = phantom.volume.resampled_in_plane(1.5)
    corner, fine_corner = (
        volume.geometry.to_patient_mm(np.array([[0.0, -0.5, -0.5]]))
        for volume in (coarse, phantom.volume)
    )
    np.testing.assert_allclose(corner, fine_corner, atol=1e-6)
    np.testing.assert_allclose(coarse.geometry.spacing_mm[1:], 1.5, rtol=0.01)


def test_axes_that_are_not_orthogonal_are_refused() -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.5
    with pytest.raises(IrregularVolumeError, match="not orthogonal"):
        Geometry(affine_mm=affine, shape=(2, 2, 2))
