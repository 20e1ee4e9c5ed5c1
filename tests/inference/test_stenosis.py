"""The central canal gets a class only where its measurement can tell it."""

from dataclasses import replace
from itertools import pairwise

import pytest

from inference.results import CanalClass, CentralStenosis, Level
from inference.severity.stenosis import (
    ABSOLUTE_MM,
    RELATIVE_MM,
    TOO_WIDE_MM,
    central_stenoses,
    class_probabilities,
)
from tests.inference.patients import measured


def only(canal_mm: float, uncertainty_mm: float | None = None) -> CentralStenosis:
    return central_stenoses(measured(canal_mm, uncertainty_mm))[0]


@pytest.mark.parametrize(
    ("canal_mm", "expected"),
    [(7.0, CanalClass.ABSOLUTE), (16.0, CanalClass.WIDE)],
)
def test_far_from_the_limits_the_class_is_told(
    canal_mm: float, expected: CanalClass
) -> None:
    assert only(canal_mm).canal_class is expected
    assert only(canal_mm).words == expected.value


@pytest.mark.parametrize("limit_mm", [ABSOLUTE_MM, RELATIVE_MM])
@pytest.mark.parametrize("away_mm", [-0.5, 0.0, TOO_WIDE_MM, 1.0])
def test_near_a_limit_no_class_is_claimed(limit_mm: float, away_mm: float) -> None:
    found = only(limit_mm + away_mm)
    assert found.canal_class is None
    assert len(found.possible) > 1
    assert found.words.startswith("cannot tell between ")
    assert all(name.value in found.words for name in found.possible)


def test_what_canals_read_too_wide_is_taken_off() -> None:
    _, _, absolute = class_probabilities(ABSOLUTE_MM + TOO_WIDE_MM, 2.0)
    assert absolute == pytest.approx(0.5)


def test_a_wider_canal_is_never_more_probably_narrow() -> None:
    found = [class_probabilities(mm / 4, 2.0) for mm in range(16, 80)]
    for narrower, wider in pairwise(found):
        assert wider[0] >= narrower[0]
        assert wider[2] <= narrower[2]
    assert all(sum(item) == pytest.approx(1) for item in found)


def test_a_less_certain_length_tells_less() -> None:
    assert only(7.0).canal_class is CanalClass.ABSOLUTE
    assert only(7.0, 5.0).canal_class is None
    assert only(7.0, 0.1) == only(7.0)  # none is more certain than was ever measured


def test_a_canal_that_was_not_measured_has_no_class() -> None:
    lost, *others = measured(8.0)
    lost = replace(lost, canal_diameter_mm=None, calipers=())
    found = central_stenoses((lost, *others))
    assert [item.level for item in found] == list(Level)[1:]


def test_probabilities_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="no probabilities"):
        CentralStenosis(level=Level.L4_L5, probabilities=(0.5, 0.5, 0.5))
