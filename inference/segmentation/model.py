"""Load the committed weights, checked by their hash, into an engine.

onnxruntime serves; ``segmentation.reference_engine`` runs the same file in torch.
"""

from pathlib import Path
from typing import Final, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from scipy.special import softmax

from inference.manifest import WEIGHTS, read_weights
from inference.results import ModelVersion

MANIFEST: Final = "segmentation.json"


class SegmentationModel(Protocol):
    """A network that tells vertebra, disc and canal apart."""

    @property
    def version(self) -> ModelVersion:
        """Name, version and hash of the weights."""

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ``(n, classes, rows, columns)`` for images ``(n, rows, columns)``.

        Rows and columns are multiples of ``preprocessing.NETWORK_MULTIPLE``; gray
        values as ``preprocessing.normalized`` makes them.
        """


class OnnxModel:
    """The network as onnxruntime runs it, on so many threads; 0 is one per core."""

    def __init__(self, graph: bytes, version: ModelVersion, threads: int = 0) -> None:
        self.version = version
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return class probabilities, see ``SegmentationModel``."""
        (scores,) = self._session.run(None, {"images": images[:, None]})
        result: NDArray[np.float32] = softmax(scores, axis=1)
        return result


def load_segmentation_model(
    directory: Path = WEIGHTS, *, threads: int = 0
) -> OnnxModel:
    """Return the serving engine.

    Raises:
        ModelError: A file is absent or is not the one that the manifest names.

    """
    graph, version = read_weights(directory, MANIFEST)
    return OnnxModel(graph, version, threads)
