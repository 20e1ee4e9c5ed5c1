"""Write a trained network as ONNX with its manifest; tensor names stay those of torch.

Batch normalization is not folded, so that the reference engine can read the same file.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from inference.segmentation.model import MANIFEST
from inference.segmentation.preprocessing import NETWORK_MULTIPLE
from inference.training.weights import graph_content, write_weights

NAME = "spoils-segmentation"
OPSET = 18


def export(
    network: nn.Module, *, encoder: str, version: str, directory: Path
) -> dict[str, Any]:
    """Write ``segmentation.onnx`` and its manifest, and return the manifest."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "segmentation.onnx"
    size = torch.export.Dim
    program = torch.onnx.export(
        network.eval(),
        (torch.zeros(2, 1, 64, 64),),  # a batch of one would be taken for a constant
        dynamo=True,
        optimize=False,
        opset_version=OPSET,
        input_names=["images"],
        output_names=["scores"],
        dynamic_shapes=(
            {
                0: size("n"),
                2: NETWORK_MULTIPLE * size("rows"),
                3: NETWORK_MULTIPLE * size("columns"),
            },
        ),
        verbose=False,
    )
    if program is None:  # torch types it so; this call always returns a program
        raise TypeError("torch exported nothing")
    return write_weights(
        graph_content(program.model_proto),
        path,
        manifest=MANIFEST,
        name=NAME,
        version=version,
        encoder=encoder,
    )
