"""What is called usual has a source, fits the person, and means what it says."""

from dataclasses import fields, replace

import pytest

from inference.measurements.reference_values import (
    REFERENCES,
    ReferenceRange,
    references_for,
)
from inference.results import Level, LevelMeasurement, Vertebra, VertebraMeasurement

ALL = pytest.mark.parametrize(
    "item", REFERENCES, ids=lambda item: f"{item.quantity}-{item.site}-{item.sex}"
)
GROUP = ReferenceRange(
    quantity="width_mm",
    site=Vertebra.L3,
    sex=None,
    youngest_years=None,
    oldest_years=None,
    mean=30.0,
    sd=2.0,
    low=None,
    high=None,
    count=400,
    population="people",
    method="a ruler",
    is_same_method=False,
    source="a book",
)


@ALL
def test_every_range_says_who_was_measured_how_and_where_it_is_published(
    item: ReferenceRange,
) -> None:
    assert item.population
    assert item.method
    assert item.source.startswith(("doi:", "https://", "SPIDER, doi:", "anatomy"))
    assert item.sex in {None, "male", "female"}


@ALL
def test_every_range_is_of_something_that_is_measured_there(
    item: ReferenceRange,
) -> None:
    kind = LevelMeasurement if isinstance(item.site, Level) else VertebraMeasurement
    assert item.quantity in {field.name for field in fields(kind)}


@ALL
def test_every_range_has_limits_in_their_order(item: ReferenceRange) -> None:
    low, high = item.limits
    assert (low, high) != (None, None)
    if low is not None and high is not None:
        assert 0 < low < high


@pytest.mark.parametrize(("value", "percent"), [(30, 50), (26.08, 2.5), (33.92, 97.5)])
def test_a_percentile_is_that_of_the_published_distribution(
    value: float, percent: float
) -> None:
    assert GROUP.percentile(value) == pytest.approx(percent, abs=0.1)


def test_the_limits_hold_95_of_100_people() -> None:
    low, high = GROUP.limits
    assert low is not None
    assert high is not None
    assert GROUP.percentile(low) == pytest.approx(2.5)
    assert GROUP.percentile(high) == pytest.approx(97.5)


def test_a_small_group_promises_less() -> None:
    (low, high), (wide_low, wide_high) = (
        GROUP.limits,
        replace(GROUP, count=10).limits,
    )
    assert low is not None
    assert wide_low is not None
    assert high is not None
    assert wide_high is not None
    assert wide_low < low
    assert high < wide_high


def test_published_limits_alone_give_no_percentile() -> None:
    limits = replace(GROUP, mean=None, sd=None, low=25.0)
    assert limits.percentile(20.0) is None
    assert limits.limits == (25.0, None)


def test_the_same_method_comes_first() -> None:
    found = references_for("disc_width_mm", Level.L4_L5, sex="female", age_years=45)
    assert [item.is_same_method for item in found] == [True, False]


def test_what_holds_for_one_sex_is_said_to_that_sex_alone() -> None:
    def sexes(sex: str | None) -> set[str | None]:
        found = references_for("width_mm", Vertebra.L5, sex=sex, age_years=45)
        return {item.sex for item in found}

    assert sexes("female") == {None, "female"}
    assert sexes("male") == {None, "male"}
    assert sexes("other") == sexes(None) == {None}


@pytest.mark.parametrize(
    ("age_years", "count"), [(39, 1), (40, 2), (59, 2), (60, 1), (None, 1)]
)
def test_what_holds_for_some_ages_is_said_to_those_ages_alone(
    age_years: int | None, count: int
) -> None:
    found = references_for("disc_width_mm", Level.L1_L2, sex=None, age_years=age_years)
    assert len(found) == count


def test_where_no_source_is_known_nothing_is_said() -> None:
    assert (
        references_for("disc_signal_ratio", Level.L1_L2, sex="male", age_years=30) == ()
    )


@pytest.mark.parametrize("level", Level)
def test_our_widths_of_discs_are_near_those_that_others_measured(level: Level) -> None:
    ours, theirs = references_for("disc_width_mm", level, sex=None, age_years=50)
    assert ours.mean == pytest.approx(theirs.mean, rel=0.15)
