"""One cold process that reads one series and analyzes it, as a worker does.

``python -m benchmarks.served FOLDER REPEATS`` prints its times and its peak memory. It
never imports torch.
"""

import json
import sys
import time
from pathlib import Path

from inference.dicom import read_instance
from inference.pipeline import Models, load_models, run
from inference.results import ClinicalFeatures, Stage


def main(folder: Path, repeats: int) -> None:
    """Print the times of every repetition in seconds, and the peak in MB."""
    start = time.perf_counter()
    models = load_models()
    loading_s = time.perf_counter() - start
    result = {
        "loading_s": loading_s,
        "analyses": [analysis_s(folder, models) for _ in range(repeats)],
        "peak_mb": peak_mb(),
        "process_s": time.perf_counter() - start,
    }
    print(json.dumps(result))


def analysis_s(folder: Path, models: Models) -> dict[str, float]:
    """Return the seconds of each stage, from files to report."""
    marks: dict[str, float] = {"files": time.perf_counter()}

    def progress(stage: Stage, _part: float) -> None:
        marks.setdefault(stage, time.perf_counter())

    series = [read_instance(path) for path in sorted(folder.iterdir())]
    run(series, features=ClinicalFeatures(), models=models, progress=progress)
    marks["end"] = time.perf_counter()
    return {
        "decode_s": marks[Stage.SEGMENTING] - marks["files"],
        "segmentation_s": marks[Stage.MEASURING] - marks[Stage.SEGMENTING],
        "measurement_s": marks["end"] - marks[Stage.MEASURING],
        "total_s": marks["end"] - marks["files"],
    }


def peak_mb() -> float:
    """Return the largest resident memory of this process, without its parent's.

    ``getrusage`` would count the parent's too, of which this process was forked.
    """
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
