"""Changes of the image that leave the anatomy as it is."""

import numpy as np
import pytest

from inference.phantom.drawing import Phantom
from inference.results import Structure
from inference.segmentation.model import load_segmentation_model
from inference.segmentation.preprocessing import normalized
from inference.training.data import LabeledSlice
from inference.training.evaluation import dice
from inference.training.robustness import CHANGES, dice_after_changes


def test_every_change_is_measured_for_every_structure(phantom: Phantom) -> None:
    slices = [
        LabeledSlice(
            patient="1",
            image=normalized(image),
            labels=labels,
            spacing_mm=(0.75, 0.75),
        )
        for image, labels in zip(phantom.volume.voxels, phantom.labels, strict=True)
    ]
    found = dice_after_changes(slices, load_segmentation_model())
    assert set(found) == set(CHANGES)
    assert all(set(scores) == set(Structure) for scores in found.values())
    assert found["as acquired"][Structure.CANAL] > 0.8


@pytest.mark.parametrize("name", sorted(set(CHANGES) - {"as acquired"}))
def test_a_change_changes_the_image_and_not_its_shape(name: str) -> None:
    rng = np.random.default_rng(1)
    images = rng.random((2, 32, 32)).astype(np.float32)
    labels = rng.integers(0, 4, images.shape).astype(np.float32)
    changed = CHANGES[name](images, labels)
    assert changed.shape == images.shape
    assert np.abs(changed - images).mean() > 0.01


def test_equal_masks_overlap_fully_and_disjoint_ones_not_at_all() -> None:
    mask = np.eye(4, dtype=bool)
    assert dice(mask, mask) == 1
    assert dice(mask, ~mask) == 0
    assert dice(mask & False, mask & False) == 1
