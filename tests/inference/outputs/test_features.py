"""Radiomic features are written for those who ask, of bodies without their arches."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from inference.levels.named_voxels import name_voxels
from inference.measurements.radiomics import DEFINITIONS
from inference.outputs.features import feature_definitions, feature_table
from inference.outputs.folder import (
    DEFINITIONS as DEFINITIONS_FILE,
)
from inference.outputs.folder import FEATURES, Order, is_complete, write_results
from inference.pipeline import Analysis
from inference.results import Vertebra
from tests.inference.outputs.conftest import CREATED, Written

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def rows(analysis: Analysis) -> Rows:
    """The table of the plain spine."""
    return [*csv.DictReader(io.StringIO(feature_table(analysis)))]


def value_of(rows: Rows, structure: str, feature: str) -> float:
    return next(
        float(row["value"])
        for row in rows
        if (row["structure"], row["feature"]) == (structure, feature)
    )


def test_every_disc_and_body_has_every_feature(rows: Rows, analysis: Analysis) -> None:
    names = [*analysis.spine.bodies, *analysis.spine.discs]
    assert {row["structure"] for row in rows} == {str(name) for name in names}
    assert len(rows) == len(names) * len(DEFINITIONS)


def test_bodies_are_taken_without_their_arches(rows: Rows, analysis: Analysis) -> None:
    grid = analysis.volume.geometry
    voxels = name_voxels(analysis.segmentation, analysis.plane, analysis.spine, grid)
    with_arch = np.count_nonzero(voxels.mask(Vertebra.L3)) * grid.voxel_volume_mm3
    body = value_of(rows, "L3", "shape_volume_of_voxels")
    assert 0.4 * with_arch < body < with_arch


def test_every_feature_of_the_table_is_defined(rows: Rows) -> None:
    known = json.loads(feature_definitions())
    assert {row["ibsi_code"] for row in rows} == {
        item["ibsi_code"] for item in known["features"]
    }
    assert all(item["definition"] for item in known["features"])
    assert known["settings"]["software"].startswith("z-rad ")


def test_they_are_files_of_the_study_when_asked_for(
    analysis: Analysis, series: list[Dataset], tmp_path: Path
) -> None:
    write_results(
        tmp_path,
        analysis,
        series,
        Order(fingerprint="made", created=CREATED, radiomics=True),
    )
    assert is_complete(tmp_path, "made")
    (tmp_path / FEATURES).write_text("altered")
    assert not is_complete(tmp_path, "made")


def test_nobody_else_waits_for_them(written: Written) -> None:
    assert not (written.folder / FEATURES).exists()
    assert not (written.folder / DEFINITIONS_FILE).exists()
