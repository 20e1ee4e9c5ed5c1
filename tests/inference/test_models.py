"""The committed weights are the ones that are served, in both engines alike."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from inference.errors import ModelError
from inference.manifest import WEIGHTS
from inference.phantom.drawing import Phantom
from inference.segmentation.model import MANIFEST, load_segmentation_model
from inference.segmentation.preprocessing import NETWORK_SPACING_MM, normalized
from inference.segmentation.reference_engine import load_reference_model

MAX_WEIGHTS_BYTES = 30 * 2**20


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WEIGHTS, tmp_path / "weights"))


def test_onnxruntime_and_torch_agree(phantom: Phantom) -> None:
    volume = phantom.volume.resampled_in_plane(NETWORK_SPACING_MM)
    images = np.stack(
        [normalized(volume.voxels[index])[:304, :224] for index in (2, 4)]
    )
    served = load_segmentation_model().probabilities(images)
    reference = load_reference_model().probabilities(images)
    np.testing.assert_allclose(served, reference, atol=1e-4)


def test_both_engines_name_the_same_version() -> None:
    assert load_segmentation_model().version == load_reference_model().version


def test_altered_weights_are_refused(copied: Path) -> None:
    graph = copied / "segmentation.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelError, match="weights have SHA-256"):
        load_segmentation_model(copied)


def test_absent_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model in"):
        load_segmentation_model(tmp_path)


def test_the_manifest_names_a_file_that_is_small_enough_to_commit() -> None:
    manifest = json.loads((WEIGHTS / MANIFEST).read_text())
    assert (WEIGHTS / manifest["file"]).stat().st_size < MAX_WEIGHTS_BYTES
