"""The rules suggest what the guidelines say, and refuse when they must."""

import pytest

from inference.guidelines import TABLE
from inference.results import Flag, Option, TherapySuggestion, TreatmentKind
from tests.inference.patients import NARROW_MM, WIDE_MM, condition, patient, tried

CHRONIC = Flag.CHRONIC_LOW_BACK_PAIN
RED_FLAGS = {
    Flag.CAUDA_EQUINA: Option.EMERGENCY_REVIEW,
    Flag.CAUDA_EQUINA_SYMPTOMS: Option.EMERGENCY_REVIEW,
    Flag.MOTOR_DEFICIT: Option.EMERGENCY_REVIEW,
    Flag.MALIGNANCY: Option.URGENT_REVIEW,
    Flag.UNEXPLAINED_WEIGHT_LOSS: Option.URGENT_REVIEW,
    Flag.NIGHT_PAIN: Option.URGENT_REVIEW,
    Flag.SPINAL_INFECTION: Option.URGENT_REVIEW,
    Flag.RECENT_TRAUMA: Option.URGENT_REVIEW,
}


def options(suggestion: TherapySuggestion) -> set[Option]:
    return {activity.option for activity in suggestion.activities}


def excluded(suggestion: TherapySuggestion, option: Option) -> str:
    return next(item.reason for item in suggestion.exclusions if item.option is option)


def unknown(suggestion: TherapySuggestion, change: str) -> str:
    return next(text for text in suggestion.unknowns if text.startswith(change))


@pytest.mark.parametrize("flag", RED_FLAGS)
def test_a_red_flag_leaves_only_the_urgent_route(flag: Flag) -> None:
    sick = patient(
        flag,
        condition(Flag.RADICULOPATHY, 30),
        *(CHRONIC, Flag.CONSERVATIVE_CARE_FAILED, Flag.WISHES_SURGICAL_OPINION),
        canal_mm=NARROW_MM,
        pain_nrs=9,
        odi_percent=80,
    )
    suggestion = sick.suggestion()
    assert flag.value in suggestion.red_flags[0]
    assert options(suggestion) == {RED_FLAGS[flag]}
    assert (suggestion.exclusions, suggestion.conflicts) == ((), ())
    assert not any("Could add" in text for text in suggestion.unknowns)


def test_cauda_equina_is_an_emergency_even_beside_other_red_flags() -> None:
    suggestion = patient(Flag.MALIGNANCY, Flag.CAUDA_EQUINA).suggestion()
    assert options(suggestion) == {Option.EMERGENCY_REVIEW}
    assert len(suggestion.red_flags) == 2
    assert len(suggestion.activities[0].rules) == 2


def test_red_flags_that_nobody_asked_for_are_listed_to_be_asked() -> None:
    text = unknown(patient().suggestion(), "Could call for the urgent route")
    assert all(flag.value in text for flag in RED_FLAGS)


def test_everybody_else_gets_advice_and_exercise_with_sources_and_strengths() -> None:
    suggestion = patient(canal_mm=None).suggestion()
    assert options(suggestion) >= {Option.SELF_MANAGEMENT, Option.EXERCISE}
    exercise = next(a for a in suggestion.activities if a.option is Option.EXERCISE)
    assert exercise.guideline.startswith("NICE NG59, exercise; ACP 2017, ")
    strengths = "NICE NG59: consider; ACP 2017: strong; WHO 2023: conditional"
    assert exercise.strength == strengths
    assert suggestion.rules_version == TABLE.version


@pytest.mark.parametrize(
    ("odi", "nrs", "expected"),
    [(40.9, 6.9, False), (41, None, True), (None, 7, True), (None, None, False)],
)
def test_psychological_therapy_belongs_to_severe_pain_or_disability(
    odi: float | None, nrs: float | None, *, expected: bool
) -> None:
    found = options(patient(odi_percent=odi, pain_nrs=nrs).suggestion())
    assert (Option.PSYCHOLOGICAL_THERAPY in found) is expected


def test_reasons_name_what_was_found() -> None:
    suggestion = patient(odi_percent=44, leg_pain_nrs=7).suggestion()
    reasons = next(
        activity.reasons
        for activity in suggestion.activities
        if activity.option is Option.PSYCHOLOGICAL_THERAPY
    )
    assert reasons[-1] == (
        "Severe pain or disability: Oswestry disability index 44 %; leg pain 7 of 10."
    )


@pytest.mark.parametrize(
    "flag",
    [
        *(Flag.KIDNEY_DISEASE, Flag.HEART_FAILURE, Flag.PEPTIC_ULCER),
        *(Flag.ANTICOAGULANT, Flag.PREGNANCY),
    ],
)
def test_a_contraindication_rules_out_an_nsaid_and_says_why_and_who_says_so(
    flag: Flag,
) -> None:
    suggestion = patient(flag).suggestion()
    assert Option.ORAL_NSAID not in options(suggestion)
    assert flag.value in excluded(suggestion, Option.ORAL_NSAID)
    (drug,) = (i for i in suggestion.exclusions if i.option is Option.ORAL_NSAID)
    assert "NHSGGC" in drug.source


def test_several_contraindications_are_all_said() -> None:
    reason = excluded(
        patient(Flag.PREGNANCY, egfr_ml_min=48).suggestion(), Option.ORAL_NSAID
    )
    assert "eGFR 48 mL/min/1.73 m²" in reason
    assert "pregnancy" in reason


def test_contraindications_that_nobody_recorded_are_listed_in_one_sentence() -> None:
    suggestion = patient(egfr_ml_min=None).suggestion()
    text = unknown(suggestion, "Could rule out oral non-steroidal")
    assert all(word in text for word in ("eGFR", "heart failure", "peptic ulcer"))
    nsaid = next(i for i in suggestion.activities if i.option is Option.ORAL_NSAID)
    assert any("check it first" in reason for reason in nsaid.reasons)


def test_what_a_clinician_ruled_out_is_no_longer_unknown() -> None:
    flags = (Flag.KIDNEY_DISEASE, Flag.HEART_FAILURE, Flag.PEPTIC_ULCER)
    ruled_out = (*flags, Flag.ANTICOAGULANT, Flag.PREGNANCY)
    suggestion = patient(ruled_out=ruled_out).suggestion()
    assert not any("rule out oral" in text for text in suggestion.unknowns)


def test_a_removed_option_is_not_said_to_be_removable() -> None:
    suggestion = patient(Flag.PREGNANCY).suggestion()
    assert not any("rule out oral" in text for text in suggestion.unknowns)


def test_back_pain_alone_is_never_a_reason_for_a_surgical_opinion() -> None:
    sick = patient(
        condition(CHRONIC, 200),
        *(Flag.CONSERVATIVE_CARE_FAILED, Flag.WISHES_SURGICAL_OPINION),
        canal_mm=NARROW_MM,
        pain_nrs=10,
        odi_percent=90,
    )
    suggestion = sick.suggestion()
    assert Option.SURGICAL_OPINION not in options(suggestion)
    assert "Back pain alone" in excluded(suggestion, Option.SURGICAL_OPINION)
    assert "sciatica" in unknown(suggestion, "Could add referral for a surgical")


@pytest.mark.parametrize(
    ("flag", "weeks", "canal_mm", "odi", "expected"),
    [
        (Flag.SPINAL_STENOSIS, 12, NARROW_MM, 50, True),
        (Flag.CLAUDICATION, 12, NARROW_MM, 50, True),
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
    found = patient(condition(flag, weeks), odi_percent=odi, canal_mm=canal_mm)
    assert (Option.SURGICAL_OPINION in options(found.suggestion())) is expected


@pytest.mark.parametrize(
    ("canal_mm", "uncertainty_mm", "expected"),
    [(12.9, 3.0, True), (12.9, 2.0, False), (11.9, 0.1, True), (12.9, None, False)],
)
def test_a_canal_counts_as_narrow_when_its_uncertainty_allows_it(
    canal_mm: float, uncertainty_mm: float | None, *, expected: bool
) -> None:
    found = patient(
        condition(Flag.SPINAL_STENOSIS, 12),
        odi_percent=50,
        canal_mm=canal_mm,
        uncertainty_mm=uncertainty_mm,
    )
    assert (Option.SURGICAL_OPINION in options(found.suggestion())) is expected


def test_what_is_missing_for_a_surgical_opinion_is_named() -> None:
    found = patient(condition(Flag.SPINAL_STENOSIS, 2), odi_percent=10)
    reason = excluded(found.suggestion(), Option.SURGICAL_OPINION)
    assert all(word in reason for word in ("12 weeks", "severe", "below 10 mm"))


def test_an_unmeasured_canal_is_unknown_and_could_add_the_opinion() -> None:
    found = patient(condition(Flag.SPINAL_STENOSIS, 12), odi_percent=50, canal_mm=None)
    text = unknown(found.suggestion(), "Could add referral for a surgical opinion")
    assert text.endswith("a canal on the images that may be below 10 mm.")


def test_how_long_the_leg_hurts_outdoes_how_long_the_diagnosis_stands() -> None:
    old = condition(Flag.RADICULOPATHY, 200)
    found = patient(old, leg_pain_weeks=3, odi_percent=50).suggestion()
    assert Option.SURGICAL_OPINION not in options(found)
    assert "6 weeks" in excluded(found, Option.SURGICAL_OPINION)


def test_a_wish_against_it_closes_the_surgical_opinion() -> None:
    found = patient(
        Flag.RADICULOPATHY, ruled_out=(Flag.WISHES_SURGICAL_OPINION,)
    ).suggestion()
    assert "wishes" in excluded(found, Option.SURGICAL_OPINION)
    assert not any("Could add referral for a surg" in text for text in found.unknowns)


def test_a_pain_specialist_is_for_chronic_severe_pain_and_names_the_conflict() -> None:
    suggestion = patient(CHRONIC, pain_nrs=8).suggestion()
    assert Option.PAIN_SPECIALIST in options(suggestion)
    assert any("BMJ 2025" in text for text in suggestion.conflicts)


def test_mild_pain_is_told_what_a_pain_specialist_needs() -> None:
    reason = excluded(patient(pain_nrs=2).suggestion(), Option.PAIN_SPECIALIST)
    assert "severe pain or disability; pain for more than 12 weeks" in reason


def test_a_partial_chart_is_said_to_be_partial() -> None:
    suggestion = patient(is_complete=False, unread_types=("Procedure",)).suggestion()
    assert any("part of the chart" in text for text in suggestion.unknowns)
    assert any("did not let Procedure be read" in t for t in suggestion.unknowns)


def test_nobody_is_left_without_any_advice() -> None:
    empty = patient(age_years=None, canal_mm=None, egfr_ml_min=None)
    assert options(empty.suggestion()) >= {Option.SELF_MANAGEMENT, Option.EXERCISE}


def test_a_treatment_that_was_only_ordered_was_not_tried() -> None:
    ordered = tried(TreatmentKind.EXERCISE, 8, was_given=False)
    fired = patient(
        condition(Flag.RADICULOPATHY, 6), odi_percent=41, treatments=(ordered,)
    ).fired()
    assert not fired & {"exercise-tried", "surgical-opinion-care-long"}


def test_treatments_are_named_with_their_weeks() -> None:
    treatments = (tried(TreatmentKind.EXERCISE, 9), tried(TreatmentKind.NSAID, 2))
    found = patient(
        condition(Flag.RADICULOPATHY, 12), odi_percent=50, treatments=treatments
    ).suggestion()
    opinion = next(
        item for item in found.activities if item.option is Option.SURGICAL_OPINION
    )
    assert (
        "Conservative care for 6 weeks: exercise or physical therapy 9 weeks."
        in opinion.reasons
    )
