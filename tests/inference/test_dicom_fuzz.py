"""A short run of the fuzzer; ``fuzz_dicom`` says how to run the long one."""

import json
import subprocess
import sys


def test_damaged_files_give_a_volume_or_a_refusal() -> None:
    """In a process of its own, because its peak of memory is a part of the result."""
    command = [sys.executable, "-m", "tests.inference.fuzz_dicom", "--cases", "200"]
    run = subprocess.run(command, capture_output=True, check=False, text=True)
    report = json.loads(run.stdout)
    assert report["failures"] == []
    assert report["cases"] >= 200
    assert report["outcomes"]["volume"] > 0
    assert report["outcomes"]["UnsuitableStudyError"] > 0
