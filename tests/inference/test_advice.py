"""What the suggestion rests on and what is missing are found by asking again."""

from dataclasses import replace
from datetime import UTC, datetime

from inference.judgement.advice import is_known, missing, reconsidered, rests_on
from inference.judgement.judge import judge
from inference.judgement.questions import QUESTIONS
from inference.results import (
    Answer,
    CaseReport,
    ChartCondition,
    ClinicalFeatures,
    Entered,
    Flag,
    Option,
    TreatmentKind,
)
from inference.treatment.model import load_treatment_model
from tests.fhir_mappings.reports import FEATURES, REPORT

MODEL = load_treatment_model()
ENTERED = Entered(by="Practitioner/3", name=None, at=datetime(2026, 3, 31, tzinfo=UTC))
BARE = replace(
    FEATURES, pain_nrs=None, odi_percent=None, egfr_ml_min=None, conditions=()
)


def judged(features: ClinicalFeatures) -> CaseReport:
    judgement = judge(features, REPORT.levels, REPORT.gradings, MODEL)
    return replace(
        REPORT,
        features=features,
        suggestion=judgement.suggestion,
        treatment=judgement.treatment,
    )


def options(report: CaseReport) -> set[Option]:
    return {activity.option for activity in report.suggestion.activities}


def test_answers_change_the_judgement_and_nothing_that_was_measured() -> None:
    report = judged(BARE)
    answers = [
        Answer(question=name, value=value, entered=ENTERED)
        for name, value in {
            "is_radiculopathy": True,
            "leg_pain_weeks": 20.0,
            "leg_pain_nrs": 8.0,
            "back_pain_nrs": 2.0,
            "odi_percent": 50.0,
            "is_conservative_care_failed": True,
        }.items()
    ]
    again = reconsidered(report, BARE, answers, MODEL)
    assert Option.SURGICAL_OPINION in options(again) - options(report)
    assert again.answers == tuple(answers)
    assert again.outcomes
    assert report.treatment
    assert again.treatment
    assert report.treatment.refusals
    assert dict(again.treatment.used)["leg pain"] == "8 of 10"
    assert again.levels == report.levels
    assert reconsidered(again, BARE, [], MODEL) == replace(report, outcomes=())


def test_the_suggestion_rests_on_what_would_change_it() -> None:
    kidney = next(c for c in FEATURES.conditions if c.flag is Flag.KIDNEY_DISEASE)
    report = judged(replace(BARE, conditions=(kidney,)))
    assert rests_on(report) == {Flag.KIDNEY_DISEASE.value}


def test_a_fact_that_changes_nothing_is_not_rested_on() -> None:
    osteoporosis = ChartCondition(
        flag=Flag.OSTEOPOROSIS, label="Osteoporosis", source="Condition/9"
    )
    ruled_out = replace(BARE, conditions=(osteoporosis,), ruled_out=(Flag.PREGNANCY,))
    assert Flag.OSTEOPOROSIS.value not in rests_on(judged(ruled_out))


def test_missing_facts_say_what_they_could_change() -> None:
    found = {item.question.name: item.changes for item in missing(judged(BARE))}
    assert found["is_cauda_equina_symptoms"] == ("could call for the urgent route",)
    assert "could add referral to a pain specialist" not in found.get("eq5d_index", ())
    assert "higher_education" not in found


def test_what_is_known_is_not_missing() -> None:
    report = judged(FEATURES)
    names = {item.question.name for item in missing(report)}
    assert "odi_percent" not in names
    assert "is_kidney_disease" not in names
    untried = replace(BARE, untried=(TreatmentKind.NSAID,))
    assert is_known(untried, QUESTIONS["tried_nsaid"])
    assert not is_known(BARE, QUESTIONS["tried_nsaid"])


def test_with_a_red_flag_nothing_routine_could_be_added() -> None:
    cancer = ChartCondition(flag=Flag.MALIGNANCY, label="Cancer", source="Condition/9")
    report = judged(replace(FEATURES, conditions=(cancer,)))
    assert report.suggestion.red_flags
    changes = [change for item in missing(report) for change in item.changes]
    routine = {Option.EXERCISE, Option.ORAL_NSAID, Option.SURGICAL_OPINION}
    assert not [c for c in changes if any(option in c for option in routine)]


def test_what_the_treatment_model_needs_is_asked_but_not_beside_a_red_flag() -> None:
    needs = "the treatment model needs it"
    asked = {m.question.name for m in missing(judged(BARE)) if needs in m.changes}
    assert asked == {
        *("back_pain_nrs", "leg_pain_nrs", "odi_percent"),
        "is_conservative_care_failed",
    }
    cancer = ChartCondition(flag=Flag.MALIGNANCY, label="x", source="Condition/9")
    urgent = judged(replace(BARE, conditions=(cancer,)))
    assert not [m for m in missing(urgent) if needs in m.changes]
