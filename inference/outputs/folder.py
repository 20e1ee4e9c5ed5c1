"""The folder of one study: five files, or the reason why there are none."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydicom import Dataset

from inference.levels.named_voxels import NamedVoxels, name_voxels
from inference.outputs.codes import STRUCTURES
from inference.outputs.overlay import overlay_png
from inference.outputs.report_json import (
    Refusal,
    Run,
    Segment,
    read_run,
    refusal_json,
    report_json,
)
from inference.outputs.seg import segmentation_object
from inference.outputs.source import source_series
from inference.outputs.sr import measurement_object
from inference.outputs.table import measurement_table
from inference.pipeline import Analysis

REPORT: Final = "report.json"
SEGMENTATION: Final = "segmentation.dcm"
MEASUREMENTS: Final = "measurements.dcm"
TABLE: Final = "measurements.csv"
PICTURE: Final = "report.png"
REFUSAL: Final = "refusal.json"
FEATURES: Final = "radiomics.csv"
DEFINITIONS: Final = "radiomics.json"
FILES: Final = (
    *(REPORT, SEGMENTATION, MEASUREMENTS, TABLE, PICTURE, FEATURES, DEFINITIONS),
    REFUSAL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be written of an analysis.

    Attributes:
        fingerprint: See ``report_json.Run``.
        created: When.
        radiomics: Whether radiomic features are written too.

    """

    fingerprint: str
    created: datetime
    radiomics: bool = False


def write_results(
    folder: Path, analysis: Analysis, datasets: Sequence[Dataset], order: Order
) -> None:
    """Write everything; the report comes last, so that a folder with one is complete.

    Args:
        folder: Is made where it is absent; files of an earlier run are replaced.
        analysis: Of one study.
        datasets: What was analyzed.
        order: What is written, and when.

    """
    _clear(folder)
    report = analysis.report
    source = source_series(datasets)
    voxels = name_voxels(
        analysis.segmentation, analysis.plane, analysis.spine, analysis.source_geometry
    )
    segmentation = segmentation_object(voxels, source, report.model, order.created)
    measurements = measurement_object(report, source, segmentation, order.created)
    segmentation.save_as(folder / SEGMENTATION)
    measurements.save_as(folder / MEASUREMENTS)
    (folder / TABLE).write_text(measurement_table(report), "utf-8")
    (folder / PICTURE).write_bytes(overlay_png(analysis))
    written = [SEGMENTATION, MEASUREMENTS, TABLE, PICTURE]
    if order.radiomics:
        written += _write_features(folder, analysis)
    run = Run(
        created=order.created,
        fingerprint=order.fingerprint,
        segments=_segments(voxels),
        files={name: _sha256(folder / name) for name in written},
    )
    (folder / REPORT).write_text(report_json(report, run), "utf-8")


def _write_features(folder: Path, analysis: Analysis) -> list[str]:
    """Write values and definitions; their library is loaded for those who ask alone."""
    from inference.outputs.features import (  # noqa: PLC0415  takes seconds to load
        feature_definitions,
        feature_table,
    )

    (folder / FEATURES).write_text(feature_table(analysis), "utf-8")
    (folder / DEFINITIONS).write_text(feature_definitions(), "utf-8")
    return [FEATURES, DEFINITIONS]


def write_refusal(folder: Path, refusal: Refusal) -> None:
    """Write the reason alone; files of an earlier run are removed."""
    _clear(folder)
    (folder / REFUSAL).write_text(refusal_json(refusal), "utf-8")


def is_complete(folder: Path, fingerprint: str) -> bool:
    """Tell whether a folder holds everything, unaltered, of the same fingerprint."""
    try:
        run = read_run((folder / REPORT).read_text("utf-8"))
        files = {name: _sha256(folder / name) for name in run.files}
    except (OSError, ValueError):
        return False
    return run.fingerprint == fingerprint and files == run.files


def _clear(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)


def _segments(voxels: NamedVoxels) -> tuple[Segment, ...]:
    voxel_mm3 = voxels.geometry.voxel_volume_mm3
    return tuple(
        Segment(
            number=number,
            name=str(name),
            snomed=str(STRUCTURES[name].value),
            volume_mm3=float(voxels.mask(name).sum()) * voxel_mm3,
        )
        for number, name in enumerate(voxels.names, start=1)
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
