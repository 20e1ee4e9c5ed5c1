"""The features are those of IBSI, and mean on our images what their names say."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.errors import UnmeasurableError
from inference.geometry.midsagittal import CHANNEL
from inference.measurements.radiomics import DEFINITIONS, Feature, features, table
from inference.phantom.drawing import Phantom
from inference.results import Structure
from inference.segmentation.preprocessing import NETWORK_SPACING_MM
from inference.training.geometry import true_segmentation
from inference.volume import Volume

#: The digital phantom of IBSI: https://github.com/theibsi/data_sets, CC BY 4.0. Zero is
#: outside of the region; slices, rows and columns are IBSI's z, y and x.
DIGITAL_PHANTOM: Final = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [0, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ]
)
SPACING_MM: Final = np.array([4.0, 1.0, 1.0])


def reference_values() -> list[tuple[str, str, float]]:
    """Code, printed value, tolerance: manual of IBSI, arXiv:1612.07003, CC BY 4.0."""
    path = Path(__file__).with_name("ibsi_digital_phantom.csv")
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            (row["ibsi_code"], row["value"], float(row["tolerance"]))
            for row in csv.DictReader(lines)
        ]


@pytest.fixture(scope="module")
def computed() -> dict[str, float]:
    """The features of the digital phantom by their IBSI code."""
    found = features(
        DIGITAL_PHANTOM,
        DIGITAL_PHANTOM > 0,
        np.array([2.0, 2.0, 2.0]),
        bins=6,  # its gray levels are 1 to 6 already
    )
    return {item.ibsi_code: found[item.name] for item in DEFINITIONS}


@pytest.mark.parametrize(("code", "printed", "tolerance"), reference_values())
def test_a_feature_of_the_digital_phantom_has_the_value_that_ibsi_published(
    computed: dict[str, float], code: str, printed: str, tolerance: float
) -> None:
    """Without a tolerance, all printed digits agree: at least three of them."""
    if tolerance:
        assert computed[code] == pytest.approx(float(printed), abs=tolerance)
    else:
        digits = max(3, len(printed.strip("-0.").replace(".", "")))
        assert float(f"{computed[code]:.{digits}g}") == float(printed)


def test_every_exported_feature_has_a_reference_value() -> None:
    codes = [code for code, _, _ in reference_values()]
    assert [item.ibsi_code for item in DEFINITIONS] == codes


def block(signal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """An image with the signal in a block of its own shape, and the block's mask."""
    mask = np.pad(np.ones(signal.shape, bool), 3)
    return np.pad(signal, 3), mask


def speckle(shape: tuple[int, int, int] = (5, 20, 30)) -> NDArray[np.float64]:
    return np.random.default_rng(3).uniform(0.2, 0.8, shape)


def test_sizes_are_in_millimeters_whatever_the_pixels() -> None:
    found = features(*block(speckle()), SPACING_MM)
    assert found["shape_volume_of_voxels"] == pytest.approx(5 * 4 * 20 * 30)
    assert found["shape_volume"] == pytest.approx(5 * 4 * 20 * 30, rel=0.01)
    assert found["shape_maximum_diameter"] == pytest.approx(
        np.sqrt(20**2 + 20**2 + 30**2), rel=0.05
    )  # a mesh rounds the corners


def test_where_the_structure_lies_and_which_way_up_changes_nothing() -> None:
    image, mask = block(speckle())
    before = features(image, mask, SPACING_MM)
    margins = ((2, 0), (7, 1), (0, 9))
    moved = np.pad(image, margins)[:, ::-1]
    after = features(moved, np.pad(mask, margins)[:, ::-1], SPACING_MM)
    assert after == pytest.approx(before, rel=1e-6)


def test_a_smooth_structure_is_less_contrasted_than_a_speckled_one() -> None:
    slope = np.broadcast_to(np.linspace(0.2, 0.8, 30), (5, 20, 30))
    smooth = features(*block(slope), SPACING_MM)
    rough = features(*block(speckle()), SPACING_MM)
    assert smooth["glcm_contrast"] < rough["glcm_contrast"] / 10
    assert smooth["glszm_large_zones"] > rough["glszm_large_zones"]


def test_the_slices_of_a_stack_are_no_neighbors() -> None:
    image, mask = block(speckle())
    shuffled = image.copy()
    shuffled[3:-3] = image[3:-3][[4, 0, 3, 1, 2]]
    before, after = (features(item, mask, SPACING_MM) for item in (image, shuffled))
    for name, value in before.items():
        if name.startswith(("glcm", "glrlm", "glszm", "ngtdm", "ngldm")):
            assert after[name] == pytest.approx(value), name


def test_a_vessel_at_the_edge_does_not_take_the_gray_levels() -> None:
    image, mask = block(speckle())
    before = features(image, mask, SPACING_MM)
    image[3, 3, 3:6] = 5.0
    after = features(image, mask, SPACING_MM)
    assert after["glcm_contrast"] == pytest.approx(before["glcm_contrast"], rel=0.01)
    assert after["signal_maximum"] < 1
    assert after["shape_volume"] == before["shape_volume"]


@pytest.mark.parametrize(
    ("signal", "reason"),
    [
        (np.full((5, 20, 30), 0.5), "even signal"),
        (speckle((1, 20, 30)), "3D bounding box"),
        (np.empty((0, 0, 0)), "no structure"),
    ],
    ids=["even", "one slice", "empty"],
)
def test_what_has_no_texture_or_no_volume_is_refused(
    signal: NDArray[np.float64], reason: str
) -> None:
    with pytest.raises(UnmeasurableError, match=reason):
        features(*block(signal), SPACING_MM)


@pytest.fixture(scope="module")
def spine_masks(phantom: Phantom) -> tuple[Volume, dict[str, NDArray[np.bool_]]]:
    """A drawn spine as the network sees it, and its masks by structure."""
    volume = phantom.volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    labels = true_segmentation(phantom, volume).labels
    return volume, {
        structure.value: labels == CHANNEL[structure] for structure in Structure
    }


def mean_of(rows: tuple[Feature, ...], structure: str) -> float:
    return next(
        row.value
        for row in rows
        if (row.structure, row.definition.name) == (structure, "signal_mean")
    )


def test_the_table_has_every_feature_of_every_structure_once(
    spine_masks: tuple[Volume, dict[str, NDArray[np.bool_]]],
) -> None:
    volume, masks = spine_masks
    named = {"all discs": masks["disc"], "nothing": masks["disc"] & False}
    rows = table(volume, named, masks["canal"])
    assert {row.structure for row in rows} == {"all discs"}
    assert [row.definition for row in rows] == list(DEFINITIONS)


def test_the_gain_of_the_scanner_changes_nothing(
    spine_masks: tuple[Volume, dict[str, NDArray[np.bool_]]],
) -> None:
    volume, masks = spine_masks
    louder = replace(volume, voxels=volume.voxels * np.float32(8))
    before, after = (
        table(item, {"discs": masks["disc"]}, masks["canal"])
        for item in (volume, louder)
    )
    assert [row.value for row in after] == pytest.approx([row.value for row in before])
    assert 0.05 < mean_of(before, "discs") < 1  # darker than fluid


def test_without_fluid_there_is_no_unit_and_no_row(
    spine_masks: tuple[Volume, dict[str, NDArray[np.bool_]]],
) -> None:
    volume, masks = spine_masks
    assert table(volume, {"discs": masks["disc"]}, masks["canal"] & False) == ()
