"""The command line measures a folder, or says why not."""

from pathlib import Path

import pytest

from inference.__main__ import main
from inference.phantom import Phantom
from tests.inference.series import phantom_series


def test_a_folder_is_measured_level_by_level(
    phantom: Phantom, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, dataset in enumerate(phantom_series(phantom.volume)):
        dataset.save_as(tmp_path / f"{number}.dcm")
    (tmp_path / "notes.txt").write_text("no image")
    assert main(["analyze", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    levels = [line.split("\t")[0] for line in captured.out.splitlines()[1:6]]
    assert levels == ["L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"]
    assert "not DICOM: notes.txt" in captured.err


def test_an_empty_folder_is_refused_with_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(tmp_path)]) == 1
    assert "no sagittal MR series" in capsys.readouterr().err
