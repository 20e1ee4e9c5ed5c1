"""What fewer bits would save and cost: ``python -m benchmarks.precision``.

The served graph with weights and activations of 8 bits, and in bfloat16 by eager torch,
beside 32 bits in the same run: time over that of the same engine with 32 bits, and Dice
on patients never trained on. The ranges of the activations come from patients that were
trained on.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.inference import median_s
from inference.manifest import WEIGHTS, read_weights
from inference.segmentation.model import MANIFEST, OnnxModel, SegmentationModel
from inference.segmentation.preprocessing import normalized, padded
from inference.segmentation.reference_engine import load_reference_model
from inference.training.data import LabeledSlice, spider_slices, split_by_patient
from inference.training.evaluation import evaluate, patient_volume, summary
from inference.training.reproduce import SPIDER

CALIBRATED_ON = 40  # slices, our choice


class Bfloat16Model:
    """The reference engine with products in bfloat16."""

    def __init__(self) -> None:
        self.model = load_reference_model()
        self.version = self.model.version

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return class probabilities, see ``SegmentationModel``."""
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            scores = self.model.network(torch.from_numpy(images[:, None]))
        return np.asarray(torch.softmax(scores.float(), dim=1).numpy())


def main(argv: list[str] | None = None) -> int:
    """Print per precision the time ratio, and the mean Dice and its loss."""
    parser = argparse.ArgumentParser(prog="benchmarks.precision", description=__doc__)
    parser.add_argument("--data", type=Path, default=SPIDER, help="folder of SPIDER")
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args(argv)
    trained_on, held_out = split_by_patient(spider_slices(options.data / "t2space"))
    chosen = trained_on[:: len(trained_on) // CALIBRATED_ON]
    found = compared(
        [network_image(item) for item in chosen], held_out, options.repeats
    )
    print(json.dumps(found, indent=2))
    return 0


def compared(
    images: Sequence[NDArray[np.float32]],
    held_out: Sequence[LabeledSlice],
    repeats: int,
) -> dict[str, dict[str, float]]:
    """Return time over that of 32 bits, mean Dice and its loss, per precision.

    Args:
        images: As the network sees them, shape ``(1, rows, columns)``, to find the
            ranges of the activations and to be timed.
        held_out: To measure the Dice on.
        repeats: Of each timing.

    """
    graph, version = read_weights(WEIGHTS, MANIFEST)
    reference = load_reference_model()
    served = OnnxModel(graph, version)
    pairs: dict[str, tuple[SegmentationModel, SegmentationModel]] = {
        "float32": (served, served),
        "int8": (OnnxModel(in_8_bits(graph, images), version), served),
        "bfloat16": (Bfloat16Model(), reference),
    }
    found: dict[str, dict[str, float]] = {}
    for name, (model, same_engine) in pairs.items():
        seconds = [
            median_s(partial(item.probabilities, images[0]), repeats)
            for item in (model, same_engine)
        ]
        dice = summary(evaluate(held_out, model))["mean_dice"]["value"]
        loss = found["float32"]["mean_dice"] - dice if found else 0.0
        found[name] = {
            "time_ratio": round(seconds[0] / seconds[1], 2),
            "mean_dice": dice,
            "dice_loss": round(loss, 3),
        }
    return found


def in_8_bits(graph: bytes, images: Sequence[NDArray[np.float32]]) -> bytes:
    """Return the graph in 8 bits: weights with a scale per channel, activations."""
    with tempfile.TemporaryDirectory() as folder:
        original, fused, made = (
            Path(folder) / name for name in ("a.onnx", "b.onnx", "c.onnx")
        )
        original.write_bytes(graph)
        quant_pre_process(original, fused, skip_symbolic_shape=True)
        quantize_static(
            fused,
            made,
            _Images(images),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
        return made.read_bytes()


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """The images, one after the other."""

    def __init__(self, images: Sequence[NDArray[np.float32]]) -> None:
        self.left = iter(images)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        image = next(self.left, None)
        return None if image is None else {"images": image[:, None]}


def network_image(item: LabeledSlice) -> NDArray[np.float32]:
    """Return a slice as the network sees it, shape ``(1, rows, columns)``."""
    return padded(normalized(patient_volume([item]).voxels[0]))[None]


if __name__ == "__main__":
    sys.exit(main())
