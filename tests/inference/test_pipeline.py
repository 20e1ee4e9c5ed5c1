"""From DICOM to a report with the real weights, on phantoms and on real patients."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from inference.errors import SpineNotFoundError, UnderageError
from inference.phantom.drawing import Phantom
from inference.pipeline import (
    Models,
    canal_warnings,
    load_models,
    run,
)
from inference.results import (
    CaseReport,
    ClinicalFeatures,
    Level,
    Stage,
    Structure,
    Weighting,
)
from inference.volume import Volume
from tests.inference.series import all_changed, phantom_series

CHILD = ClinicalFeatures(age_years=17)
Steps = list[tuple[Stage, float]]


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models()


@pytest.fixture(scope="module")
def steps() -> Steps:
    return []


@pytest.fixture(scope="module")
def report(phantom: Phantom, models: Models, steps: Steps) -> CaseReport:
    return run(
        phantom_series(phantom.volume),
        features=ClinicalFeatures(),
        models=models,
        progress=lambda stage, part: steps.append((stage, part)),
    )


def test_the_network_sees_the_phantom_as_it_was_drawn(
    report: CaseReport, phantom: Phantom
) -> None:
    for measured, truth in zip(report.levels, phantom.levels, strict=True):
        assert measured.disc_height_mm == pytest.approx(truth.disc_height_mm, abs=1.5)
        assert measured.disc_width_mm == pytest.approx(truth.disc_width_mm, abs=3)
        assert measured.canal_diameter_mm == pytest.approx(
            truth.canal_diameter_mm, abs=2.5
        )


def test_vertebrae_of_the_phantom_have_their_size(
    report: CaseReport, phantom: Phantom
) -> None:
    for measured, truth in zip(report.vertebrae, phantom.vertebrae, strict=True):
        assert measured.height_mm == pytest.approx(truth.height_mm, abs=1.5)
        assert measured.width_mm == pytest.approx(truth.width_mm, abs=2)


@pytest.mark.usefixtures("report")
def test_progress_is_told_in_the_order_of_the_stages(steps: Steps) -> None:
    order = [list(Stage).index(stage) for stage, _ in steps]
    assert order == sorted(order)
    assert steps[-1][0] is Stage.SUGGESTING
    assert (Stage.SEGMENTING, 1.0) in steps


def test_the_report_names_its_study_and_model(report: CaseReport) -> None:
    assert report.study.study_uid == "2.25.1001"
    assert report.study.acquired_on == date(2026, 2, 28)
    assert {len(report.model.sha256), len(report.grading_model.sha256)} == {64}


def test_every_disc_of_the_phantom_is_graded(report: CaseReport) -> None:
    assert [grading.level for grading in report.gradings] == list(Level)
    for grading in report.gradings:
        assert sum(grading.probabilities) == pytest.approx(1)


def test_the_picture_shows_every_named_structure(report: CaseReport) -> None:
    names = {outline.name for outline in report.picture.outlines}
    assert {"L1", "L5", "L1/L2", "L5/S1", "canal"} <= names
    assert report.picture.png.startswith(b"\x89PNG")
    for outline in report.picture.outlines:
        columns, rows = zip(*outline.points_px, strict=True)
        assert max(columns) <= report.picture.width_px
        assert max(rows) <= report.picture.height_px
        assert outline.structure in Structure


def test_calipers_on_the_picture_are_as_long_as_what_they_measured(
    report: CaseReport,
) -> None:
    levels = {str(item.level): item for item in report.levels}
    lines = [line for line in report.picture.calipers if line.name in levels]
    assert {line.name for line in lines} == set(levels)
    for line in lines:
        length_px = np.linalg.norm(np.subtract(line.end_px, line.start_px))
        measured = abs(getattr(levels[line.name], line.quantity))
        assert length_px * report.picture.pixel_mm == pytest.approx(measured, abs=0.1)


def quiet(_stage: Stage, _part: float) -> None:
    """Progress that nobody watches."""


def test_noise_is_no_spine(phantom: Phantom, models: Models) -> None:
    noise = np.random.default_rng(0).random(phantom.volume.voxels.shape)
    volume = Volume(voxels=noise.astype(np.float32), geometry=phantom.volume.geometry)
    with pytest.raises(SpineNotFoundError):
        run(
            phantom_series(volume),
            features=ClinicalFeatures(),
            models=models,
            progress=quiet,
        )


def test_a_child_is_not_analyzed(phantom: Phantom, models: Models) -> None:
    with pytest.raises(UnderageError, match="age 17 years"):
        run(
            phantom_series(phantom.volume),
            features=CHILD,
            models=models,
            progress=quiet,
        )


def test_a_series_that_is_not_t2_has_lengths_but_no_signal_and_no_grades(
    phantom: Phantom, models: Models, report: CaseReport
) -> None:
    t1 = all_changed(phantom_series(phantom.volume), EchoTime=10, RepetitionTime=600)
    found = run(t1, features=ClinicalFeatures(), models=models, progress=quiet)
    assert found.study.weighting is Weighting.T1
    assert found.gradings == ()
    assert {level.disc_signal_ratio for level in found.levels} == {None}
    heights = [level.disc_height_mm for level in found.levels]
    assert heights == [level.disc_height_mm for level in report.levels]
    assert "The series is T1-weighted" in found.warnings[0]
    assert not any("weighted" in warning for warning in report.warnings)


def test_a_canal_that_was_lost_is_a_warning(report: CaseReport) -> None:
    lost = replace(report.levels[3], canal_diameter_mm=None)
    found = list(canal_warnings([report.levels[2], lost]))
    assert len(found) == 1
    assert "L4/L5" in found[0]


def test_names_that_a_person_moves_move_everything(
    phantom: Phantom, models: Models, report: CaseReport
) -> None:
    moved = run(
        phantom_series(phantom.volume),
        features=ClinicalFeatures(),
        models=models,
        progress=quiet,
        level_shift=1,
    )
    assert (report.level_shift, moved.level_shift) == (0, 1)
    assert moved.levels[3].disc_height_mm == report.levels[4].disc_height_mm
    assert moved.vertebrae[0].width_mm != report.vertebrae[0].width_mm
    assert moved.gradings[-1].level is Level.L4_L5
    assert "L5" not in {outline.name for outline in moved.picture.outlines}


def test_unsure_names_must_be_confirmed_until_a_person_moves_them(
    report: CaseReport,
) -> None:
    assert report.level_confidence is not None
    assert not report.needs_level_check
    unsure = replace(report, level_confidence=0.5)
    assert unsure.needs_level_check
    assert not replace(unsure, level_shift=-1).needs_level_check
    assert not replace(unsure, level_confidence=None).needs_level_check
