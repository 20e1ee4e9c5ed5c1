"""What is usual for a measured value, by level, sex and age, each with its source.

Two tables, stdlib only:

- ``reference_values_spider.csv``: patients seen for low back pain, measured by this
  program itself on reference masks, so by the very same method. Made again by
  ``python -m benchmarks.reference_values``.
- ``reference_values_published.csv``: what others published, measured by their methods;
  each row says by which.

No row means that we know of no source. None of this says what is healthy.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Final

from inference.results import Level, Vertebra

_COVERED: Final = 0.95  # our choice, and what most of the sources print
_STANDARD: Final = NormalDist()
_FOLDER: Final = Path(__file__).parent
#: The same method before others.
_TABLES: Final = ("reference_values_spider.csv", "reference_values_published.csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRange:
    """How large one quantity is in one group of people.

    Attributes:
        quantity: Name of the field in ``inference.results``.
        site: Level or vertebra.
        sex: ``"male"`` or ``"female"``, ``None`` for both together.
        youngest_years: Age of the youngest, ``None`` where the source does not say.
        oldest_years: Age of the oldest.
        mean: In the unit of the quantity, ``None`` where only limits were published.
        sd: Standard deviation, idem.
        low: Lower limit, ``None`` where there is none.
        high: Upper limit, idem.
        count: Number of people, ``None`` where the limits are no group's.
        population: Who they were.
        method: How they were measured.
        is_same_method: Whether that is how this program measures.
        source: Where it is published.

    """

    quantity: str
    site: Level | Vertebra
    sex: str | None
    youngest_years: int | None
    oldest_years: int | None
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    count: int | None
    population: str
    method: str
    is_same_method: bool
    source: str

    def percentile(self, value: float) -> float | None:
        """Return how many of 100 people have less; ``None`` without a distribution."""
        spread = self._spread
        return None if spread is None else 100 * spread.cdf(value)

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """Where 95 of 100 further people would lie, or the published limits."""
        spread = self._spread
        if spread is None:
            return self.low, self.high
        half = _STANDARD.inv_cdf((1 + _COVERED) / 2) * spread.stdev
        return spread.mean - half, spread.mean + half

    @property
    def _spread(self) -> NormalDist | None:
        """The next person's value, normal: a small group knows its mean less well."""
        if self.mean is None or self.sd is None or self.count is None:
            return None
        return NormalDist(self.mean, self.sd * (1 + 1 / self.count) ** 0.5)


def references_for(
    quantity: str,
    site: Level | Vertebra,
    *,
    sex: str | None,
    age_years: int | None,
) -> tuple[ReferenceRange, ...]:
    """Return what is known of a quantity for a person, the best comparison first.

    Args:
        quantity: Name of the field, such as ``"disc_height_mm"``.
        site: Where it was measured.
        sex: Of the person; unknown or other leaves out what holds for one sex.
        age_years: Of the person; unknown leaves out what holds for some ages.

    """
    return tuple(
        item
        for item in REFERENCES
        if (item.quantity, item.site) == (quantity, site)
        and item.sex in {None, sex}
        and _has_age(item, age_years)
    )


def _has_age(item: ReferenceRange, age_years: int | None) -> bool:
    if item.youngest_years is None or item.oldest_years is None:
        return True
    return age_years is not None and (
        item.youngest_years <= age_years <= item.oldest_years
    )


def _rows(name: str) -> Iterator[ReferenceRange]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield ReferenceRange(
                quantity=row["quantity"],
                site=_site(row["site"]),
                sex=row["sex"] or None,
                youngest_years=_whole(row["youngest_years"]),
                oldest_years=_whole(row["oldest_years"]),
                mean=_number(row["mean"]),
                sd=_number(row["sd"]),
                low=_number(row["low"]),
                high=_number(row["high"]),
                count=_whole(row["count"]),
                population=row["population"],
                method=row["method"],
                is_same_method=row["is_same_method"] == "yes",
                source=row["source"],
            )


def _site(text: str) -> Level | Vertebra:
    return Level(text) if "/" in text else Vertebra(text)


def _number(text: str) -> float | None:
    return float(text) if text else None


def _whole(text: str) -> int | None:
    return int(text) if text else None


REFERENCES: Final = tuple(row for name in _TABLES for row in _rows(name))
