"""The rules suggest what the guidelines say, and refuse when they must."""

from datetime import date

import pytest

from inference.guidelines import RED_FLAGS, suggest
from inference.results import (
    ChartCondition,
    ClinicalFeatures,
    ClinicalValue,
    Flag,
    Level,
    LevelMeasurement,
    Option,
    TherapySuggestion,
)

NARROW_MM, WIDE_MM = 8.4, 14.0


def value(number: float) -> ClinicalValue:
    return ClinicalValue(
        value=number, recorded_on=date(2026, 2, 28), source="Observation/1"
    )


def condition(flag: Flag, weeks: int | None = None) -> ChartCondition:
    return ChartCondition(
        flag=flag, label=flag.value, source="Condition/1", duration_weeks=weeks
    )


def chart(
    *conditions: ChartCondition,
    age: int | None = 50,
    nrs: float | None = None,
    odi: float | None = None,
    egfr: float | None = 90,
    is_complete: bool = True,
) -> ClinicalFeatures:
    return ClinicalFeatures(
        age_years=age,
        sex="female",
        pain_nrs=None if nrs is None else value(nrs),
        odi_percent=None if odi is None else value(odi),
        bmi_kg_m2=None,
        egfr_ml_min=None if egfr is None else value(egfr),
        smoking_status=None,
        conditions=conditions,
        is_complete=is_complete,
    )


def measured(canal_mm: float | None) -> list[LevelMeasurement]:
    return [
        LevelMeasurement(
            level=level,
            disc_height_mm=9.0,
            disc_width_mm=34.0,
            disc_volume_mm3=9000.0,
            disc_height_index_ratio=0.3,
            disc_signal_ratio=0.4,
            canal_diameter_mm=canal_mm,
        )
        for level in Level
    ]


def options(suggestion: TherapySuggestion) -> set[Option]:
    return {activity.option for activity in suggestion.activities}


def excluded(suggestion: TherapySuggestion, option: Option) -> str:
    return next(item.reason for item in suggestion.exclusions if item.option is option)


@pytest.mark.parametrize("flag", RED_FLAGS)
def test_a_red_flag_leaves_only_the_urgent_route(flag: Flag) -> None:
    features = chart(condition(flag), condition(Flag.RADICULOPATHY, 30), nrs=9, odi=80)
    suggestion = suggest(features, measured(NARROW_MM))
    assert suggestion.red_flags
    assert options(suggestion) == {RED_FLAGS[flag][0]}
    assert suggestion.exclusions == ()


def test_cauda_equina_is_an_emergency_even_beside_other_red_flags() -> None:
    features = chart(condition(Flag.MALIGNANCY), condition(Flag.CAUDA_EQUINA))
    suggestion = suggest(features, measured(WIDE_MM))
    assert options(suggestion) == {Option.EMERGENCY_REVIEW}
    assert len(suggestion.red_flags) == 2


def test_everybody_else_gets_advice_and_exercise() -> None:
    assert options(suggest(chart(), measured(None))) >= {
        Option.SELF_MANAGEMENT,
        Option.EXERCISE,
    }


@pytest.mark.parametrize(
    ("odi", "nrs", "expected"),
    [(40.9, 6.9, False), (41, None, True), (None, 7, True), (None, None, False)],
)
def test_psychological_therapy_belongs_to_severe_pain_or_disability(
    odi: float | None, nrs: float | None, *, expected: bool
) -> None:
    found = options(suggest(chart(odi=odi, nrs=nrs), measured(WIDE_MM)))
    assert (Option.PSYCHOLOGICAL_THERAPY in found) is expected


@pytest.mark.parametrize(
    "flag", [Flag.KIDNEY_DISEASE, Flag.HEART_FAILURE, Flag.PREGNANCY]
)
def test_a_contraindication_rules_out_an_nsaid_and_says_why(flag: Flag) -> None:
    suggestion = suggest(chart(condition(flag)), measured(WIDE_MM))
    assert Option.ORAL_NSAID not in options(suggestion)
    assert "The chart records" in excluded(suggestion, Option.ORAL_NSAID)


@pytest.mark.parametrize(
    ("egfr", "is_excluded"), [(59, True), (60, False), (None, False)]
)
def test_low_kidney_function_rules_out_an_nsaid(
    egfr: float | None, *, is_excluded: bool
) -> None:
    suggestion = suggest(chart(egfr=egfr), measured(WIDE_MM))
    assert (Option.ORAL_NSAID not in options(suggestion)) is is_excluded


def test_unknown_kidney_function_is_said() -> None:
    suggestion = suggest(chart(egfr=None), measured(WIDE_MM))
    assert any("eGFR" in text for text in suggestion.unknowns)
    nsaid = next(i for i in suggestion.activities if i.option is Option.ORAL_NSAID)
    assert any("check it first" in reason for reason in nsaid.reasons)


def test_back_pain_alone_is_never_a_reason_for_a_surgical_opinion() -> None:
    features = chart(condition(Flag.CHRONIC_LOW_BACK_PAIN, 200), nrs=10, odi=90)
    suggestion = suggest(features, measured(NARROW_MM))
    assert Option.SURGICAL_OPINION not in options(suggestion)
    assert "back pain alone" in excluded(suggestion, Option.SURGICAL_OPINION)


@pytest.mark.parametrize(
    ("flag", "weeks", "canal_mm", "odi", "expected"),
    [
        (Flag.SPINAL_STENOSIS, 12, NARROW_MM, 50, True),
        (Flag.SPINAL_STENOSIS, 11, NARROW_MM, 50, False),
        (Flag.SPINAL_STENOSIS, None, NARROW_MM, 50, False),
        (Flag.SPINAL_STENOSIS, 12, 11.9, 50, True),
        (Flag.SPINAL_STENOSIS, 12, 12.0, 50, False),
        (Flag.SPINAL_STENOSIS, 12, WIDE_MM, 50, False),
        (Flag.SPINAL_STENOSIS, 12, None, 50, False),
        (Flag.SPINAL_STENOSIS, 12, NARROW_MM, 20, False),
        (Flag.RADICULOPATHY, 6, WIDE_MM, 50, True),
        (Flag.RADICULOPATHY, 5, WIDE_MM, 50, False),
    ],
)
def test_a_surgical_opinion_needs_legs_time_severity_and_images(
    flag: Flag, weeks: int | None, canal_mm: float | None, odi: float, *, expected: bool
) -> None:
    suggestion = suggest(chart(condition(flag, weeks), odi=odi), measured(canal_mm))
    assert (Option.SURGICAL_OPINION in options(suggestion)) is expected


def test_what_is_missing_for_a_surgical_opinion_is_named() -> None:
    features = chart(condition(Flag.SPINAL_STENOSIS, 2), odi=10)
    reason = excluded(suggest(features, measured(WIDE_MM)), Option.SURGICAL_OPINION)
    assert all(word in reason for word in ("12 weeks", "severe", "below 12 mm"))


def test_a_pain_specialist_is_for_chronic_severe_pain_and_names_the_conflict() -> None:
    features = chart(condition(Flag.CHRONIC_LOW_BACK_PAIN), nrs=8)
    suggestion = suggest(features, measured(WIDE_MM))
    assert Option.PAIN_SPECIALIST in options(suggestion)
    assert any("BMJ 2025" in text for text in suggestion.conflicts)


def test_a_partial_chart_is_said_to_be_partial() -> None:
    suggestion = suggest(chart(is_complete=False), measured(WIDE_MM))
    assert any("part of the chart" in text for text in suggestion.unknowns)


def test_symptoms_that_no_chart_holds_are_always_asked_for() -> None:
    assert any(
        "saddle" in text for text in suggest(chart(), measured(WIDE_MM)).unknowns
    )
