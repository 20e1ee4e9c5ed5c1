"""Write a trained network as ONNX with its manifest; tensor names stay those of torch.

Batch normalization is not folded, so that the reference engine can read the same file.
"""

import hashlib
import json
from pathlib import Path

import torch
from torch import nn

from inference.models import MANIFEST
from inference.preprocessing import NETWORK_MULTIPLE

NAME = "spoils-segmentation"
OPSET = 18


def export(
    network: nn.Module, *, encoder: str, version: str, directory: Path
) -> dict[str, str]:
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
    program.save(path)
    manifest = {
        "file": path.name,
        "name": NAME,
        "version": version,
        "encoder": encoder,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest
