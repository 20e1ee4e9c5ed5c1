"""The command line analyzes studies, or says why not."""

import json
from pathlib import Path

import pytest

from inference.__main__ import DONE, FAILED, REFUSED, main
from inference.phantom.drawing import Phantom
from tests.inference.series import phantom_series
from tests.sandbox.tiny_dicom import tiny_series

LEVELS = ["L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"]


def test_a_study_is_measured_level_by_level(
    phantom: Phantom, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for number, dataset in enumerate(phantom_series(phantom.volume)):
        dataset.save_as(tmp_path / "in" / f"{number}.dcm")
    (tmp_path / "in" / "notes.txt").write_text("no image")
    arguments = ["analyze", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert main(arguments) == DONE
    captured = capsys.readouterr()
    assert [line.split("\t")[0] for line in captured.out.splitlines()[2:7]] == LEVELS
    assert "not DICOM: 1 files" in captured.err
    assert (tmp_path / "out" / "2.25.1001" / "segmentation.dcm").exists()
    assert main(arguments) == DONE
    assert "1 kept" in capsys.readouterr().err


def test_a_refused_study_says_why_and_shows_in_the_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = tiny_series(study_uid="1.2.3", description="localizer")
    for number, dataset in enumerate(series):
        dataset.save_as(tmp_path / f"{number}.dcm")
    out = tmp_path / "out"
    assert main(["analyze", str(tmp_path), "--out", str(out)]) == REFUSED
    captured = capsys.readouterr()
    assert "1.2.3\trefused" in captured.out
    assert "none of 1 series" in captured.err
    refusal = json.loads((out / "1.2.3" / "refusal.json").read_text())
    assert refusal["error"] == "SeriesNotFoundError"


def test_an_empty_folder_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(tmp_path), "--out", str(tmp_path / "out")]) == FAILED
    assert "no DICOM study found" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["0", "-1", "two"])
def test_no_work_is_done_by_less_than_one_job(
    jobs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["analyze", ".", "--out", "out", "--jobs", jobs])
    assert "--jobs" in capsys.readouterr().err


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == DONE
    assert json.loads(capsys.readouterr().out)["title"] == "SpoilsReport"
