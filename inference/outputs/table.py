"""The measurements as comma-separated values: one row per structure and quantity."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from inference.measurements.reference_values import references_for
from inference.outputs.quantities import SPINE, Value, values
from inference.results import (
    NOT_ASSESSED,
    CaseReport,
    ClinicalFeatures,
    FindingKind,
    Level,
    Vertebra,
)

#: Calipers are two points in LPS patient coordinates; what is usual is that of the best
#: comparison for the age and sex that the images give.
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
    "usual_low",
    "usual_high",
    "percentile",
    "usual_in",
    "usual_source",
)
PROBABILITY_DECIMALS: Final = 2  # our choice: as on the page
POINT_DECIMALS: Final = 2  # our choice: far below a pixel


def measurement_table(report: CaseReport) -> str:
    """Return the table; what could not be measured has an empty value.

    Grades are rows too: they have no unit.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    features = report.features
    writer.writerows(_row(item, features) for item in values(report))
    writer.writerows(_grades(report))
    return text.getvalue()


def _row(item: Value, features: ClinicalFeatures) -> list[object]:
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
        *_usual(item, features),
    ]


def _usual(item: Value, features: ClinicalFeatures) -> list[object]:
    """Return limits, percentile, group and source; empty cells where none is known."""
    if item.value is None or not isinstance(item.of, Level | Vertebra):
        return [""] * 5
    known = references_for(
        item.quantity.field, item.of, sex=features.sex, age_years=features.age_years
    )
    if not known:
        return [""] * 5
    best = known[0]
    low, high = best.limits
    percentile = best.percentile(item.value)
    return [
        "" if low is None else item.quantity.rounded(low),
        "" if high is None else item.quantity.rounded(high),
        "" if percentile is None else round(percentile),
        best.population,
        best.source,
    ]


def _grades(report: CaseReport) -> Iterator[list[object]]:
    empty = [""] * (len(COLUMNS) - 4)
    for grading in report.gradings:
        name = "Pfirrmann grade"
        yield [grading.level, "pfirrmann", name, grading.pfirrmann, *empty]
    for disc in report.disc_findings:
        for kind in FindingKind:
            value = disc.probability(kind)
            field = f"{kind.name.lower()}_probability"
            known = "" if value is None else round(value, PROBABILITY_DECIMALS)
            yield [disc.level, field, f"Probability of {kind}", known, *empty]
    for level in report.levels:
        if level.meyerding_grade is not None:
            name = "Meyerding grade"
            yield [level.level, "meyerding_grade", name, level.meyerding_grade, *empty]
    for item in report.stenoses:
        yield [item.level, "canal_class", "Central canal", item.words, *empty]
    if report.spondylosis:
        for place, words in (
            *((item.level, item.words) for item in report.spondylosis.levels),
            (SPINE, report.spondylosis.words),
        ):
            name = "Severity of spondylosis"
            yield [place, "spondylosis_severity", name, words, *empty]
    for name in NOT_ASSESSED:
        quantity = name.replace(" ", "_")
        yield [SPINE, quantity, name.capitalize(), "not assessed", *empty]
