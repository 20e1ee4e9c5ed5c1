"""Values that cannot be are refused; grades follow from the values."""

import math

import pytest
from pydantic import TypeAdapter

from inference.results import (
    Caliper,
    DiscFindings,
    FindingKind,
    Level,
    LevelMeasurement,
    SpineMeasurement,
    Vertebra,
    VertebraMeasurement,
)


def level(slip_percent: float | None, *calipers: Caliper) -> LevelMeasurement:
    return LevelMeasurement(
        level=Level.L4_L5,
        disc_height_mm=None,
        disc_width_mm=None,
        disc_volume_mm3=None,
        disc_height_index_ratio=None,
        disc_signal_ratio=None,
        canal_diameter_mm=None,
        slip_percent=slip_percent,
        calipers=calipers,
    )


@pytest.mark.parametrize(
    ("percent", "grade"),
    [(0, 0), (-4, 0), (12, 1), (25, 1), (26, 2), (-30, 2), (75, 3), (90, 4), (130, 5)],
)
def test_slip_has_its_meyerding_grade(percent: float, grade: int) -> None:
    assert level(percent).meyerding_grade == grade


def test_an_unknown_slip_has_no_grade() -> None:
    assert level(None).meyerding_grade is None


def test_signed_values_may_be_negative_or_zero_but_not_infinite() -> None:
    body = VertebraMeasurement(
        vertebra=Vertebra.L1, height_mm=25, width_mm=34, wedge_degrees=-2.5
    )
    assert body.wedge_degrees == -2.5
    assert SpineMeasurement(lordosis_degrees=0).lordosis_degrees == 0
    with pytest.raises(ValueError, match="impossible lordosis_degrees: inf"):
        SpineMeasurement(lordosis_degrees=math.inf)


def test_a_whole_vertebra_is_not_taken_for_a_length_of_zero() -> None:
    body = VertebraMeasurement(
        vertebra=Vertebra.L1, height_mm=25, width_mm=34, is_partial=False
    )
    assert body.is_partial is False


def test_a_caliper_needs_two_points_in_the_patient() -> None:
    with pytest.raises(ValueError, match="impossible caliper"):
        Caliper(quantity="slip_mm", start_mm=(0, 0, math.nan), end_mm=(0, 0, 0))


def test_calipers_survive_json() -> None:
    caliper = Caliper(
        quantity="slip_mm", start_mm=(1.5, 2, 3), end_mm=(1, 2, 4), uncertainty_mm=0.5
    )
    adapter = TypeAdapter(LevelMeasurement)
    before = level(3.0, caliper)
    assert adapter.validate_json(adapter.dump_json(before)) == before


def test_a_finding_that_was_not_assessed_is_neither_present_nor_absent() -> None:
    found = DiscFindings(level=Level.L4_L5, modic_change=0.3)
    assert found.probability(FindingKind.MODIC) == 0.3
    assert found.probability(FindingKind.HERNIATION) is None


def test_a_probability_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"impossible probability of bulging: 1\.2"):
        DiscFindings(level=Level.L4_L5, bulging=1.2)
