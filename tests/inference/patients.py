"""Synthetic patients for the rules, each said in one line."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from inference.guidelines import suggest
from inference.results import (
    Caliper,
    ChartCondition,
    ClinicalFeatures,
    ClinicalValue,
    Flag,
    Level,
    LevelMeasurement,
    TherapySuggestion,
    Treatment,
    TreatmentKind,
)

NARROW_MM: Final = 8.4
WIDE_MM: Final = 14.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A chart and the canal that was measured."""

    features: ClinicalFeatures
    levels: tuple[LevelMeasurement, ...]

    def suggestion(self) -> TherapySuggestion:
        """Return what the rules say."""
        return suggest(self.features, self.levels)

    def fired(self) -> set[str]:
        """Return the names of the rules that fired and are said."""
        found = self.suggestion()
        activities = {rule for item in found.activities for rule in item.rules}
        return activities | {rule for item in found.exclusions for rule in item.rules}


def value(number: float) -> ClinicalValue:
    return ClinicalValue(
        value=number, recorded_on=date(2026, 2, 28), source="Observation/1"
    )


def condition(flag: Flag, weeks: int | None = None) -> ChartCondition:
    return ChartCondition(
        flag=flag, label=flag.value, source="Condition/1", duration_weeks=weeks
    )


def tried(
    kind: TreatmentKind, weeks: int | None = None, *, was_given: bool = True
) -> Treatment:
    return Treatment(
        kind=kind,
        label=kind.value,
        source="Procedure/1",
        weeks=weeks,
        was_given=was_given,
    )


def measured(
    canal_mm: float | None,
    uncertainty_mm: float | None = None,
    slip_percent: float | None = None,
) -> tuple[LevelMeasurement, ...]:
    """Return five levels with the same canal and slip."""
    caliper = Caliper(
        quantity="canal_diameter_mm",
        start_mm=(0.0, 0.0, 0.0),
        end_mm=(0.0, canal_mm or 0.0, 0.0),
        uncertainty_mm=uncertainty_mm,
    )
    return tuple(
        LevelMeasurement(
            level=level,
            disc_height_mm=9.0,
            disc_width_mm=34.0,
            disc_volume_mm3=9000.0,
            disc_height_index_ratio=0.3,
            disc_signal_ratio=0.4,
            canal_diameter_mm=canal_mm,
            slip_percent=slip_percent,
            calipers=() if canal_mm is None else (caliper,),
        )
        for level in Level
    )


EMPTY: Final = ClinicalFeatures(age_years=50, sex="female", egfr_ml_min=value(90))


def patient(
    *conditions: Flag | ChartCondition,
    canal_mm: float | None = WIDE_MM,
    uncertainty_mm: float | None = None,
    slip_percent: float | None = None,
    **known: Any,  # noqa: ANN401 - fields of the features
) -> Patient:
    """Return a patient of 50 with good kidneys, and what is said beside.

    Numbers become values of the chart, but for the age.
    """
    fields: dict[str, Any] = {
        name: value(item)
        if isinstance(item, float | int) and not isinstance(item, bool)
        else item
        for name, item in known.items()
        if name != "age_years"
    }
    if "age_years" in known:
        fields["age_years"] = known["age_years"]
    flagged = tuple(
        condition(item) if isinstance(item, Flag) else item for item in conditions
    )
    return Patient(
        features=replace(EMPTY, conditions=flagged, **fields),
        levels=measured(canal_mm, uncertainty_mm, slip_percent),
    )
