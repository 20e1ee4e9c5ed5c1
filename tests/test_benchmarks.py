"""A smoke run of each benchmark; what it measures is not tested here."""

import json

import pytest

from benchmarks import inference


def test_the_inference_benchmark_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert inference.main(["--repeats", "1"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["torch_over_served"] > 0
    assert result["peak_memory_mb"] > 0
