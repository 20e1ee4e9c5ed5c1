"""How long an analysis takes: ``python -m benchmarks.inference [--repeats N]``.

The series is a drawn spine of 20 slices of 640 x 512. The alternative is the reference
engine, eager torch, on the same images in the same process.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date

import numpy as np
import torch
from pydicom import Dataset

from inference.__main__ import UNKNOWN_CHART
from inference.dicom import read_volume
from inference.grading import load_grading_model
from inference.models import SegmentationModel, load_segmentation_model
from inference.mr_series import SeriesDescription, mr_series
from inference.phantom import draw_phantom
from inference.phantom_spec import random_spec, with_grid
from inference.pipeline import Models, run
from inference.preprocessing import NETWORK_SPACING_MM
from inference.reference_engine import load_reference_model
from inference.segmentation import segment

SHAPE, SPACING_MM = (20, 640, 512), (0.9, 0.46875, 0.46875)


def main(argv: list[str] | None = None) -> int:
    """Print medians in seconds, the ratio of the engines and the peak memory."""
    parser = argparse.ArgumentParser(prog="benchmarks.inference", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args(argv).repeats
    series = drawn_series()
    served, reference = load_segmentation_model(), load_reference_model()
    models = Models(segmentation=served, grading=load_grading_model())
    volume = read_volume(series).sagittal().resampled_in_plane(NETWORK_SPACING_MM)

    def segmentation(model: SegmentationModel) -> Callable[[], object]:
        return lambda: segment(volume, model, lambda _: None)

    seconds = {
        "decode_s": median_s(lambda: read_volume(series), repeats),
        "segmentation_s": median_s(segmentation(served), repeats),
        "segmentation_torch_s": median_s(segmentation(reference), repeats),
        "total_s": median_s(
            lambda: run(
                series,
                features=UNKNOWN_CHART,
                models=models,
                progress=lambda _stage, _part: None,
            ),
            repeats,
        ),
    }
    result = {
        **{name: round(value, 3) for name, value in seconds.items()},
        "torch_over_onnxruntime": round(
            seconds["segmentation_torch_s"] / seconds["segmentation_s"], 2
        ),
        "peak_memory_mb_with_torch": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        // 1024,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(result, indent=2))
    return 0


def drawn_series() -> list[Dataset]:
    """Draw the spine and write it as DICOM."""
    spec = random_spec(np.random.default_rng(1))
    drawn = draw_phantom(with_grid(spec, shape=SHAPE, spacing_mm=SPACING_MM))
    description = SeriesDescription(
        patient_id="BENCHMARK",
        patient_name="Benchmark^Drawn",
        birth_date=date(1970, 1, 1),
        sex="O",
        study_date=date(2026, 1, 1),
        study_uid="2.25.2001",
    )
    return mr_series(drawn.volume, description)


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
