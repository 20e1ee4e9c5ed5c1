"""What a clinician typed in is written as theirs and read back at the next launch."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Final

import pytest

from fhir_mappings.answers import answer_observations
from fhir_mappings.bundle import key, report_resources
from fhir_mappings.gather import clinical_features
from inference.judgement.questions import QUESTIONS, with_answers
from inference.results import (
    Answer,
    ClinicalFeatures,
    ClinicalValue,
    Entered,
    Flag,
    Smoking,
    TreatmentKind,
)
from tests.fhir_mappings.charts import PATIENT, Resource, quantity
from tests.fhir_mappings.reports import ANSWERS, CONTEXT, REPORT, of_type

TODAY: Final = date(2026, 4, 30)
NOTHING: Final = clinical_features(PATIENT, [], today=TODAY)
TYPED: Final = replace(REPORT, answers=ANSWERS)


def written(answer: str, value: float | str) -> Resource:
    """Return the Observation of one answer, with the id that a server gives it."""
    entered = Entered(
        by="Practitioner/3", name="Dr. Ruiz", at=datetime(2026, 3, 31, 9, 5, tzinfo=UTC)
    )
    answers = (Answer(question=answer, value=value, entered=entered),)
    (found,) = answer_observations(replace(REPORT, answers=answers), CONTEXT)
    return {**found, "id": "71"}


def read(*resources: Resource, today: date = TODAY) -> ClinicalFeatures:
    return clinical_features(PATIENT, resources, today=today)


def test_an_answer_is_an_observation_of_the_clinician_and_of_nobody_else() -> None:
    found = written("leg_pain_nrs", 8.0)
    assert found["status"] == "final"
    assert found["performer"] == [
        {"reference": "Practitioner/3", "display": "Dr. Ruiz"}
    ]
    assert found["category"][0]["coding"][0]["code"] == "survey"
    assert found["effectiveDateTime"] == "2026-03-31T09:05:00Z"
    assert found["issued"] == CONTEXT.signed_instant
    assert found["valueQuantity"]["value"] == 8
    assert found["bodySite"]["coding"][0]["code"] == "61685007"
    assert found["encounter"] == {"reference": "Encounter/5"}
    assert "security" not in found["meta"]
    assert not {"device", "derivedFrom", "method"} & found.keys()
    assert "AI" not in str(found)
    assert found["note"] == [
        {"text": "Typed in by Dr. Ruiz at 2026-03-31T09:05:00+00:00."}
    ]
    assert "Leg pain, 0 to 10: 8 {score}" in found["text"]["div"]


def test_an_answer_outside_of_a_visit_by_somebody_without_a_name() -> None:
    entered = Entered(by="Practitioner/3", name=None, at=CONTEXT.signed_at)
    answers = (Answer(question="odi_percent", value=44.0, entered=entered),)
    context = replace(CONTEXT, encounter=None)
    (found,) = answer_observations(replace(REPORT, answers=answers), context)
    assert "encounter" not in found
    assert found["performer"] == [{"reference": "Practitioner/3"}]
    assert "Typed in by Practitioner/3" in found["note"][0]["text"]


def test_every_question_can_be_answered_written_and_told_apart() -> None:
    found = answer_observations(TYPED, CONTEXT)
    assert {answer.question for answer in ANSWERS} == set(QUESTIONS)
    assert len({key(resource) for resource in found}) == len(QUESTIONS)
    codes = [(r["code"]["coding"][0]["code"], str(r.get("bodySite"))) for r in found]
    assert len(set(codes)) == len(QUESTIONS)


def test_what_was_written_is_read_back_as_it_was_typed_in() -> None:
    resources = [
        {**resource, "id": str(number)}
        for number, resource in enumerate(answer_observations(TYPED, CONTEXT))
    ]
    found, typed = read(*resources), with_answers(NOTHING, ANSWERS)
    assert found.unreadable == 0
    for item in fields(ClinicalFeatures):
        one, other = getattr(found, item.name), getattr(typed, item.name)
        if isinstance(other, ClinicalValue):
            passed = 4 if item.name.endswith("_weeks") else 0  # weeks since then
            assert one.value == other.value + passed, item.name
    assert {c.flag for c in found.conditions} == {c.flag for c in typed.conditions}
    assert set(found.ruled_out) == set(typed.ruled_out)
    assert {(t.kind, t.weeks) for t in found.treatments} == {
        (t.kind, t.weeks) for t in typed.treatments
    }
    assert found.smoking
    assert typed.smoking
    assert found.smoking.status == typed.smoking.status


@pytest.mark.parametrize("status", list(Smoking))
def test_each_answer_about_tobacco_is_understood(status: Smoking) -> None:
    resource = written("smoking", status.value)
    assert [c["coding"][0]["code"] for c in resource["category"]] == [
        *("survey", "social-history")
    ]
    found = read(resource)
    assert found.smoking
    assert found.smoking.status is status


def test_an_answer_is_asked_again_after_90_days_unless_it_stays_true() -> None:
    later = date(2026, 7, 1)
    old = [
        written("is_night_pain", value=True),
        {**written("is_spine_surgery", value=True), "id": "72"},
        {**written("tried_exercise", 8.0), "id": "73"},
        {**written("leg_pain_nrs", 8.0), "id": "74"},
    ]
    features = read(*old, today=later)
    assert [item.flag for item in features.conditions] == [Flag.SPINE_SURGERY]
    assert features.treatments == ()
    assert [item.field for item in features.outdated] == ["leg_pain_nrs"]


def test_the_newest_answer_to_a_question_counts() -> None:
    yes = written("is_night_pain", value=True)
    no = written("is_night_pain", value=False) | {
        "id": "72",
        "effectiveDateTime": "2026-04-02",
    }
    assert read(yes, no).has(Flag.NIGHT_PAIN) is False
    assert read(yes).has(Flag.NIGHT_PAIN) is True


@pytest.mark.parametrize(
    "silent",
    [
        written("is_night_pain", value=True) | {"effectiveDateTime": "2026-05-02"},
        written("tried_exercise", 8.0) | {"valueQuantity": quantity(8, "d")},
        {
            **{
                k: v
                for k, v in written("is_night_pain", value=True).items()
                if k != "valueBoolean"
            },
            "valueString": "yes",
        },
    ],
)
def test_a_changed_answer_says_nothing(silent: Resource) -> None:
    features = read(silent)
    assert (features.conditions, features.treatments) == ((), ())


def test_a_duration_without_a_date_is_counted() -> None:
    resource = written("back_pain_weeks", 30.0)
    del resource["effectiveDateTime"], resource["issued"]
    assert read(resource).unreadable == 1


def test_the_plan_rests_on_what_was_typed_in_and_the_algorithm_did_not_make_it() -> (
    None
):
    resources = report_resources(TYPED, CONTEXT)
    plain = report_resources(REPORT, CONTEXT)
    assert len(resources) == len(plain) + len(ANSWERS)
    (plan,), (bare,) = of_type(resources, "CarePlan"), of_type(plain, "CarePlan")
    assert len(plan["supportingInfo"]) == len(bare["supportingInfo"]) + len(ANSWERS)
    origins = *of_type(resources, "Provenance"), *of_type(plain, "Provenance")
    assert len({len(origin["target"]) for origin in origins}) == 1


def test_treatments_that_were_tried_are_named_in_the_plan_by_their_resource() -> None:
    typed = with_answers(REPORT.features, ANSWERS)
    assert typed.weeks_tried(TreatmentKind.EXERCISE) == 8
    made = report_resources(replace(TYPED, features=typed), CONTEXT)
    (plan,) = of_type(made, "CarePlan")
    references = [item["reference"] for item in plan["supportingInfo"]]
    assert "" not in references
    assert len(references) == len(set(references))
