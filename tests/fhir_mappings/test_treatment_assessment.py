"""A treatment estimate is written apart from the plan and never as an order."""

import json
from dataclasses import replace

import pytest

from fhir_mappings.bundle import report_resources
from fhir_mappings.errors import UnmappableReportError
from fhir_mappings.identifiers import full_url, key
from fhir_mappings.treatment_text import NO_ORDER, headline
from inference.results import Exclusion, Option, TherapySuggestion, TreatmentEstimate
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import CONTEXT, REPORT, TREATMENT, URGENT

MADE = report_resources(REPORT, CONTEXT)
(WRITTEN,) = [r for r in MADE if r.get("method", {}).get("text", "")[:9] == "treatment"]
SYNTHETIC = "Trained on a synthetic cohort."


def assessments(
    estimate: TreatmentEstimate, suggestion: TherapySuggestion = REPORT.suggestion
) -> list[Resource]:
    report = replace(REPORT, outcomes=(), treatment=estimate, suggestion=suggestion)
    made = report_resources(report, CONTEXT)
    return [item for item in made if item["resourceType"] == "RiskAssessment"]


def test_each_option_has_its_percentage_and_whether_it_is_in_the_set() -> None:
    said = [
        (item["outcome"]["text"], item["probabilityDecimal"], item["rationale"])
        for item in WRITTEN["prediction"]
    ]
    assert said == [
        (
            Option.EXERCISE,
            52,
            "In the set of options at 90 %; suggested by the guidelines. " + SYNTHETIC,
        ),
        (Option.SURGICAL_OPINION, 30, f"In the set of options at 90 %. {SYNTHETIC}"),
        (
            Option.COMBINED_PROGRAM,
            12,
            f"Not in the set of options at 90 %. {SYNTHETIC}",
        ),
        (Option.PAIN_SPECIALIST, 5, f"Not in the set of options at 90 %. {SYNTHETIC}"),
    ]


def test_an_option_that_the_guidelines_leave_out_says_so() -> None:
    left_out = Exclusion(option=Option.SURGICAL_OPINION, reason="Axial pain alone.")
    suggestion = replace(REPORT.suggestion, exclusions=(left_out,))
    (made,) = assessments(TREATMENT, suggestion)
    assert made["prediction"][1]["rationale"].startswith(
        "In the set of options at 90 %; left out by the guidelines. "
    )


def test_what_it_was_trained_on_and_that_it_is_no_order_stand_in_notes_and_text() -> (
    None
):
    notes = [note["text"] for note in WRITTEN["note"]]
    for words in (SYNTHETIC, NO_ORDER, headline(TREATMENT)):
        assert words in notes
        assert words in WRITTEN["text"]["div"]
    assert headline(TREATMENT) == (
        "No single suggestion: at 90 % it could be exercise therapy or referral for a "
        "surgical opinion."
    )


def test_one_option_in_the_set_is_a_single_suggestion() -> None:
    one = replace(TREATMENT, conformal_set=(Option.EXERCISE,))
    assert headline(one) == "One option is left at 90 %: exercise therapy."


def test_missing_inputs_are_written_with_what_they_could_change() -> None:
    notes = [note["text"] for note in WRITTEN["note"]]
    assert notes[-1] == (
        "Not known, and not filled in: leg pain (exercise therapy 31 % to 60 %; could "
        "make referral for a surgical opinion the most probable)."
    )


def test_it_rests_on_the_chart_and_the_images_and_its_device_made_it() -> None:
    assert [item["reference"] for item in WRITTEN["basis"]] == [
        *("Observation/22", CONTEXT.imaging_study)
    ]
    device = next(r for r in MADE if r.get("modelNumber") == "treatment-trees")
    assert WRITTEN["performer"]["reference"] == full_url(device)


def test_the_plan_knows_nothing_of_it() -> None:
    plan = next(r for r in MADE if r["resourceType"] == "CarePlan")
    without = report_resources(replace(REPORT, treatment=None), CONTEXT)
    assert plan == next(r for r in without if r["resourceType"] == "CarePlan")
    assert "treatment-trees" not in json.dumps(plan)


def test_a_refusal_is_not_written_nor_is_its_device() -> None:
    refused = TreatmentEstimate(
        trained_on="x", refusals=("too little",), model=TREATMENT.model
    )
    assert assessments(refused) == []
    made = report_resources(replace(REPORT, treatment=refused), CONTEXT)
    assert not [r for r in made if r.get("modelNumber") == "treatment-trees"]


def test_a_report_that_shows_one_beside_a_red_flag_is_refused() -> None:
    mixed = replace(REPORT, suggestion=URGENT, outcomes=())
    with pytest.raises(UnmappableReportError, match="beside red flags"):
        report_resources(mixed, CONTEXT)


def test_another_estimate_is_another_assessment() -> None:
    (other,) = assessments(replace(TREATMENT, reasons=()))
    assert key(other) != key(WRITTEN)
