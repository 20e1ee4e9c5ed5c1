"""Many studies at once: all are answered, whatever happens to one."""

import json
import multiprocessing
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from inference.outputs.folder import (
    DEFINITIONS,
    FEATURES,
    FILES,
    REFUSAL,
    REPORT,
    TABLE,
)
from inference.phantom.drawing import Phantom
from inference.phantom.mr_series import mr_series
from inference.pipeline import Models, load_models
from inference.results import Stage
from inference.studies import one_study
from inference.studies.batch import analyze_studies, folder_name
from inference.studies.one_study import Outcome, State, Task, Wishes, analyze_study
from inference.studies.search import find_studies
from tests.inference.series import INVENTED

WRITTEN = set(FILES) - {REFUSAL, FEATURES, DEFINITIONS}
GOOD, SHORT, DEADLY = "2.25.1001", "2.25.1002", "2.25.1003"


def save(phantom: Phantom, folder: Path, study_uid: str, *, slices: int = 99) -> None:
    folder.mkdir()
    series = mr_series(phantom.volume, replace(INVENTED, study_uid=study_uid))
    for number, dataset in enumerate(series[:slices]):
        dataset.save_as(folder / f"{number}.dcm")


@pytest.fixture(scope="module")
def images(phantom: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three studies: one good, one with two slices, one that will kill its process."""
    folder = tmp_path_factory.mktemp("images")
    save(phantom, folder / "good", GOOD)
    save(phantom, folder / "short", SHORT, slices=2)
    save(phantom, folder / "deadly", DEADLY)
    return folder


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models()


def quiet(_stage: Stage, _part: float) -> None:
    """Progress that nobody watches."""


def task_of(folder: Path, out: Path) -> Task:
    (study,) = find_studies([folder]).studies.values()
    (instances,) = study.sources.values()
    sources = tuple(instances.values())
    return Task(study_uid=study.study_uid, sources=sources, folder=out)


def test_one_bad_study_stops_no_other(images: Path, tmp_path: Path) -> None:
    """One is refused, and one kills every process that comes near it."""
    killed = []

    def told(study_uid: str, _stage: Stage, _part: float) -> None:
        if study_uid == DEADLY:
            for child in multiprocessing.active_children():
                child.kill()
                killed.append(child.pid)

    studies = list(find_studies([images]).studies.values())
    outcomes = {
        outcome.study_uid: outcome
        for outcome in analyze_studies(studies, tmp_path, jobs=2, told=told)
    }
    states = {uid: outcome.state for uid, outcome in outcomes.items()}
    assert states == {
        GOOD: State.ANALYZED,
        SHORT: State.REFUSED,
        DEADLY: State.REFUSED,
    }
    assert len(set(killed)) >= 2
    assert {path.name for path in (tmp_path / GOOD).iterdir()} == WRITTEN
    for uid, words in ((SHORT, "2 slices"), (DEADLY, "ended early")):
        refusal = json.loads((tmp_path / uid / REFUSAL).read_text())
        assert words in refusal["message"]
        assert refusal["study_uid"] == uid


def test_a_complete_study_is_kept(images: Path, tmp_path: Path, models: Models) -> None:
    task = task_of(images / "good", tmp_path / "out")
    assert analyze_study(task, models, quiet).state is State.ANALYZED
    before = {path: path.stat().st_mtime_ns for path in task.folder.iterdir()}
    again = Task(
        study_uid=task.study_uid, sources=task.sources[::-1], folder=task.folder
    )
    assert analyze_study(again, models, quiet).state is State.KEPT
    assert {path: path.stat().st_mtime_ns for path in task.folder.iterdir()} == before
    (task.folder / TABLE).unlink()
    assert analyze_study(task, models, quiet).state is State.ANALYZED
    other = replace(models.segmentation.version, sha256="0" * 64)
    changed = replace(models, segmentation=load_models().segmentation)
    changed.segmentation.version = other  # type: ignore[misc]
    assert analyze_study(task, changed, quiet).state is State.ANALYZED
    uids = {json.loads((task.folder / REPORT).read_text())["model"]["sha256"]}
    assert uids == {"0" * 64}


def test_another_program_analyzes_again(
    images: Path, tmp_path: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = task_of(images / "good", tmp_path / "out")
    assert analyze_study(task, models, quiet).state is State.ANALYZED
    monkeypatch.setattr(one_study, "program_sha256", lambda: "0" * 64)
    assert analyze_study(task, models, quiet).state is State.ANALYZED
    assert analyze_study(task, models, quiet).state is State.KEPT


def test_names_that_are_moved_are_another_result(
    images: Path, tmp_path: Path, models: Models
) -> None:
    task = task_of(images / "good", tmp_path / "out")
    assert analyze_study(task, models, quiet).state is State.ANALYZED
    moved = replace(task, wishes=Wishes(level_shift=1))
    assert analyze_study(moved, models, quiet).state is State.ANALYZED
    report = json.loads((task.folder / REPORT).read_text())
    assert report["level_shift"] == 1
    assert report["levels"][-1]["disc_height_mm"] is None  # below the proposed L5/S1


def test_features_that_are_asked_for_later_are_added(
    images: Path, tmp_path: Path, models: Models
) -> None:
    task = task_of(images / "good", tmp_path / "out")
    assert analyze_study(task, models, quiet).state is State.ANALYZED
    asked = replace(task, wishes=Wishes(radiomics=True))
    assert analyze_study(asked, models, quiet).state is State.ANALYZED
    assert (task.folder / FEATURES).exists()
    assert analyze_study(asked, models, quiet).state is State.KEPT


def test_other_images_are_analyzed_again(
    images: Path, tmp_path: Path, models: Models
) -> None:
    shutil.copytree(images / "good", tmp_path / "in")
    task = task_of(tmp_path / "in", tmp_path / "out")
    assert analyze_study(task, models, quiet).state is State.ANALYZED
    (tmp_path / "in" / "0.dcm").unlink()
    fewer = task_of(tmp_path / "in", tmp_path / "out")
    assert analyze_study(fewer, models, quiet).state is State.ANALYZED


def refusal_of(outcome: Outcome) -> str:
    assert outcome.refusal is not None
    assert {path.name for path in outcome.folder.iterdir()} == {REFUSAL}
    return outcome.refusal.message


def test_a_child_is_refused_by_the_dates_of_the_images(
    phantom: Phantom, tmp_path: Path, models: Models
) -> None:
    child = replace(INVENTED, birth_date=date(2010, 3, 1), study_date=date(2028, 2, 28))
    (tmp_path / "in").mkdir()
    for number, dataset in enumerate(mr_series(phantom.volume, child)):
        dataset.save_as(tmp_path / "in" / f"{number}.dcm")
    task = task_of(tmp_path / "in", tmp_path / "out")
    assert refusal_of(analyze_study(task, models, quiet)) == "age 17 years"


def test_an_error_that_nobody_foresaw_is_a_refusal_too(
    images: Path, tmp_path: Path, models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_stage: Stage, _part: float) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    task = task_of(images / "good", tmp_path / "out")
    assert refusal_of(analyze_study(task, models, broken)) == "nobody foresaw this"
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "uid", ["..", ".", "1..2", "1/2", "../../x", "1." * 40, "ä", ""]
)
def test_no_uid_leads_out_of_the_folder(uid: str, tmp_path: Path) -> None:
    assert (tmp_path / folder_name(uid)).parent == tmp_path
    assert folder_name(uid).startswith("no-uid-")
    assert folder_name("1.2.840.1") == "1.2.840.1"
