"""FHIR dates and times, which may be partial (https://hl7.org/fhir/R4/datatypes.html).

A partial date counts as its first day, so that it never looks newer than it can be.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

#: Our choice: a server may write a time of today in a zone where it is tomorrow.
_ZONE_SLACK = timedelta(days=1)

_DATE_LENGTH = len("2026-03-02")


def first_day(text: str) -> date:
    """Return the first day that a valid FHIR date, dateTime or instant may mean.

    Args:
        text: Such as ``"2019"``, ``"2019-05"`` or ``"2019-05-02T09:30:00+05:30"``;
            the day of a time is the day in the zone that it is written in.

    """
    return date.fromisoformat(f"{text[:_DATE_LENGTH]}-01-01"[:_DATE_LENGTH])


def full_day(text: str | None) -> date | None:
    """Return the day of a complete date, ``None`` where it is absent or partial."""
    return first_day(text) if text and len(text) >= _DATE_LENGTH else None


def is_future(text: str, *, today: date) -> bool:
    """Tell whether a date or time lies after today."""
    slack = _ZONE_SLACK if "T" in text else timedelta()
    return first_day(text) > today + slack


def past_day(text: str | None, *, today: date) -> date | None:
    """Return the first day, ``None`` where it is absent or lies after today."""
    return first_day(text) if text and not is_future(text, today=today) else None


def moment(text: str) -> datetime:
    """Return a time to sort by; a day without a time starts in UTC, empty is oldest."""
    if not text:
        return datetime.min.replace(tzinfo=UTC)
    if "T" in text:
        return datetime.fromisoformat(text)
    return datetime.combine(first_day(text), datetime.min.time(), tzinfo=UTC)


def is_time(value: object) -> bool:
    """Tell whether a value of JSON is a date or time that this module understands."""
    try:
        return isinstance(value, str) and bool(moment(value))
    except ValueError:
        return False


def age_years(birth_date: str, *, today: date) -> int | None:
    """Return the age in completed years, ``None`` where a partial date leaves two."""
    youngest = _anniversaries(_last_day(birth_date), today)
    oldest = _anniversaries(first_day(birth_date), today)
    return oldest if oldest == youngest and oldest >= 0 else None


def whole_weeks(since: str | None, *, today: date) -> int | None:
    """Return the weeks that have surely passed, ``None`` where that is not known.

    A partial date counts as its last day here: nothing has lasted longer than it must.
    """
    if not since:
        return None
    days = (today - _last_day(since)).days
    return days // 7 if days >= 0 else None


def weeks_between(start: str | None, end: str | None, *, today: date) -> int | None:
    """Return the whole weeks that something surely lasted, ``None`` where unknown.

    A partial start counts as its last day and a partial end as its first; what is said
    to end later has lasted until today.
    """
    if not start or not end:
        return None
    days = (min(first_day(end), today) - _last_day(start)).days
    return days // 7 if days >= 0 else None


def _anniversaries(born: date, today: date) -> int:
    is_ahead = (today.month, today.day) < (born.month, born.day)
    return today.year - born.year - is_ahead


def _last_day(text: str) -> date:
    first = first_day(text)
    if len(text) >= _DATE_LENGTH:
        return first
    if "-" not in text:
        return first.replace(month=12, day=31)
    _, days = monthrange(first.year, first.month)
    return first.replace(day=days)
