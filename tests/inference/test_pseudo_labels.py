"""Labels that a network gave and the landmarks approved."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from inference.geometry.midsagittal import CHANNEL
from inference.phantom.drawing import Phantom
from inference.results import Level, Structure
from inference.segmentation.network import CLASSES, LUMBOSACRAL
from inference.training.data import with_lumbosacral
from inference.training.pseudo_labels import UnlabeledSlice, read, reviewed, write

DISC, VERTEBRA = CHANNEL[Structure.DISC], CHANNEL[Structure.VERTEBRA]


@pytest.fixture(scope="module")
def labels(phantom: Phantom) -> NDArray[np.uint8]:
    """The middle slice of a drawn spine."""
    middle: NDArray[np.uint8] = phantom.labels[len(phantom.labels) // 2].copy()
    return middle


@pytest.fixture(scope="module")
def item(phantom: Phantom, labels: NDArray[np.uint8]) -> UnlabeledSlice:
    """The same slice, with a landmark at the back of each lumbar disc."""
    parts, count = ndimage.label(labels == DISC)
    pixels = [np.argwhere(parts == part + 1) for part in range(count)]
    lowest_first = sorted(pixels, key=lambda own: -own[:, 0].mean())
    backs = [own[own[:, 1].argmax()].astype(float) for own in lowest_first]
    return UnlabeledSlice(
        file="1_t2.png",
        patient="1",
        contrast="t2",
        image=phantom.volume.voxels[len(phantom.labels) // 2],
        pixel_mm=0.75,
        landmarks_px=dict(zip(reversed(Level), backs, strict=False)),
    )


def probabilities_of(labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A network that is sure."""
    return np.eye(CLASSES, dtype=np.float32)[labels].transpose(2, 0, 1)


def test_the_lowest_disc_of_a_masked_spine_is_l5_s1(phantom: Phantom) -> None:
    labels = with_lumbosacral(phantom.labels)
    lowest = np.argwhere(labels == LUMBOSACRAL)
    assert lowest[:, 1].mean() > np.argwhere(labels == DISC)[:, 1].max() - 10
    assert (labels > 0).sum() == (phantom.labels > 0).sum()


def test_the_landmark_says_which_disc_is_l5_s1(
    item: UnlabeledSlice, labels: NDArray[np.uint8]
) -> None:
    found = reviewed(item, probabilities_of(labels))
    assert found is not None
    row, column = item.landmarks_px[Level.L5_S1].astype(int)
    assert found[row, column] == LUMBOSACRAL
    assert (found == LUMBOSACRAL).sum() < (labels == DISC).sum() / 3


def test_a_vertebra_below_l5_s1_is_the_sacrum_and_loses_its_label(
    item: UnlabeledSlice, labels: NDArray[np.uint8]
) -> None:
    row, column = item.landmarks_px[Level.L5_S1].astype(int)
    with_sacrum = labels.copy()
    with_sacrum[row + 15 : row + 30, column - 12 : column] = VERTEBRA
    found = reviewed(item, probabilities_of(with_sacrum))
    assert found is not None
    assert not (found[row + 15 : row + 30, column - 12 : column] == VERTEBRA).any()


def test_a_slice_on_which_a_landmark_has_no_disc_is_left_out(
    item: UnlabeledSlice, labels: NDArray[np.uint8]
) -> None:
    row = int(item.landmarks_px[Level.L3_L4][0])
    without = labels.copy()
    without[row - 20 : row + 20][without[row - 20 : row + 20] == DISC] = 0
    assert reviewed(item, probabilities_of(without)) is None


def test_a_slice_without_landmarks_is_left_out(
    item: UnlabeledSlice, labels: NDArray[np.uint8]
) -> None:
    bare = replace(item, landmarks_px={})
    assert reviewed(bare, probabilities_of(labels)) is None


def test_an_unsure_network_labels_nothing(
    item: UnlabeledSlice, labels: NDArray[np.uint8]
) -> None:
    unsure = probabilities_of(labels) * 0.3 + 0.7 / CLASSES
    assert reviewed(item, unsure) is None


def test_what_is_written_is_what_is_read(
    item: UnlabeledSlice, labels: NDArray[np.uint8], tmp_path: Path
) -> None:
    write([(item, labels)], tmp_path)
    (found,) = read(tmp_path)
    assert found.patient == item.patient
    assert found.spacing_mm == (item.pixel_mm, item.pixel_mm)
    np.testing.assert_array_equal(found.labels, labels)
