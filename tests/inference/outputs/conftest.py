"""One phantom, analyzed once and written once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from highdicom.seg import Segmentation
from pydicom import Dataset

from inference.levels.named_voxels import NamedVoxels, name_voxels
from inference.outputs.folder import Order, write_results
from inference.outputs.seg import segmentation_object
from inference.outputs.source import SourceSeries, source_series
from inference.phantom.drawing import Phantom
from inference.pipeline import Analysis, analyze, load_models
from inference.results import Caliper, CaseReport, ClinicalFeatures
from tests.inference.series import phantom_series

CREATED: Final = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Written:
    """A folder of files, and what they were made from."""

    folder: Path
    analysis: Analysis
    datasets: list[Dataset]
    voxels: NamedVoxels
    source: SourceSeries
    segmentation: Segmentation

    @property
    def report(self) -> CaseReport:
        """The report of the analysis."""
        return self.analysis.report


def with_calipers(analysis: Analysis) -> Analysis:
    """Give the first level a caliper of known place, whatever was measured."""
    first, *others = analysis.report.levels
    height = first.disc_height_mm or 0
    caliper = Caliper(
        quantity="disc_height_mm",
        start_mm=(0.0, -12.0, 55.0),
        end_mm=(0.0, -12.0, 55.0 - height),
        uncertainty_mm=0.456,
    )
    levels = (replace(first, calipers=(caliper,)), *others)
    return replace(analysis, report=replace(analysis.report, levels=levels))


@pytest.fixture(scope="session")
def series(phantom: Phantom) -> list[Dataset]:
    """The plain spine as DICOM."""
    return phantom_series(phantom.volume)


@pytest.fixture(scope="session")
def analysis(series: list[Dataset]) -> Analysis:
    """The plain spine, analyzed by the real models."""
    found = analyze(
        series,
        features=ClinicalFeatures(),
        models=load_models(),
        progress=lambda _stage, _part: None,
    )
    return with_calipers(found)


@pytest.fixture(scope="session")
def written(
    analysis: Analysis,
    series: list[Dataset],
    tmp_path_factory: pytest.TempPathFactory,
) -> Written:
    """Everything, written to a folder."""
    folder = tmp_path_factory.mktemp("written")
    write_results(folder, analysis, series, Order(fingerprint="made", created=CREATED))
    source = source_series(series)
    voxels = name_voxels(
        analysis.segmentation, analysis.plane, analysis.spine, analysis.source_geometry
    )
    segmentation = segmentation_object(voxels, source, analysis.report.model, CREATED)
    return Written(
        folder=folder,
        analysis=analysis,
        datasets=series,
        voxels=voxels,
        source=source,
        segmentation=segmentation,
    )


Save = Callable[[Dataset, str], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write an object to a file of its own."""

    def saved(dataset: Dataset, name: str) -> Path:
        path = tmp_path / name
        dataset.save_as(path)
        return path

    return saved
