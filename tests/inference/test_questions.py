"""What a clinician types in joins what the chart says, and never hides a danger."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from inference.judgement.questions import (
    QUESTIONS,
    FlagQuestion,
    NumberQuestion,
    with_answers,
)
from inference.results import (
    Answer,
    ChartCondition,
    ClinicalFeatures,
    ClinicalValue,
    Entered,
    Flag,
    OutdatedValue,
    Smoking,
    Treatment,
    TreatmentKind,
)

ENTERED = Entered(
    by="Practitioner/3", name="Dr. Ruiz", at=datetime(2026, 3, 31, 9, tzinfo=UTC)
)
CHARTED = ClinicalValue(value=3, recorded_on=date(2026, 1, 1), source="Observation/1")
SCIATICA = ChartCondition(
    flag=Flag.RADICULOPATHY, label="Sciatica", source="Condition/3", duration_weeks=2
)
CHART = ClinicalFeatures(
    age_years=50,
    sex="female",
    conditions=(SCIATICA,),
    leg_pain_nrs=CHARTED,
)


def known(question: str, value: float | str) -> ClinicalFeatures:
    answer = Answer(question=question, value=value, entered=ENTERED)
    return with_answers(CHART, [answer])


def test_a_number_takes_the_place_of_the_charts_and_says_who_typed_it() -> None:
    found = known("leg_pain_nrs", 8.0).leg_pain_nrs
    assert found == ClinicalValue(
        value=8, recorded_on=date(2026, 3, 31), source="", entered=ENTERED
    )
    assert CHART.leg_pain_nrs == CHARTED


def test_a_new_number_takes_the_place_of_one_that_is_too_old() -> None:
    old = OutdatedValue(field="odi_percent", value=CHARTED, limit_days=90)
    other = OutdatedValue(field="pain_nrs", value=CHARTED, limit_days=90)
    chart = replace(CHART, outdated=(old, other))
    answer = Answer(question="odi_percent", value=44.0, entered=ENTERED)
    assert with_answers(chart, [answer]).outdated == (other,)


def test_yes_adds_a_flag_and_no_rules_it_out() -> None:
    yes = known("is_pacemaker", value=True)
    assert yes.has(Flag.PACEMAKER) is True
    assert yes.conditions[-1].entered == ENTERED
    no = known("is_pacemaker", value=False)
    assert no.has(Flag.PACEMAKER) is False
    assert CHART.has(Flag.PACEMAKER) is None


def test_no_never_hides_what_the_chart_records() -> None:
    denied = known("is_radiculopathy", value=False)
    assert denied.conditions == (SCIATICA,)
    assert denied.has(Flag.RADICULOPATHY) is True


def test_yes_outdoes_an_earlier_no() -> None:
    chart = replace(CHART, ruled_out=(Flag.PACEMAKER, Flag.PREGNANCY))
    answer = Answer(question="is_pacemaker", value=True, entered=ENTERED)
    found = with_answers(chart, [answer])
    assert found.has(Flag.PACEMAKER) is True
    assert found.ruled_out == (Flag.PREGNANCY,)


def test_a_typed_duration_is_that_of_the_conditions_of_its_kind() -> None:
    (found,) = known("leg_pain_weeks", 20.0).conditions
    assert found.duration_weeks == 20
    (unchanged,) = known("back_pain_weeks", 20.0).conditions
    assert unchanged.duration_weeks == 2


def test_a_treatment_takes_the_place_of_the_charts() -> None:
    charted = Treatment(
        kind=TreatmentKind.EXERCISE, label="PT", source="Procedure/1", weeks=2
    )
    chart = replace(CHART, treatments=(charted,))
    ten = Answer(question="tried_exercise", value=10.0, entered=ENTERED)
    found = with_answers(chart, [ten])
    assert found.weeks_tried(TreatmentKind.EXERCISE) == 10
    assert len(found.treatments) == 1
    none = replace(ten, value=0.0)
    assert with_answers(chart, [none]).weeks_tried(TreatmentKind.EXERCISE) == 0
    assert with_answers(chart, [none, ten]).untried == ()


@pytest.mark.parametrize("status", list(Smoking))
def test_tobacco_is_one_of_three(status: Smoking) -> None:
    found = known("smoking", status.value)
    assert found.smoking
    assert (found.smoking.status, found.smoking.entered) == (status, ENTERED)
    assert found.smoking_status == status.value


def test_every_red_flag_that_a_person_can_tell_is_asked() -> None:
    asked = {q.flag for q in QUESTIONS.values() if isinstance(q, FlagQuestion)}
    assert asked >= {
        *(Flag.CAUDA_EQUINA_SYMPTOMS, Flag.MOTOR_DEFICIT, Flag.NIGHT_PAIN),
        *(Flag.SPINAL_INFECTION, Flag.RECENT_TRAUMA, Flag.MALIGNANCY),
    }


def test_every_number_has_a_field_and_a_range() -> None:
    for question in QUESTIONS.values():
        if isinstance(question, NumberQuestion):
            assert question.lowest < question.highest
            assert hasattr(CHART, question.name)
