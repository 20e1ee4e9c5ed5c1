"""Report, table and picture say what was measured, and no more."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image

from inference.measurements.reference_values import references_for
from inference.outputs.folder import (
    FILES,
    PICTURE,
    REFUSAL,
    REPORT,
    TABLE,
    Order,
    is_complete,
    write_refusal,
    write_results,
)
from inference.outputs.overlay import CALIPER, SCALE, overlay_png
from inference.outputs.report_json import (
    SCHEMA_VERSION,
    Refusal,
    refusal_json,
    schema_json,
)
from inference.outputs.table import COLUMNS
from inference.pipeline import Analysis
from inference.results import Level, Vertebra
from tests.inference.outputs.conftest import CREATED, Written

SCHEMA = Path(__file__).parents[3] / "docs" / "report.schema.json"


def report_of(written: Written) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((written.folder / REPORT).read_text())
    return found


def test_the_committed_schema_is_that_of_the_types() -> None:
    """Else: python -m inference schema > docs/report.schema.json."""
    assert SCHEMA.read_text() == schema_json()


def test_the_report_is_valid_by_its_schema(written: Written) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(report_of(written), schema)


@pytest.mark.parametrize("change", [{"levels": None}, {"run": {}}, {"model": "x"}])
def test_another_document_is_not_valid(
    written: Written, change: dict[str, object]
) -> None:
    schema = json.loads(SCHEMA.read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report_of(written) | change, schema)


def test_the_report_holds_every_value_as_it_was_measured(written: Written) -> None:
    report = report_of(written)
    assert [item["level"] for item in report["levels"]] == list(Level)
    for said, level in zip(report["levels"], written.report.levels, strict=True):
        assert said["disc_height_mm"] == level.disc_height_mm
        assert said["canal_diameter_mm"] == level.canal_diameter_mm
    assert report["study"]["study_uid"] == written.report.study.study_uid
    assert report["model"]["sha256"] == written.report.model.sha256
    assert report["schema_version"] == SCHEMA_VERSION


def test_the_report_says_nothing_of_the_patient(written: Written) -> None:
    report = report_of(written)
    assert not {"features", "suggestion", "picture", "answers"} & report.keys()
    text = json.dumps(report)
    for word in ("Erin", "MRN-0001", "1970-03-31", "19700331"):
        assert word not in text


def test_segments_of_the_report_have_their_volume(written: Written) -> None:
    segments = {item["name"]: item for item in report_of(written)["run"]["segments"]}
    disc = segments["L4/L5"]
    voxels = np.count_nonzero(written.voxels.mask(Level.L4_L5))
    mm3 = voxels * written.voxels.geometry.voxel_volume_mm3
    assert disc["volume_mm3"] == pytest.approx(mm3)
    assert disc["snomed"] == "84020006"


def test_a_refusal_is_valid_by_the_same_schema() -> None:
    refusal = Refusal(
        schema_version=SCHEMA_VERSION,
        study_uid="1.2.3",
        created=CREATED,
        error="SeriesNotFoundError",
        message="none of 2 series",
        advice="Choose another study.",
    )
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validate(
        json.loads(refusal_json(refusal)),
        {"$ref": "#/$defs/Refusal", "$defs": schema["$defs"]},
    )


def rows_of(written: Written) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((written.folder / TABLE).read_text())))


def test_the_table_has_a_row_per_structure_and_quantity(written: Written) -> None:
    rows = rows_of(written)
    keys = [(row["structure"], row["quantity"]) for row in rows]
    assert len(set(keys)) == len(keys)
    assert {key[0] for key in keys} >= {*Level, *Vertebra}
    assert tuple(rows[0]) == COLUMNS


def test_the_table_gives_value_unit_caliper_and_uncertainty(written: Written) -> None:
    first = written.report.levels[0]
    row = rows_of(written)[0]
    assert (row["structure"], row["quantity"]) == ("L1/L2", "disc_height_mm")
    assert float(row["value"]) == round(first.disc_height_mm or 0, 2)
    assert (row["unit"], row["uncertainty"]) == ("mm", "0.46")
    start, end = (
        np.array([float(row[f"{name}_{axis}_mm"]) for axis in "xyz"])
        for name in ("start", "end")
    )
    length = float(np.linalg.norm(end - start))
    assert length == pytest.approx(float(row["value"]), abs=0.02)


def test_the_table_says_what_is_usual_and_by_whom(written: Written) -> None:
    level = written.report.levels[3]
    best = references_for("disc_height_mm", Level.L4_L5, sex=None, age_years=None)[0]
    row = next(
        row
        for row in rows_of(written)
        if (row["structure"], row["quantity"]) == ("L4/L5", "disc_height_mm")
    )
    low, high = best.limits
    assert low is not None
    assert high is not None
    assert float(row["usual_low"]) == round(low, 2)
    assert float(row["usual_high"]) == round(high, 2)
    percentile = best.percentile(round(level.disc_height_mm or 0, 2))
    assert float(row["percentile"]) == round(percentile or 0)
    assert row["usual_source"] == best.source


def test_grades_are_in_the_table(written: Written) -> None:
    grades = {
        row["structure"]: int(row["value"])
        for row in rows_of(written)
        if row["quantity"] == "pfirrmann"
    }
    assert grades == {item.level: item.pfirrmann for item in written.report.gradings}


def test_canal_classes_are_in_the_table_and_in_the_report(written: Written) -> None:
    table = {
        (row["structure"], row["quantity"]): row["value"] for row in rows_of(written)
    }
    known = {item.level: item.words for item in written.report.stenoses}
    assert known
    for level, words in known.items():
        assert table[level, "canal_class"] == words
    canals = report_of(written)["central_canal"]
    assert [item["level"] for item in canals] == [*known]
    assert all(len(item["possible"]) > 0 for item in canals)


def test_what_the_images_do_not_show_is_not_assessed_and_never_normal(
    written: Written,
) -> None:
    table = {row["quantity"]: row["value"] for row in rows_of(written)}
    assert table["foraminal_stenosis"] == "not assessed"
    assert table["lateral_recess_stenosis"] == "not assessed"
    named = ["foraminal stenosis", "lateral recess stenosis"]
    assert report_of(written)["not_assessed"] == named


def test_what_was_not_measured_is_an_empty_cell(
    written: Written, analysis: Analysis, tmp_path: Path
) -> None:
    first, *others = analysis.report.levels
    lost = replace(first, disc_height_mm=None, calipers=())
    report = replace(analysis.report, levels=(lost, *others))
    write_results(
        tmp_path,
        replace(analysis, report=report),
        written.datasets,
        Order(fingerprint="lost", created=CREATED),
    )
    with (tmp_path / TABLE).open() as file:
        row = next(csv.DictReader(file))
    assert (row["value"], row["start_x_mm"]) == ("", "")


def test_the_picture_shows_the_slice_with_a_table_beside_it(written: Written) -> None:
    with Image.open(written.folder / PICTURE) as image:
        picture = written.report.picture
        assert image.width > picture.width_px * SCALE
        assert image.height >= picture.height_px * SCALE


def test_a_caliper_is_drawn_where_it_was_measured(
    written: Written, analysis: Analysis
) -> None:
    """Its middle, mapped to the slice by the geometry of the series itself."""
    (caliper,) = analysis.report.levels[0].calipers
    middle = (np.array(caliper.start_mm) + np.array(caliper.end_mm)) / 2
    first = written.datasets[0]
    row, column = (
        np.array(first.ImageOrientationPatient[part], float)
        for part in (slice(3), slice(3, 6))
    )
    offset = middle - np.array(first.ImagePositionPatient, float)
    spacing = np.array(first.PixelSpacing, float)
    edges_mm = np.array([row @ offset, column @ offset]) + spacing[::-1] / 2
    x, y = np.round(edges_mm / analysis.report.picture.pixel_mm * SCALE).astype(int)
    with Image.open(io.BytesIO(overlay_png(analysis))) as image:
        around = np.asarray(image)[y - 3 : y + 4, x - 3 : x + 4]
    assert (around == CALIPER).all(axis=-1).any()


def test_a_folder_is_complete_until_a_file_changes(
    written: Written, tmp_path: Path
) -> None:
    for name in FILES:
        if (written.folder / name).exists():
            (tmp_path / name).write_bytes((written.folder / name).read_bytes())
    assert is_complete(tmp_path, "made")
    assert not is_complete(tmp_path, "made by another model")
    (tmp_path / TABLE).write_text("altered")
    assert not is_complete(tmp_path, "made")
    (tmp_path / TABLE).unlink()
    assert not is_complete(tmp_path, "made")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": "0.9"}'])
def test_what_is_no_report_is_not_complete(tmp_path: Path, text: str) -> None:
    (tmp_path / REPORT).write_text(text)
    assert not is_complete(tmp_path, "made")


def test_a_refusal_takes_the_place_of_results(written: Written, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("of somebody else")
    write_results(
        tmp_path,
        written.analysis,
        written.datasets,
        Order(fingerprint="made", created=CREATED),
    )
    refusal = Refusal(
        schema_version=SCHEMA_VERSION,
        study_uid="1.2.3",
        created=CREATED,
        error="ValueError",
        message="",
        advice="",
    )
    write_refusal(tmp_path, refusal)
    assert {path.name for path in tmp_path.iterdir()} == {REFUSAL, "notes.txt"}
