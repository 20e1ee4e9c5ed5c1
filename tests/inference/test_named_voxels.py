"""Voxels of all slices get the name of the instance that they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.geometry.midsagittal import CHANNEL, MidSagittal, mid_sagittal
from inference.levels.named_voxels import NAMES, NamedVoxels, name_voxels
from inference.levels.naming import NamedSpine, name_levels
from inference.phantom.drawing import Phantom
from inference.results import Level, Structure, Vertebra
from inference.segmentation.preprocessing import NETWORK_SPACING_MM
from inference.training.geometry import true_segmentation
from inference.volume import Geometry, SpineSegmentation

MIDDLE = 2
SHAPE = (5, 80, 80)
SPACING_MM = (4.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def named(phantom: Phantom) -> NamedVoxels:
    volume = phantom.volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    segmentation = true_segmentation(phantom, volume)
    plane = mid_sagittal(volume, segmentation)
    return name_voxels(segmentation, plane, name_levels(plane), phantom.volume.geometry)


def heights_mm(named: NamedVoxels, name: Vertebra | Level) -> NDArray[np.float64]:
    indices = np.argwhere(named.mask(name)).astype(float)
    return named.geometry.to_patient_mm(indices)[:, 2]


def test_everything_has_voxels_and_keeps_its_structure(
    named: NamedVoxels, phantom: Phantom
) -> None:
    assert named.names == NAMES
    for structure, names in (
        (Structure.VERTEBRA, Vertebra),
        (Structure.DISC, Level),
        (Structure.CANAL, [Structure.CANAL]),
    ):
        truth = phantom.labels == CHANNEL[structure]
        mine = np.logical_or.reduce([named.mask(name) for name in names])
        assert np.count_nonzero(mine & truth) > 0.97 * np.count_nonzero(mine)


def test_discs_and_bodies_lie_in_the_order_of_their_names(named: NamedVoxels) -> None:
    order: list[Vertebra | Level] = [
        name for pair in zip(Vertebra, Level, strict=True) for name in pair
    ]
    means = [heights_mm(named, name).mean() for name in order]
    assert means == sorted(means, reverse=True)


def test_a_disc_has_its_own_voxels_on_every_slice(named: NamedVoxels) -> None:
    """The discs of the phantom lie farther apart than any is high."""
    for name in Level:
        assert np.ptp(heights_mm(named, name)) < 30


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Two bodies on a small grid, and what is drawn on other slices."""

    classes: NDArray[np.uint8]
    bodies: Mapping[Vertebra, NDArray[np.bool_]]


@pytest.fixture
def drawn() -> Drawn:
    upper, lower = np.zeros(SHAPE[1:], bool), np.zeros(SHAPE[1:], bool)
    upper[5:25, 5:30] = True
    lower[35:55, 5:30] = True
    classes = np.zeros(SHAPE, np.uint8)
    classes[MIDDLE][upper | lower] = CHANNEL[Structure.VERTEBRA]
    return Drawn(classes=classes, bodies={Vertebra.L3: upper, Vertebra.L4: lower})


def named_voxels(drawn: Drawn) -> NamedVoxels:
    nothing = np.zeros(SHAPE[1:], bool)
    affine = np.diag([*SPACING_MM, 1.0])
    geometry = Geometry(affine_mm=affine, shape=SHAPE)
    probabilities = np.stack(
        [(drawn.classes == label).astype(np.float32) for label in range(4)]
    )
    lumbosacral = np.zeros(SHAPE, np.float32)
    segmentation = SpineSegmentation(
        probabilities=probabilities, lumbosacral=lumbosacral, geometry=geometry
    )
    plane = MidSagittal(
        slice_index=MIDDLE,
        pixel_mm=1.0,
        probabilities=probabilities[:, MIDDLE],
        lumbosacral=lumbosacral[MIDDLE],
        signal=np.zeros(SHAPE[1:], np.float32),
        slice_position=np.full(SHAPE[1], float(MIDDLE)),
        row_position=np.arange(SHAPE[1], dtype=float),
        geometry=geometry,
    )
    spine = NamedSpine(
        bodies=drawn.bodies,
        discs={},
        unnamed=[],
        confidence=1.0,
        canal=nothing,
        center_line=np.full(SHAPE[1], 40.0),
        warnings=(),
    )
    return name_voxels(segmentation, plane, spine, geometry)


def test_a_process_belongs_to_the_body_that_its_pedicle_leads_to(drawn: Drawn) -> None:
    """It hangs in front of the body below, and is nearer to that one."""
    vertebra = CHANNEL[Structure.VERTEBRA]
    drawn.classes[MIDDLE + 1, 5:25, 5:60] = vertebra  # body and pedicle of L3
    drawn.classes[MIDDLE + 1, 20:45, 50:60] = vertebra  # its lamina
    drawn.classes[MIDDLE, 38:46, 50:70] = vertebra  # its process, behind L4
    drawn.classes[MIDDLE + 1, 38:46, 50:70] = vertebra
    named = named_voxels(drawn)
    assert named.mask(Vertebra.L3)[MIDDLE, 38:46, 50:70].all()
    assert named.mask(Vertebra.L4)[MIDDLE, 35:55, 5:30].all()


def test_a_near_island_takes_the_nearest_name_and_a_far_one_none(drawn: Drawn) -> None:
    vertebra = CHANNEL[Structure.VERTEBRA]
    drawn.classes[MIDDLE, 40:50, 35:40] = vertebra
    drawn.classes[MIDDLE, 60:75, 60:75] = vertebra
    named = named_voxels(drawn)
    assert named.mask(Vertebra.L4)[MIDDLE, 40:50, 35:38].all()
    assert not named.labels[MIDDLE, 60:75, 60:75].any()


def test_a_structure_without_a_named_instance_has_no_voxels(drawn: Drawn) -> None:
    drawn.classes[MIDDLE, 60:70, 5:30] = CHANNEL[Structure.DISC]
    named = named_voxels(drawn)
    assert named.names == (Vertebra.L3, Vertebra.L4)
