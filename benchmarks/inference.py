"""How long an analysis takes: ``python -m benchmarks.inference``.

The series is a drawn spine of 20 slices of 640 x 512. Beside the analysis in a process
of its own stand, in the same run: the reference engine (eager torch), onnxruntime on
the bare graph, and the machine's own limit: the multiplications of the network at the
rate of a large matrix product.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from inference.phantom.drawing import draw_phantom
from inference.phantom.mr_series import SeriesDescription, mr_series
from inference.phantom.spec import random_spec, with_grid
from inference.segmentation.model import SegmentationModel, load_segmentation_model
from inference.segmentation.preprocessing import NETWORK_SPACING_MM, padded
from inference.segmentation.reference_engine import TorchModel, load_reference_model
from inference.segmentation.segment import segment
from inference.volume import Volume

SLICE_SHAPE, SPACING_MM = (640, 512), (0.9, 0.46875, 0.46875)
MATRIX = 2048  # rows and columns of the matrix product


def main(argv: list[str] | None = None) -> int:
    """Print medians in seconds, ratios and the peak memory."""
    parser = argparse.ArgumentParser(prog="benchmarks.inference", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--slices", type=int, default=20)
    options = parser.parse_args(argv)
    slices, repeats = options.slices, options.repeats
    volume = drawn_spine(slices)
    network_volume = volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    served, reference = load_segmentation_model(), load_reference_model()
    image = random_image(network_volume)

    def segmentation(model: SegmentationModel) -> Callable[[], object]:
        return lambda: segment(network_volume, model, lambda _: None)

    def bare_graph() -> None:
        for _ in range(slices):
            served.probabilities(image)

    torch_s = median_s(segmentation(reference), repeats)
    bare_s = median_s(bare_graph, repeats)
    limit_s = slices * flops(reference, image) / matrix_rate(repeats)
    result = analysis(volume, repeats)
    seconds = result["segmentation_s"]
    result |= {
        "segmentation_torch_s": torch_s,
        "bare_graph_s": bare_s,
        "machine_limit_s": limit_s,
        "torch_over_served": torch_s / seconds,
        "served_over_bare_graph": seconds / bare_s,
        "served_over_machine_limit": seconds / limit_s,
    }
    rounded = {name: round(value, 3) for name, value in result.items()}
    print(json.dumps(rounded | {"threads": torch.get_num_threads()}, indent=2))
    return 0


def analysis(volume: Volume, repeats: int) -> dict[str, float]:
    """Time ``benchmarks.served`` on the volume as DICOM files, medians in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        for number, dataset in enumerate(mr_series(volume, DESCRIPTION)):
            dataset.save_as(Path(folder) / f"{number}.dcm", enforce_file_format=True)
        command = [sys.executable, "-m", "benchmarks.served", folder, str(repeats + 1)]
        start = time.perf_counter()
        answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        wall_s = time.perf_counter() - start
    found = json.loads(answer.stdout)
    warm = found["analyses"][1:]
    return {
        "start_up_s": wall_s - found["process_s"] + found["loading_s"],
        **{name: statistics.median(item[name] for item in warm) for name in warm[0]},
        "peak_memory_mb": found["peak_mb"],
    }


DESCRIPTION = SeriesDescription(
    patient_id="BENCHMARK",
    patient_name="Benchmark^Drawn",
    birth_date=date(1970, 1, 1),
    sex="O",
    study_date=date(2026, 1, 1),
    study_uid="2.25.2001",
)


def drawn_spine(slices: int) -> Volume:
    """Draw the spine."""
    spec = random_spec(np.random.default_rng(1))
    shape = (slices, *SLICE_SHAPE)
    return draw_phantom(with_grid(spec, shape=shape, spacing_mm=SPACING_MM)).volume


def random_image(volume: Volume) -> NDArray[np.float32]:
    """Return a batch of one image, as large as the network gets it."""
    rng = np.random.default_rng(1)
    return rng.random((1, *padded(volume.voxels[0]).shape), dtype=np.float32)


def flops(model: TorchModel, image: NDArray[np.float32]) -> int:
    """Count floating point operations of the network, two per multiply-add."""
    with FlopCounterMode(display=False) as counter:
        model.probabilities(image)
    return counter.get_total_flops()


def matrix_rate(repeats: int) -> float:
    """Return the operations per second of a large float32 matrix product."""
    matrix = torch.rand(MATRIX, MATRIX)
    return 2 * MATRIX**3 / median_s(lambda: matrix @ matrix, repeats)


def median_s(work: Callable[[], object], repeats: int) -> float:
    """Median wall time after one warm-up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
