"""Analyze a folder of DICOM files: ``python -m inference analyze FOLDER``.

Prints one line per level; the chart is not known here, so nothing is suggested.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError
from tqdm import tqdm

from inference.dicom import select_series
from inference.errors import InferenceError
from inference.pipeline import load_models, run
from inference.results import CaseReport, ClinicalFeatures, Stage

UNKNOWN_CHART = ClinicalFeatures(
    age_years=None,
    sex=None,
    pain_nrs=None,
    odi_percent=None,
    bmi_kg_m2=None,
    egfr_ml_min=None,
    smoking_status=None,
    conditions=(),
)


def main(argv: list[str] | None = None) -> int:
    """Print results on stdout, progress and refusals on stderr."""
    parser = argparse.ArgumentParser(prog="inference", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("analyze", help="measure the best series of a folder")
    command.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    try:
        report = _analyze(folder)
    except InferenceError as error:
        print(f"{error}\n{error.advice}", file=sys.stderr)
        return 1
    for line in _lines(report):
        print(line)
    return 0


def _analyze(folder: Path) -> CaseReport:
    series: dict[str, list[pydicom.Dataset]] = {}
    for dataset in _datasets(folder):
        series.setdefault(str(dataset.get("SeriesInstanceUID")), []).append(dataset)
    chosen = series[select_series({uid: items[0] for uid, items in series.items()})]
    with tqdm(total=len(Stage), leave=False) as bar:

        def progress(stage: Stage, fraction: float) -> None:
            bar.set_description(stage)
            bar.n = list(Stage).index(stage) + fraction
            bar.refresh()

        return run(
            chosen, features=UNKNOWN_CHART, models=load_models(), progress=progress
        )


def _datasets(folder: Path) -> Iterator[pydicom.Dataset]:
    """Read every DICOM file below a folder; other files are named and passed over."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            yield pydicom.dcmread(path)
        except InvalidDicomError:
            print(f"not DICOM: {path.name}", file=sys.stderr)


def _lines(report: CaseReport) -> Iterator[str]:
    grades = {grading.level: grading.pfirrmann for grading in report.gradings}
    yield "level\theight mm\twidth mm\tcanal mm\tsignal/CSF\tPfirrmann"
    for item in report.levels:
        values = (
            item.disc_height_mm,
            item.disc_width_mm,
            item.canal_diameter_mm,
            item.disc_signal_ratio,
        )
        cells = ["-" if value is None else f"{value:.1f}" for value in values[:3]]
        cells.append("-" if values[3] is None else f"{values[3]:.2f}")
        yield "\t".join([item.level, *cells, str(grades.get(item.level, "-"))])
    yield from report.warnings


if __name__ == "__main__":
    sys.exit(main())
