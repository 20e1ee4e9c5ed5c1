"""The plan says what is suggested, why, and what is not; red flags come first."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import replace

import pytest

from fhir_mappings.bundle import report_resources
from fhir_mappings.errors import UnmappableReportError
from fhir_mappings.identifiers import full_url, key
from fhir_mappings.plan_steps import citations
from inference.guidelines import TABLE
from inference.results import NEVER_SUGGESTED, Activity, CaseReport, Flag, Option
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import CONTEXT, REPORT, SUGGESTION, URGENT, of_type

#: Steps as details of the plan, for a server that takes no ServiceRequests.
DETAILED = replace(CONTEXT, takes=CONTEXT.takes - {"ServiceRequest"})
RED = replace(REPORT, suggestion=URGENT, outcomes=(), treatment=None)


def plan_of(resources: Iterable[Resource]) -> Resource:
    (found,) = of_type(resources, "CarePlan")
    return found


def plan(report: CaseReport = REPORT) -> Resource:
    return plan_of(report_resources(report, DETAILED))


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
    assert detail["description"] == (
        f"Exercise therapy (NICE NG59 1.2.2; {strength}). Physical therapist, by "
        "2026-04-28."
    )
    assert detail["status"] == "not-started"


def test_the_coordinator_reads_who_does_what_by_when_and_what_for() -> None:
    *steps, review = [step["detail"] for step in plan()["activity"]]
    owners = [
        (step["performer"][0]["display"], step["scheduledPeriod"]) for step in steps
    ]
    day = "2026-03-31"  # of the signature, where it was signed
    assert owners == [
        ("Treating clinician", {"start": day, "end": "2026-04-07"}),
        ("Physical therapist", {"start": day, "end": "2026-04-28"}),
    ]
    assert review["code"]["text"] == "review of this plan"
    assert review["scheduledPeriod"]["start"] == "2026-06-23"
    aims = [goal["display"] for goal in plan()["goal"]]
    assert all([goal["display"] for goal in s["goal"]] == aims for s in steps)
    div = plan()["text"]["div"]
    assert "Physical therapist, by 2026-04-28." in div
    assert all(f"{aim}." in div for aim in aims)


def test_the_guideline_of_a_step_is_cited_by_its_address() -> None:
    rules = ("self-management",)
    step = replace(SUGGESTION.activities[0], rules=rules)
    report = replace(REPORT, suggestion=replace(SUGGESTION, activities=(step,)))
    assert plan(report)["activity"][0]["detail"]["instantiatesUri"] == [
        "https://www.nice.org.uk/guidance/ng59/chapter/Recommendations",
        "https://www.ncbi.nlm.nih.gov/books/NBK599210/",
    ]


def test_every_rule_that_suggests_cites_somebody() -> None:
    for option in Option:
        rules = [r for r in TABLE.rules if r.option is option]
        named = tuple(rule.id for rule in rules)
        if option not in NEVER_SUGGESTED:
            activity = Activity(option=option, reasons=(), guideline="", rules=named)
            assert all(url.startswith("https://") for url in citations(activity))
            assert citations(activity)


def test_a_server_that_takes_service_requests_gets_the_steps_as_such() -> None:
    made = report_resources(REPORT, CONTEXT)
    requests = of_type(made, "ServiceRequest")
    assert [request["code"]["text"] for request in requests] == [
        "self-management education",
        "exercise therapy",
    ]
    exercise = requests[1]
    assert (exercise["status"], exercise["intent"]) == ("active", "plan")
    assert exercise["performerType"] == {"text": "Physical therapist"}
    assert exercise["occurrencePeriod"]["end"] == "2026-04-28"
    assert exercise["requester"]["reference"] == "Practitioner/3"
    assert exercise["reasonReference"] == [{"reference": "Condition/31"}]
    steps = [step for step in plan_of(made)["activity"] if "reference" in step]
    referred = [step["reference"]["reference"] for step in steps]
    assert referred == [*map(full_url, requests)]


def test_a_drug_stays_a_detail_where_services_are_requests() -> None:
    made = report_resources(with_option(Option.ORAL_NSAID), CONTEXT)
    assert not of_type(made, "ServiceRequest")
    assert plan_of(made)["activity"][0]["detail"]["kind"] == "MedicationRequest"


def test_an_urgent_step_is_for_today_and_has_the_highest_priority() -> None:
    (request,) = of_type(report_resources(RED, CONTEXT), "ServiceRequest")
    assert request["priority"] == "stat"
    assert request["occurrencePeriod"] == {"start": "2026-03-31", "end": "2026-03-31"}


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
