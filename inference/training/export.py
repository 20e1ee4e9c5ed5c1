"""Write a trained network as ONNX with its manifest; tensor names stay those of torch.

Batch normalization is not folded, so that the reference engine can read the same file.
"""

import hashlib
import json
from pathlib import Path

import torch
from torch import nn

from inference.models import MANIFEST

NAME = "spoils-segmentation"
OPSET = 17


def export(
    network: nn.Module, *, encoder: str, version: str, directory: Path
) -> dict[str, str]:
    """Write ``segmentation.onnx`` and its manifest, and return the manifest."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "segmentation.onnx"
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 1, 64, 64),),
        path,
        dynamo=False,
        opset_version=OPSET,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        input_names=["images"],
        output_names=["scores"],
        dynamic_axes={"images": {0: "n", 2: "h", 3: "w"}},
    )
    manifest = {
        "file": path.name,
        "name": NAME,
        "version": version,
        "encoder": encoder,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest
