"""The plan says what is suggested, why, and what is not; red flags come first."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import replace

import pytest

from fhir_mappings.bundle import report_resources
from fhir_mappings.errors import UnmappableReportError
from fhir_mappings.identifiers import full_url, key
from inference.results import NEVER_SUGGESTED, Activity, CaseReport, Flag, Option
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import CONTEXT, REPORT, SUGGESTION, URGENT, of_type

RED = replace(REPORT, suggestion=URGENT, outcomes=(), treatment=None)


def plan_of(resources: Iterable[Resource]) -> Resource:
    (found,) = of_type(resources, "CarePlan")
    return found


def plan(report: CaseReport = REPORT) -> Resource:
    return plan_of(report_resources(report, CONTEXT))


def with_option(option: Option) -> CaseReport:
    activity = Activity(option=option, reasons=("Why.",), guideline="NICE NG59")
    return replace(REPORT, suggestion=replace(SUGGESTION, activities=(activity,)))


def test_a_signed_plan_is_active_and_authored_by_the_signer() -> None:
    found = plan()
    assert (found["status"], found["intent"]) == ("active", "plan")
    assert found["author"]["reference"] == "Practitioner/3"
    devices = report_resources(REPORT, CONTEXT)[:2]
    assert found["contributor"] == [{"reference": full_url(d)} for d in devices]
    assert found["meta"]["security"][0]["code"] == "AIAST"


def test_an_activity_has_its_code_reasons_and_guideline() -> None:
    detail = plan()["activity"][1]["detail"]
    assert detail["code"]["coding"][0]["code"] == "229065009"
    assert detail["code"]["text"] == "exercise therapy"
    assert [reason["text"] for reason in detail["reasonCode"]] == [
        "Pain is 7 of 10.",
        "Disability is 44 % (> 40 %).",
    ]
    strength = "strength: NICE NG59: consider"
    assert detail["description"] == f"Exercise therapy (NICE NG59 1.2.2; {strength})"
    assert detail["status"] == "not-started"


@pytest.mark.parametrize("option", [o for o in Option if o not in NEVER_SUGGESTED])
def test_every_option_can_be_written(option: Option) -> None:
    detail = plan(with_option(option))["activity"][0]["detail"]
    assert detail["code"]["text"] == option.value


def test_a_drug_is_no_service() -> None:
    detail = plan(with_option(Option.ORAL_NSAID))["activity"][0]["detail"]
    assert detail["kind"] == "MedicationRequest"
    assert "coding" not in detail["code"]


def test_the_plan_addresses_pain_and_is_supported_by_what_limits_it() -> None:
    found = plan()
    assert found["addresses"] == [{"reference": "Condition/31"}]
    supporting = [item["reference"] for item in found["supportingInfo"]]
    assert supporting[:4] == [
        "Condition/32",
        "Observation/21",
        "Observation/22",
        "Observation/23",
    ]
    assert len(supporting) == 4 + 6 + 1  # six places with findings, and the report


def test_notes_say_what_was_left_out_and_what_is_not_known() -> None:
    notes = [note["text"] for note in plan()["note"]]
    assert notes[0].startswith("AI-generated, reviewed by Dr. Ana")
    drug = "oral non-steroidal anti-inflammatory drug"
    assert notes[1:] == [
        f"Left out: {drug}: eGFR is 48 mL/min, below 60. (NHSGGC, renal impairment)",
        "Not known: Duration of the symptoms is not recorded.",
        "Guidelines disagree: NICE and ACP disagree on duloxetine.",
        "About the images: The lowest disc may be transitional.",
        "2 entries of the chart could not be read.",
        "The server sent only a part of the chart.",
    ]


def test_red_flags_come_first_and_only_the_urgent_step_follows() -> None:
    found = plan(RED)
    flags = "Red flags: Cauda equina syndrome is on the problem list."
    assert found["title"] == "Low back pain: red flags, urgent review"
    assert found["note"][0]["text"] == flags
    paragraphs = [p.text for p in ET.fromstring(found["text"]["div"])]  # noqa: S314 - ours
    assert paragraphs[1] == flags
    codes = [step["detail"]["code"]["text"] for step in found["activity"]]
    assert codes == ["emergency review"]


def test_routine_steps_beside_red_flags_are_refused() -> None:
    mixed = replace(URGENT, activities=(*URGENT.activities, *SUGGESTION.activities))
    with pytest.raises(UnmappableReportError, match="routine steps beside red flags"):
        plan(replace(RED, suggestion=mixed))


def test_no_suggestion_is_said_in_words() -> None:
    found = plan(replace(REPORT, suggestion=replace(SUGGESTION, activities=())))
    assert "activity" not in found
    assert "No step is suggested." in found["text"]["div"]
    assert found["description"] == "Rule table 1."


def test_red_flag_conditions_are_addressed() -> None:
    cancer = replace(REPORT.features.conditions[0], flag=Flag.MALIGNANCY)
    features = replace(REPORT.features, conditions=(cancer,))
    assert plan(replace(REPORT, features=features))["addresses"]


def test_names_cannot_bring_markup_into_the_narrative() -> None:
    div = ET.fromstring(plan()["text"]["div"])  # noqa: S314 - ours
    assert {element.tag.split("}")[1] for element in div.iter()} == {"div", "p", "b"}
    assert "Dr. Ana <Ruiz> & Co" in "".join(div.itertext())


def test_other_advice_is_another_plan_and_the_same_advice_the_same() -> None:
    later = replace(CONTEXT, signed_at=CONTEXT.signed_at.replace(hour=1))
    again = plan_of(report_resources(REPORT, later))
    assert key(again) == key(plan())
    assert key(plan(RED)) != key(plan())


def test_a_complete_chart_and_no_visit_need_no_words() -> None:
    features = replace(REPORT.features, unreadable=0, is_complete=True)
    context = replace(CONTEXT, encounter=None)
    found = plan_of(report_resources(replace(REPORT, features=features), context))
    assert "encounter" not in found
    assert "chart" not in json.dumps(found["note"])
