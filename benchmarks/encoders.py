"""What each encoder costs: ``python -m benchmarks.encoders``.

DeepLabV3+ of random weights in eager torch, on one image as large as the network gets
it; how well each one segments is measured by ``inference.training cross-validation``.
"""

import argparse
import json
import sys
from functools import partial

from benchmarks.inference import drawn_spine, flops, median_s, random_image
from inference.results import ModelVersion
from inference.segmentation.network import ENCODERS, DeepLabV3Plus
from inference.segmentation.preprocessing import NETWORK_SPACING_MM
from inference.segmentation.reference_engine import TorchModel

UNTRAINED = ModelVersion(name="untrained", version="0", sha256="")
SLICES = 3  # only their size matters


def main(argv: list[str] | None = None) -> int:
    """Print multiply-adds and parameters in millions, and the time over the least."""
    parser = argparse.ArgumentParser(prog="benchmarks.encoders", description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args(argv).repeats
    volume = drawn_spine(SLICES).sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    image = random_image(volume)
    found = {}
    for encoder in ENCODERS:
        network = DeepLabV3Plus(encoder).eval()
        model = TorchModel(network, UNTRAINED)
        found[encoder] = {
            "multiply_adds_m": flops(model, image) / 2e6,
            "parameters_m": sum(item.numel() for item in network.parameters()) / 1e6,
            "seconds": median_s(partial(model.probabilities, image), repeats),
        }
    least_s = min(item["seconds"] for item in found.values())
    for item in found.values():
        item["time_over_least"] = item.pop("seconds") / least_s
    rounded = {
        name: {key: round(value, 1) for key, value in item.items()}
        for name, item in found.items()
    }
    print(json.dumps({"pixels": image.shape[1:], **rounded}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
