"""A predicted outcome is written apart from the plan, in percent, with its limits."""

from dataclasses import replace

import pytest

from fhir_mappings.bundle import report_resources
from fhir_mappings.identifiers import full_url, key
from fhir_mappings.outcome_text import NO_ADVICE, average_value, estimate_value
from inference.results import OutcomePrediction, SurgicalOutcome
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import (
    CONTEXT,
    OUTCOMES,
    REPORT,
    estimate,
    outcome,
)


def risks(*outcomes: OutcomePrediction) -> list[Resource]:
    report = replace(REPORT, outcomes=outcomes, treatment=None)
    made = report_resources(report, CONTEXT)
    return [item for item in made if item["resourceType"] == "RiskAssessment"]


SATISFIED, PAIN, STAY = risks(*OUTCOMES)


def test_a_known_probability_is_written_in_percent() -> None:
    assert SATISFIED["prediction"] == [
        {
            "outcome": {"text": "satisfied"},
            "probabilityDecimal": 72,
            "rationale": (
                "17,645 patients who were operated for lumbar spinal stenosis. No "
                "standard errors were published."
            ),
        }
    ]
    assert SATISFIED["status"] == "final"
    assert SATISFIED["meta"]["security"][0]["code"] == "AIAST"
    assert SATISFIED["method"]["text"] == "registry 1.0.0"


def test_a_range_is_written_as_a_range_of_percentages() -> None:
    found = [item["probabilityRange"] for item in PAIN["prediction"]]
    ends = [(r["low"]["value"], r["high"]["value"]) for r in found]
    assert ends == [(21, 36), (0, 5)]
    assert found[0]["low"]["code"] == "%"


def test_days_in_hospital_are_words() -> None:
    (found,) = STAY["prediction"]
    text = "days in hospital: 2.1 days (0.0 to 12.0 days)"
    assert found["outcome"]["text"] == text
    assert not any(name.startswith("probability") for name in found)


def test_it_says_what_it_rests_on_and_what_is_missing() -> None:
    assert SATISFIED["basis"] == [{"reference": "Observation/22"}]
    assert "basis" not in STAY
    notes = [note["text"] for note in PAIN["note"]]
    assert notes[0].startswith("AI-generated, reviewed by Dr. Ana")
    assert notes[1:] == [
        NO_ADVICE,
        "The range is over everything that the missing inputs could be.",
        "Not known: back pain, 0 to 10; unemployed.",
        "From: Oswestry disability index 44 %.",
    ]


def test_a_caution_is_written_too() -> None:
    careful = outcome(
        SurgicalOutcome.SATISFACTION, estimate("satisfied", 0.5), caution="Not so fast."
    )
    (found,) = risks(careful)
    assert "Not so fast." in [note["text"] for note in found["note"]]
    assert "Not so fast." in found["text"]["div"]


def test_the_performer_is_the_device_of_the_registry_which_planned_nothing() -> None:
    made = report_resources(REPORT, CONTEXT)
    registry = next(r for r in made if r.get("modelNumber") == "registry")
    assert SATISFIED["performer"]["reference"] == full_url(registry)
    plan = next(r for r in made if r["resourceType"] == "CarePlan")
    assert full_url(registry) not in [c["reference"] for c in plan["contributor"]]
    assert not any(
        full_url(risk) in [s["reference"] for s in plan["supportingInfo"]]
        for risk in (SATISFIED, PAIN, STAY)
    )


def test_what_lies_outside_of_the_model_is_not_written_nor_is_its_device() -> None:
    outside = outcome(SurgicalOutcome.SATISFACTION, outside=("age: 20 years",))
    report = replace(REPORT, outcomes=(outside,), treatment=None)
    made = report_resources(report, CONTEXT)
    assert not [r for r in made if r["resourceType"] == "RiskAssessment"]
    assert not [r for r in made if r.get("modelNumber") == "registry"]


def test_a_server_that_does_not_take_them_gets_all_else() -> None:
    context = replace(CONTEXT, takes=CONTEXT.takes - {"RiskAssessment"})
    made = report_resources(REPORT, context)
    bare = replace(REPORT, outcomes=(), treatment=None)
    without = report_resources(bare, CONTEXT)
    assert [*map(key, made)] == [*map(key, without)]


def test_without_a_visit_it_names_none() -> None:
    assert SATISFIED["encounter"]["reference"] == "Encounter/5"
    made = report_resources(REPORT, replace(CONTEXT, encounter=None))
    assert not any("encounter" in item for item in made)


def test_other_inputs_are_another_assessment() -> None:
    other = outcome(
        SurgicalOutcome.SATISFACTION,
        estimate("satisfied", 0.7249),
        used=(("Oswestry disability index", "45 %"),),
    )
    assert key(risks(other)[0]) != key(SATISFIED)


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (0.7249, None, None, "72 %"),
        (None, 0.004, 0.996, "0 to 100 %"),
        (None, None, None, "not known"),
    ],
)
def test_numbers_are_said_as_they_are_written(
    value: float | None, low: float | None, high: float | None, words: str
) -> None:
    item = estimate("satisfied", value, low, high)
    assert estimate_value(item, OUTCOMES[0]) == words


def test_the_average_patient_is_said_where_the_registry_gives_one() -> None:
    satisfied, _, stay = OUTCOMES
    assert average_value(satisfied.estimates[0], satisfied) == "50 %"
    assert average_value(stay.estimates[0], stay) == "0.5 days"
    unknown = replace(satisfied.estimates[0], average=None)
    assert average_value(unknown, satisfied) == ""
