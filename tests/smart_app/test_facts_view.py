"""The page says where each fact is from, what rests on it, and what is missing."""

from dataclasses import replace
from datetime import UTC, date, datetime

from inference.judgement.advice import reconsidered
from inference.results import (
    Answer,
    ChartCondition,
    ClinicalFeatures,
    ClinicalValue,
    Entered,
    Flag,
    OutdatedValue,
    Smoking,
    SmokingStatus,
    Treatment,
    TreatmentKind,
)
from inference.treatment.model import load_treatment_model
from smart_app.cases.store import Case
from smart_app.pages.facts_view import FactRow, FactsView, QuestionRow, facts_view
from tests.fhir_mappings.reports import FEATURES
from tests.smart_app.reports import REPORT
from tests.smart_app.test_identity import CHART as ADA

EMPTY = ClinicalFeatures()
ENTERED = Entered(
    by="Practitioner/3", name="Dr. Ruiz", at=datetime(2026, 3, 31, 9, 5, tzinfo=UTC)
)


def view(chart: ClinicalFeatures, **answers: float | str) -> FactsView:
    typed = [
        Answer(question=name, value=value, entered=ENTERED)
        for name, value in answers.items()
    ]
    case = Case(
        report=reconsidered(REPORT, chart, typed, load_treatment_model()),
        chart=chart,
        identity=ADA,
        imaging_study="ImagingStudy/1",
    )
    return facts_view(case, is_asked=True, form={}, problems={})


def row(found: FactsView, label: str) -> FactRow:
    return next(item for item in found.rows if item.label == label)


def question(found: FactsView, name: str) -> QuestionRow:
    rows = (item for group in found.groups for item in group.rows)
    return next(item for item in rows if item.question.name == name)


def test_nothing_known_is_said_to_be_unknown() -> None:
    found = view(EMPTY)
    assert found.rows == ()
    assert "Estimated GFR" in found.unknown
    assert question(found, "is_night_pain").changes == (
        "could call for the urgent route",
    )


def test_a_fact_says_where_it_is_from_and_whether_the_suggestion_rests_on_it() -> None:
    found = view(FEATURES)
    kidney = row(found, "Chronic kidney disease, stage 3 or worse")
    assert kidney.words == "yes: CKD stage 3"
    assert kidney.origin == "Condition/32, undated"
    assert found.rows[0].is_used
    assert not row(found, "Sex").is_used
    assert question(found, "odi_percent").chart == (
        "Known: 44 % (Observation/22, undated)."
    )


def test_a_typed_fact_says_who_typed_it_in_and_when() -> None:
    found = view(EMPTY, leg_pain_nrs=8.0, is_pacemaker=False, tried_nsaid=0.0)
    origins = {item.label: (item.words, item.origin) for item in found.rows}
    who = "typed in by Dr. Ruiz, 2026-03-31 09:05 UTC"
    assert origins == {
        "Leg pain": ("8 of 10", who),
        "Cardiac pacemaker": ("no", who),
        "Non-steroidal anti-inflammatory drug": ("not tried", who),
    }
    assert found.typed == 3
    assert question(found, "leg_pain_nrs").value == "8"
    assert question(found, "is_pacemaker").value == "no"


def test_what_was_said_before_is_told_from_what_is_typed_now() -> None:
    chart = replace(
        EMPTY, ruled_out=(Flag.PACEMAKER,), untried=(TreatmentKind.EXERCISE,)
    )
    found = view(chart)
    assert {item.origin for item in found.rows} == {"said at an earlier visit"}
    assert question(found, "is_pacemaker").chart == "Said before: no."
    assert question(found, "tried_exercise").chart == "Known already."


def test_an_old_value_is_shown_with_its_day_and_as_not_used() -> None:
    value = ClinicalValue(value=7, recorded_on=date(2020, 1, 2), source="Observation/1")
    old = OutdatedValue(field="pain_nrs", value=value, limit_days=90)
    (found,) = view(replace(EMPTY, outdated=(old,))).outdated
    assert found.words == "7 of 10: older than 90 days, or undated"
    assert found.origin == "Observation/1, 2020-01-02"


def test_a_derived_value_says_how() -> None:
    value = ClinicalValue(
        value=24.1712, recorded_on=None, source="Observation/2", method="from height"
    )
    found = row(view(replace(EMPTY, bmi_kg_m2=value)), "Body mass index")
    assert (found.words, found.origin) == (
        *("24.17 kg/m²", "Observation/2, undated, from height"),
    )


def test_treatments_and_durations_are_told() -> None:
    ordered = Treatment(
        kind=TreatmentKind.NSAID,
        label="Ibuprofen",
        source="MedicationRequest/1",
        was_given=False,
    )
    given = Treatment(
        kind=TreatmentKind.EXERCISE, label="PT", source="Procedure/1", weeks=10
    )
    sciatica = ChartCondition(
        flag=Flag.RADICULOPATHY,
        label="Sciatica",
        source="Condition/1",
        duration_weeks=20,
    )
    chart = replace(EMPTY, treatments=(ordered, given), conditions=(sciatica,))
    words = {item.label: item.words for item in view(chart).rows}
    assert words == {
        "Ordered, perhaps not taken: non-steroidal anti-inflammatory drug": (
            "Ibuprofen, duration not known"
        ),
        "Tried: exercise or physical therapy": "PT, 10 weeks",
        "Lumbar radiculopathy or sciatica": "yes: Sciatica, 20 weeks",
    }


def test_tobacco_says_where_it_is_from_where_that_is_known() -> None:
    status = SmokingStatus(status=Smoking.FORMER, source="Observation/3")
    known = replace(EMPTY, smoking_status="Ex", smoking=status)
    assert row(view(known), "Tobacco").origin == "Observation/3, undated"
    own = replace(EMPTY, smoking_status="Ex")
    assert row(view(own), "Tobacco").origin == "chart, in words of its own"
    assert question(view(EMPTY, smoking="never smoked"), "smoking").value == (
        "never smoked"
    )


def test_the_effect_of_the_answers_is_told() -> None:
    assert view(EMPTY).effect == ()
    urgent = view(EMPTY, is_cauda_equina_symptoms=True)
    assert "added emergency review" in urgent.effect
    assert "removed exercise therapy" in urgent.effect


def test_a_form_that_was_not_kept_is_shown_as_it_was_sent() -> None:
    case = Case(report=REPORT, chart=EMPTY, identity=ADA, imaging_study="x")
    form = {"leg_pain_nrs": "11"}
    found = facts_view(
        case, is_asked=True, form=form, problems={"leg_pain_nrs": "Too much."}
    )
    assert found.has_problems
    shown = question(found, "leg_pain_nrs")
    assert (shown.value, shown.problem) == ("11", "Too much.")
    assert question(found, "odi_percent").value == ""
