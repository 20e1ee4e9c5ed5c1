"""FHIR dates may be partial, and times have zones."""

from datetime import UTC, date, datetime

import pytest

from fhir_mappings.dates import (
    age_years,
    first_day,
    full_day,
    is_future,
    is_time,
    moment,
)

TODAY = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2019", date(2019, 1, 1)),
        ("2019-05", date(2019, 5, 1)),
        ("2019-05-31", date(2019, 5, 31)),
        ("2019-05-31T23:30:00-08:00", date(2019, 5, 31)),
    ],
)
def test_a_partial_date_counts_as_its_first_day(text: str, day: date) -> None:
    assert first_day(text) == day


@pytest.mark.parametrize("text", [None, "2019", "2019-05"])
def test_a_partial_date_is_no_full_day(text: str | None) -> None:
    assert full_day(text) is None


def test_tomorrow_is_the_future_but_a_time_may_be_of_another_zone() -> None:
    assert is_future("2026-04-01", today=TODAY)
    assert not is_future("2026-04-01T06:00:00+14:00", today=TODAY)
    assert is_future("2026-04-02T06:00:00+14:00", today=TODAY)
    assert not is_future("2026", today=TODAY)


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("1961-03-31", 65),
        ("1961-04-01", 64),
        ("1960-02-29", 66),
        ("1961-02", 65),
        ("1961-03", 65),
        ("1961-04", 64),
        ("1961-12", 64),
        ("1961", None),
        ("2026-04-01", None),
        ("9999-12", None),
    ],
)
def test_age_is_known_when_every_day_of_a_partial_date_gives_the_same(
    born: str, age: int | None
) -> None:
    assert age_years(born, today=TODAY) == age


def test_someone_born_in_the_month_of_today_has_two_possible_ages() -> None:
    assert age_years("1961-03", today=date(2026, 3, 15)) is None


def test_times_sort_across_zones_and_undated_is_oldest() -> None:
    texts = ["2026-03-31T01:00:00+05:30", "2026-03-30T22:00:00Z", "2026-03", ""]
    assert sorted(texts, key=moment) == ["", "2026-03", texts[0], texts[1]]
    assert moment("2026-03-30") == datetime(2026, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize("junk", [20260301, None, "0000", "2026-03-01T23:59:60Z"])
def test_what_is_no_time_is_told_apart(junk: object) -> None:
    assert not is_time(junk)
    assert is_time("2026-03")
