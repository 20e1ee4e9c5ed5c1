"""What is usual: ``python -m benchmarks.reference_values SPIDER > TABLE.csv``.

Measures the reference masks of SPIDER's T2 SPACE series, CC BY 4.0, as every other
image is measured, and prints the rows of
``inference/measurements/reference_values_spider.csv``. Left out are spines whose level
names are in doubt, and discs graded as narrowed.
"""

import argparse
import csv
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final

from inference.geometry.midsagittal import mid_sagittal
from inference.levels.naming import name_levels
from inference.measurements.measure import measure
from inference.results import Level, LevelMeasurement, Vertebra, VertebraMeasurement
from inference.training.data import LabeledSlice, read_table, spider_slices
from inference.training.evaluation import patient_volume, reference_segmentation

LEVEL_QUANTITIES: Final = (
    *("disc_height_mm", "disc_height_anterior_mm", "disc_height_middle_mm"),
    *("disc_height_posterior_mm", "disc_width_mm"),
    *("disc_height_index_ratio", "disc_height_to_width_ratio"),
)
VERTEBRA_QUANTITIES: Final = (
    *("height_mm", "height_anterior_mm", "height_middle_mm", "height_posterior_mm"),
    "width_mm",
)
MIN_COUNT: Final = 8  # our choice: fewer tell nothing about the spread
#: Values this many interquartile ranges beyond the quartiles are of broken masks: what
#: Tukey called far out (Exploratory Data Analysis, 1977).
FAR_OUT: Final = 3.0
HEADER: Final = (
    *("quantity", "site", "sex", "youngest_years", "oldest_years", "mean", "sd"),
    *("low", "high", "count", "population", "method", "is_same_method", "source"),
)
PATIENTS: Final = "patients seen for low back pain in the Netherlands, both sexes"
METHOD: Final = "MR, by this program on masks corrected by people"
SOURCE: Final = "SPIDER, doi:10.1038/s41597-024-03090-w"

Measurement = LevelMeasurement | VertebraMeasurement
Row = tuple[str, ...]


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.reference_values")
    parser.add_argument("spider", type=Path, help="folder with t2space, gradings.csv")
    spider = parser.parse_args(argv).spider
    found = [*measured(spider_slices(spider / "t2space"), wide_discs(spider))]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows([HEADER, *rows(found)])
    return 0


def wide_discs(spider: Path) -> frozenset[tuple[str, Level]]:
    """Patient and level of every disc that was graded as not narrowed."""
    from_below = dict(enumerate(reversed(Level), start=1))  # 1 is L5/S1
    return frozenset(
        (row["patient"], from_below[int(row["disc"])])
        for row in read_table(spider / "gradings.csv")
        if row["narrowing"] == "0" and int(row["disc"]) in from_below
    )


def measured(
    slices: Sequence[LabeledSlice], wide: frozenset[tuple[str, Level]]
) -> Iterator[Measurement]:
    """Yield every body, and every disc that is not narrowed."""
    for patient in sorted({item.patient for item in slices}, key=int):
        own = [item for item in slices if item.patient == patient]
        masks = reference_segmentation(own)
        plane = mid_sagittal(patient_volume(own), masks)
        spine = name_levels(plane)
        if spine.warnings:
            continue
        found = measure(plane, spine, masks)
        for level in found.levels:
            if (patient, level.level) in wide:
                yield level
        yield from found.vertebrae


def rows(found: Iterable[Measurement]) -> Iterator[Row]:
    """Yield a row per quantity and site of which enough values are known."""
    everything = list(found)
    sites: list[tuple[Level | Vertebra, str]] = [
        *((level, quantity) for quantity in LEVEL_QUANTITIES for level in Level),
        *((body, quantity) for quantity in VERTEBRA_QUANTITIES for body in Vertebra),
    ]
    for site, quantity in sites:
        values = [
            value
            for item in everything
            if site_of(item) == site
            and quantity in {field.name for field in fields(item)}
            and (value := getattr(item, quantity)) is not None
        ]
        if len(values) >= MIN_COUNT:
            yield _row(quantity, site, values)


def site_of(item: Measurement) -> Level | Vertebra:
    """Return where a measurement was made."""
    return item.level if isinstance(item, LevelMeasurement) else item.vertebra


def without_outliers(values: Sequence[float]) -> list[float]:
    """Return the values without those of broken masks."""
    lower, _, upper = statistics.quantiles(values, n=4)
    reach = FAR_OUT * (upper - lower)
    return [value for value in values if lower - reach <= value <= upper + reach]


def _row(quantity: str, site: Level | Vertebra, values: Sequence[float]) -> Row:
    kept = without_outliers(values)
    mean, sd = statistics.mean(kept), statistics.stdev(kept)
    digits = 3 if quantity.endswith("_ratio") else 2
    what = "bodies" if isinstance(site, Vertebra) else "discs that are not narrowed"
    people = f"{what}, of {PATIENTS}"
    return (
        *(quantity, site, "", "", "", f"{mean:.{digits}f}", f"{sd:.{digits}f}"),
        *("", "", str(len(kept)), people, METHOD, "yes", SOURCE),
    )


if __name__ == "__main__":
    sys.exit(main())
