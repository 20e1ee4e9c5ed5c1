"""Summary of SPIDER's discs: ``python -m benchmarks.cohort_images SPIDER > TABLE.csv``.

Prints the rows of ``inference/cohort/spider.csv``, from which the synthetic cohort
draws its images: shares, means and standard deviations, and no patient's row. Grades
are the radiologists'; lengths are measured on the reference masks of T2 SPACE series.
SPIDER: doi:10.1038/s41597-024-03090-w, CC BY 4.0.
"""

import argparse
import csv
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

from benchmarks.reference_values import without_outliers
from inference.geometry.midsagittal import mid_sagittal
from inference.levels.naming import name_levels
from inference.measurements.measure import measure
from inference.results import Level, LevelMeasurement
from inference.training.data import read_table, spider_slices
from inference.training.evaluation import patient_volume, reference_segmentation

HEADER: Final = ("quantity", "site", "group", "mean", "sd", "count")
MIN_COUNT: Final = 5  # our choice: fewer would tell about persons


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """What the radiologists say of one disc."""

    patient: str
    level: Level
    pfirrmann: int
    has_slip: bool


Row = tuple[str, str, str, str, str, str]


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.cohort_images")
    parser.add_argument("spider", type=Path, help="folder with t2space, gradings.csv")
    spider = parser.parse_args(argv).spider
    grades = graded(spider)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows([HEADER, *grade_rows(grades)])
    writer.writerows(length_rows(grades, measured(spider)))
    return 0


def graded(spider: Path) -> dict[tuple[str, Level], Graded]:
    """Return every graded lumbar disc by patient and level."""
    from_below = dict(enumerate(reversed(Level), start=1))  # 1 is L5/S1
    discs = [
        Graded(
            patient=row["patient"],
            level=from_below[int(row["disc"])],
            pfirrmann=int(row["pfirrmann"]),
            has_slip=row["spondylolisthesis"] == "1",
        )
        for row in read_table(spider / "gradings.csv")
        if int(row["disc"]) in from_below
    ]
    return {(disc.patient, disc.level): disc for disc in discs}


def measured(spider: Path) -> dict[str, tuple[LevelMeasurement, ...]]:
    """Return the levels of every patient with masks whose names are not in doubt."""
    slices = spider_slices(spider / "t2space")
    found = {}
    for patient in sorted({item.patient for item in slices}, key=int):
        own = [item for item in slices if item.patient == patient]
        masks = reference_segmentation(own)
        plane = mid_sagittal(patient_volume(own), masks)
        spine = name_levels(plane)
        if not spine.warnings:
            found[patient] = measure(plane, spine, masks).levels
    return found


def grade_rows(grades: dict[tuple[str, Level], Graded]) -> Iterator[Row]:
    """Yield shares of grades and slips per level, and how alike a spine's discs are."""
    for level in Level:
        discs = [disc for disc in grades.values() if disc.level is level]
        for grade in range(1, 6):
            share = statistics.mean(disc.pfirrmann == grade for disc in discs)
            yield _row("pfirrmann_share", level, str(grade), share, None, len(discs))
        slips = statistics.mean(disc.has_slip for disc in discs)
        yield _row("slip_share", level, "", slips, None, len(discs))
    pairs = [
        (grades[patient, upper].pfirrmann, grades[patient, lower].pfirrmann)
        for patient in sorted({disc.patient for disc in grades.values()})
        for upper, lower in combinations(Level, 2)
        if (patient, upper) in grades and (patient, lower) in grades
    ]
    alike = statistics.correlation(*zip(*pairs, strict=True))
    yield _row("pfirrmann_correlation", "", "", alike, None, len(pairs))


def length_rows(
    grades: dict[tuple[str, Level], Graded],
    spines: dict[str, tuple[LevelMeasurement, ...]],
) -> Iterator[Row]:
    """Yield disc height by grade, slip by what was graded, and the smallest canal."""
    discs = [
        (grades[patient, level.level], level)
        for patient, levels in spines.items()
        for level in levels
        if (patient, level.level) in grades
    ]
    for grade in range(1, 6):
        values = [m.disc_height_index_ratio for g, m in discs if g.pfirrmann == grade]
        yield from _length_row("disc_height_index_ratio", str(grade), values)
    for has_slip in (False, True):
        values = [m.slip_percent for g, m in discs if g.has_slip is has_slip]
        yield from _length_row("slip_percent", str(int(has_slip)), values)
    canals = [
        min((m.canal_diameter_mm for m in levels if m.canal_diameter_mm), default=None)
        for levels in spines.values()
    ]
    yield from _length_row("smallest_canal_mm", "", canals)


def _length_row(
    quantity: str, group: str, values: Sequence[float | None]
) -> Iterator[Row]:
    known = [value for value in values if value is not None]
    if len(known) >= MIN_COUNT:
        kept = without_outliers(known)
        mean, sd = statistics.mean(kept), statistics.stdev(kept)
        yield _row(quantity, "", group, mean, sd, len(kept))


def _row(  # noqa: PLR0913, PLR0917 - the columns of the table
    quantity: str, site: str, group: str, mean: float, sd: float | None, count: int
) -> Row:
    spread = "" if sd is None else f"{sd:.3f}"
    return quantity, site, group, f"{mean:.3f}", spread, str(count)


if __name__ == "__main__":
    sys.exit(main())
