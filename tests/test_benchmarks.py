"""A smoke run of each benchmark; how fast or how large is not tested here."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import encoders, inference, precision, reference_values
from inference.measurements.reference_values import REFERENCES
from inference.phantom.drawing import draw_phantom
from inference.phantom.spec import random_spec, with_grid
from inference.results import Level, Vertebra, VertebraMeasurement
from inference.segmentation.preprocessing import normalized
from inference.training.data import LabeledSlice


def test_the_inference_benchmark_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert inference.main(["--repeats", "1", "--slices", "5"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["torch_over_served"] > 0
    assert result["peak_memory_mb"] > 0


def test_the_benchmark_of_the_encoders_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert encoders.main(["--repeats", "1"]) == 0
    result = json.loads(capsys.readouterr().out)
    large, small = result["resnet50"], result["mobilenetv2"]
    assert large["multiply_adds_m"] > 5 * small["multiply_adds_m"]


@pytest.fixture
def slices() -> list[LabeledSlice]:
    """Some slices of a drawn spine as those of a patient."""
    spec = random_spec(np.random.default_rng(2))
    small = with_grid(spec, shape=(9, 340, 256), spacing_mm=(4.5, 0.75, 0.75))
    drawn = draw_phantom(small)
    return [
        LabeledSlice(
            patient="1",
            image=normalized(drawn.volume.voxels[index]),
            labels=drawn.labels[index],
            spacing_mm=(0.75, 0.75),
        )
        for index in (3, 4, 5)
    ]


def test_the_served_graph_in_8_bits_outlines_nearly_the_same(
    slices: list[LabeledSlice],
) -> None:
    images = [precision.network_image(item) for item in slices]
    found = precision.compared(images, slices, repeats=1)
    assert abs(found["int8"]["dice_loss"]) < 0.05
    assert found["int8"]["time_ratio"] > 0
    assert set(found) == {"float32", "int8", "bfloat16"}


def test_all_bodies_and_only_wide_discs_tell_what_is_usual(
    slices: list[LabeledSlice],
) -> None:
    found = [*reference_values.measured(slices, frozenset({("1", Level.L4_L5)}))]
    sites = [reference_values.site_of(item) for item in found]
    assert sites == [Level.L4_L5, *Vertebra]


def bodies(*heights_mm: float) -> Iterator[VertebraMeasurement]:
    for height_mm in heights_mm:
        yield VertebraMeasurement(
            vertebra=Vertebra.L2, height_mm=height_mm, width_mm=None
        )


def test_a_broken_mask_does_not_tell_what_is_usual() -> None:
    heights_mm = (24.0, 25.0, 26.0, 25.0, 24.0, 26.0, 25.0, 25.0)
    (whole,) = reference_values.rows(bodies(*heights_mm))
    (broken,) = reference_values.rows(bodies(*heights_mm, 60.0))
    assert whole == broken
    assert whole[:2] == ("height_mm", "L2")
    assert whole[5:7] == ("25.00", "0.76")


def test_a_handful_of_people_tells_nothing() -> None:
    assert [*reference_values.rows(bodies(24.0, 25.0, 26.0))] == []


def test_the_committed_table_has_the_columns_that_are_printed() -> None:
    path = Path(reference_values.__file__).parents[1] / "inference" / "measurements"
    with (path / "reference_values_spider.csv").open(newline="") as lines:
        table = [*csv.reader(lines)]
    assert tuple(table[0]) == reference_values.HEADER
    assert len(table) - 1 == sum(item.is_same_method for item in REFERENCES)
