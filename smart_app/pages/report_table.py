"""The table of the report: values with what is usual, rounded as they are written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_mappings.gradings import grade_numeral, probability
from fhir_mappings.measures import (
    LEVEL_MEASURES,
    VERTEBRA_MEASURES,
    Measure,
    Measured,
    measured,
)
from fhir_mappings.reference_ranges import (
    origin,
    percentile,
    references,
    sentence,
    short_limits,
    written,
)
from inference.measurements.reference_values import ReferenceRange
from inference.results import (
    CanalClass,
    CaseReport,
    CentralStenosis,
    DiscFindings,
    DiscGrading,
    FindingKind,
    Level,
    LevelMeasurement,
    LevelSeverity,
    Structure,
    Vertebra,
    VertebraMeasurement,
)

#: Short enough for a column; the full words appear on pointing at them.
_CANAL_WORDS: Final = {
    CanalClass.WIDE: "≥ 12 mm",
    CanalClass.RELATIVE: "relative",
    CanalClass.ABSOLUTE: "absolute",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value.

    Attributes:
        value: As it is written.
        usual: The limits of the nearest comparison, empty where none is known.
        about: What they are, where the value stands, and other comparisons.

    """

    value: str
    usual: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One level of the table; ``None`` where nothing was measured or graded.

    ``uncertain`` names the outlines of the row that a person has to check.
    """

    level: str
    vertebra: str
    grade: str | None
    canal: Cell | None
    severity: Cell | None
    uncertain: tuple[str, ...]
    cells: tuple[Cell | None, ...]


def rows(report: CaseReport) -> tuple[Row, ...]:
    """Return a row per level, with the vertebra above it."""
    vertebrae = {item.vertebra: item for item in report.vertebrae}
    grades = {item.level: _grade(item) for item in report.gradings}
    known = report.spondylosis.levels if report.spondylosis else ()
    severities = {item.level: _severity(item) for item in known}
    canals = {item.level: _canal(item) for item in report.stenoses}
    return tuple(
        Row(
            level=level.level.value,
            vertebra=level.level.upper_vertebra.value,
            grade=grades.get(level.level),
            canal=canals.get(level.level),
            severity=severities.get(level.level),
            uncertain=_uncertain(level.level, report),
            cells=(
                *_cells(level.level, level, LEVEL_MEASURES, report),
                *_cells(
                    level.level.upper_vertebra,
                    vertebrae.get(level.level.upper_vertebra),
                    VERTEBRA_MEASURES,
                    report,
                ),
            ),
        )
        for level in report.levels
    )


def disc_findings(report: CaseReport) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return each assessed level, and per kind of finding its percentage in words."""
    return tuple(
        (item.level.value, tuple(_percent(item, kind) for kind in FindingKind))
        for item in report.disc_findings
    )


def _percent(item: DiscFindings, kind: FindingKind) -> str:
    value = item.probability(kind)
    return "not assessed" if value is None else f"{value * 100:.0f} %"


def comparisons(report: CaseReport) -> tuple[str, ...]:
    """Say once of each comparison in the table who was measured, and how."""
    found = {
        origin(item)
        for value in measured(report)
        for item in references(value, report.features)[:1]
    }
    return tuple(sorted(found))


def _uncertain(level: Level, report: CaseReport) -> tuple[str, ...]:
    """Name what is uncertain of a disc, the canal behind it and the body above it."""
    names = {
        level.value: "disc",
        f"{Structure.CANAL} {level}": "canal",
        level.upper_vertebra.value: level.upper_vertebra.value,
    }
    low = {item.name for item in report.confidences if item.is_low}
    return tuple(words for name, words in names.items() if name in low)


def _grade(grading: DiscGrading) -> str:
    return f"{grade_numeral(grading)} ({probability(grading)['value'] * 100:.0f} %)"


def _severity(item: LevelSeverity) -> Cell:
    parts = (f"{part.element}: {part.words}" for part in item.points)
    return Cell(value=item.words, usual="", about="\n".join(parts))


def _canal(item: CentralStenosis) -> Cell:
    parts = zip(CanalClass, item.probabilities, strict=True)
    about = "; ".join(f"{name}: {probability:.0%}" for name, probability in parts)
    short = " or ".join(_CANAL_WORDS[name] for name in item.possible)
    return Cell(value=short, usual="", about=f"{item.words}. {about}")


def _cells(
    site: Level | Vertebra,
    source: LevelMeasurement | VertebraMeasurement | None,
    measures: Sequence[Measure],
    report: CaseReport,
) -> Iterator[Cell | None]:
    for measure in measures:
        value = getattr(source, measure.field, None)
        if value is None:
            yield None
        else:
            yield _cell(Measured(measure=measure, site=site, value=value), report)


def _cell(item: Measured, report: CaseReport) -> Cell:
    unit, known = item.measure.unit, references(item, report.features)
    return Cell(
        value=written(item.value, unit),
        usual=_usual(known[0], item) if known else "",
        about="\n".join(_about(reference, item) for reference in known),
    )


def _usual(reference: ReferenceRange, item: Measured) -> str:
    mark = "" if reference.is_same_method else " *"
    return f"{short_limits(reference, item.measure.unit)}{mark}"


def _about(reference: ReferenceRange, item: Measured) -> str:
    place = percentile(reference, item.value)
    start = "" if place is None else f"{place.capitalize()} of these. "
    return f"{start}{sentence(reference, item.measure.unit)}"
