"""The measurements as comma-separated values: one row per structure and quantity."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from inference.outputs.quantities import Value, values
from inference.results import CaseReport

#: Calipers are two points in LPS patient coordinates.
COLUMNS: Final = (
    "structure",
    "quantity",
    "name",
    "value",
    "unit",
    "uncertainty",
    "start_x_mm",
    "start_y_mm",
    "start_z_mm",
    "end_x_mm",
    "end_y_mm",
    "end_z_mm",
)
POINT_DECIMALS: Final = 2  # our choice: far below a pixel


def measurement_table(report: CaseReport) -> str:
    """Return the table; what could not be measured has an empty value.

    Grades are rows too: they have no unit.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(item) for item in values(report))
    writer.writerows(_grades(report))
    return text.getvalue()


def _row(item: Value) -> list[object]:
    caliper = item.caliper
    points = (*caliper.start_mm, *caliper.end_mm) if caliper else ("",) * 6
    return [
        item.of,
        item.quantity.field,
        item.quantity.name,
        "" if item.value is None else item.value,
        item.quantity.unit.ucum,
        "" if item.uncertainty is None else item.uncertainty,
        *(round(x, POINT_DECIMALS) if isinstance(x, float) else x for x in points),
    ]


def _grades(report: CaseReport) -> Iterator[list[object]]:
    empty = [""] * (len(COLUMNS) - 4)
    for grading in report.gradings:
        name = "Pfirrmann grade"
        yield [grading.level, "pfirrmann", name, grading.pfirrmann, *empty]
    for level in report.levels:
        if level.meyerding_grade is not None:
            name = "Meyerding grade"
            yield [level.level, "meyerding_grade", name, level.meyerding_grade, *empty]
