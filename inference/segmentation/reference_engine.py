"""The served weights in torch: the reference for the engine that serves."""

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from inference.manifest import WEIGHTS, read_weights
from inference.results import ModelVersion
from inference.segmentation.model import MANIFEST
from inference.segmentation.network import DeepLabV3Plus


class TorchModel:
    """The network as torch runs it, see ``segmentation.model.SegmentationModel``."""

    def __init__(self, network: DeepLabV3Plus, version: ModelVersion) -> None:
        self.version = version
        self.network = network.eval()

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return class probabilities ``(n, classes, rows, columns)``."""
        with torch.inference_mode():
            scores = self.network(torch.from_numpy(images[:, None]))
            return np.asarray(torch.softmax(scores, dim=1).numpy())


def unreleased(network: DeepLabV3Plus, name: str) -> TorchModel:
    """Return a network that was trained and has no version yet."""
    return TorchModel(network, ModelVersion(name=name, version="run", sha256=""))


def load_reference_model(directory: Path = WEIGHTS) -> TorchModel:
    """Build the network in torch and fill it from the ONNX file's own tensors.

    Raises:
        ModelError: The weights are absent or altered.

    """
    graph, version = read_weights(directory, MANIFEST)
    encoder = json.loads((directory / MANIFEST).read_text())["encoder"]
    tensors = {
        item.name: torch.from_numpy(numpy_helper.to_array(item).copy())
        for item in onnx.load_from_string(graph).graph.initializer
    }
    network = DeepLabV3Plus(encoder)
    wanted = {
        name: tensors.get(name, value) for name, value in network.state_dict().items()
    }
    network.load_state_dict(wanted)
    return TorchModel(network, version)
