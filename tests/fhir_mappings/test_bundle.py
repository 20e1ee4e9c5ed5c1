"""A report is written as one set of resources that finds itself again."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.bundle import (
    full_url,
    key,
    report_resources,
    resolve,
    search_for,
    transaction,
)
from fhir_mappings.codes import IDENTIFIER_SYSTEM
from fhir_mappings.errors import UnmappableReportError
from fhir_mappings.identifiers import identifier_value
from fhir_mappings.models import built
from fhir_mappings.write_context import NEEDED_TYPES, OPTIONAL_TYPES
from inference.results import CaseReport, TherapySuggestion
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import CONTEXT, REPORT, SUGGESTION, URGENT, of_type

GOLDEN: Final = Path(__file__).parents[1] / "data" / "fhir"
RESOURCES: Final = report_resources(REPORT, CONTEXT)
DEVICES: Final = RESOURCES[:4]
(PROVENANCE,) = of_type(RESOURCES, "Provenance")
MADE: Final = RESOURCES[4 : RESOURCES.index(PROVENANCE)]
IDS: Final = {key(r): f"{r['resourceType']}/{n}" for n, r in enumerate(RESOURCES)}
REFERENCES: Final = {full_url(r): IDS[key(r)] for r in RESOURCES}


def with_suggestion(suggestion: TherapySuggestion) -> CaseReport:
    if suggestion.red_flags:
        return replace(REPORT, suggestion=suggestion, outcomes=(), treatment=None)
    return replace(REPORT, suggestion=suggestion)


def references(node: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield every reference in a resource."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for item in node.values():
            yield from references(item)


@pytest.mark.parametrize(
    ("name", "suggestion"), [("report", SUGGESTION), ("red-flags", URGENT)]
)
def test_the_bundle_is_the_reviewed_one_to_the_letter(
    name: str, suggestion: TherapySuggestion
) -> None:
    made = report_resources(with_suggestion(suggestion), CONTEXT)
    text = json.dumps(transaction(made, existing={}), indent=2, ensure_ascii=False)
    assert text + "\n" == (GOLDEN / f"{name}.json").read_text("utf-8")


def test_each_resource_refers_only_to_those_before_it() -> None:
    known: set[str] = set()
    for resource in RESOURCES:
        urns = {r for r in references(resource) if r.startswith("urn:uuid:")}
        assert urns <= known
        known.add(full_url(resource))


def test_the_provenance_covers_all_that_the_algorithm_made() -> None:
    targets = [target["reference"] for target in PROVENANCE["target"]]
    assert targets == [full_url(resource) for resource in MADE]
    *models, software, person = PROVENANCE["agent"]
    authors = [model["who"]["reference"] for model in models]
    assert authors == [full_url(device) for device in DEVICES]
    assert person["who"]["reference"] == "Practitioner/3"
    assert person["type"]["coding"][0]["code"] == "verifier"
    assert PROVENANCE["reason"][0]["coding"][0]["code"] == "AIAST"
    assert software["type"]["coding"][0]["code"] == "assembler"
    assert software["who"]["display"] == "SPOILS 0.1.0"
    study, *cards = PROVENANCE["entity"]
    assert study["what"]["reference"] == "ImagingStudy/12"
    addresses = [card["what"]["identifier"]["value"] for card in cards]
    assert addresses == [device["url"] for device in DEVICES]


def test_writing_is_audited_last_and_once_per_report() -> None:
    event = RESOURCES[-1]
    assert event["resourceType"] == "AuditEvent"
    assert event["outcomeDesc"].startswith(f"{len(RESOURCES) - 1} resources")
    person, written = (entity["what"]["reference"] for entity in event["entity"])
    assert (person, written) == ("Patient/1", full_url(PROVENANCE))
    source, destination, signer = event["agent"]
    assert source["network"]["address"] == "https://spoils.example"
    assert destination["network"]["address"] == "https://ehr.example/fhir"
    assert (signer["who"]["reference"], signer["requestor"]) == ("Practitioner/3", True)
    assert search_for(event).params == {"_tag": f"{IDENTIFIER_SYSTEM}|{key(event)}"}


def test_everything_made_by_the_algorithm_is_labeled() -> None:
    labels = [r["meta"]["security"][0]["code"] for r in (*MADE, PROVENANCE)]
    assert set(labels) == {"AIAST"}


def test_each_model_has_its_device_the_same_for_every_patient() -> None:
    other = report_resources(REPORT, replace(CONTEXT, patient="Patient/2"))
    names = [device["modelNumber"] for device in DEVICES]
    assert names == ["deeplab-lumbar", "pfirrmann-trees", "registry", "treatment-trees"]
    assert other[:4] == DEVICES
    assert not {key(r) for r in other[4:]} & {key(r) for r in RESOURCES[4:]}


def test_a_model_that_graded_nothing_is_no_author() -> None:
    resources = report_resources(replace(REPORT, gradings=()), CONTEXT)
    found = [r for r in resources if r["resourceType"] == "Device"]
    assert found == [DEVICES[0], *DEVICES[2:]]
    assert full_url(DEVICES[1]) not in references([*resources])


def test_another_grading_model_is_another_grade_and_plan_but_no_other_length() -> None:
    model = replace(REPORT.grading_model, version="2.0")
    other = report_resources(replace(REPORT, grading_model=model), CONTEXT)
    shared = [r for r in RESOURCES if key(r) in {*map(key, other)}]
    kinds = Counter(r["resourceType"] for r in shared)
    # lengths, canals, not assessed, and the places without a grade or severity
    observed = 11 + 2 + 2 + 2
    assert kinds == {
        "Device": 3,
        "Observation": observed,
        "RiskAssessment": 4,
        "Goal": 2,
    }
    assert key(other[0]) == key(DEVICES[0])


def test_grades_of_other_outlines_are_other_grades() -> None:
    model = replace(REPORT.model, sha256="ef" * 32)
    other = report_resources(replace(REPORT, model=model), CONTEXT)
    shared = [key(r) for r in other if key(r) in IDS]
    others = [
        r for kind in ("RiskAssessment", "Goal") for r in of_type(RESOURCES, kind)
    ]
    assert shared == [*map(key, DEVICES[1:]), *map(key, others)]


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://other.example/fhir"},
        {"patient": "Patient/2"},
        {"software_version": "0.2.0"},
    ],
)
def test_another_server_patient_or_version_is_another_set(change: Resource) -> None:
    other = report_resources(REPORT, replace(CONTEXT, **change))
    assert not {*map(key, other[4:])} & {*map(key, RESOURCES[4:])}


def test_the_same_report_signed_later_has_the_same_keys() -> None:
    later = replace(
        CONTEXT, signed_at=CONTEXT.signed_at.replace(minute=1), signer="Practitioner/4"
    )
    assert [*map(key, report_resources(REPORT, later))] == [*map(key, RESOURCES)]


def test_keys_are_unique_and_say_nothing_of_the_patient() -> None:
    assert len(IDS) == len(RESOURCES)
    assert all(len(value) == 32 for value in IDS)


@given(st.lists(st.text(alphabet="ab/", max_size=3), max_size=4))
def test_identifiers_are_deterministic_and_tell_parts_apart(parts: list[str]) -> None:
    assert identifier_value(*parts) == identifier_value(*parts)
    joined = "".join(parts)
    assert (identifier_value(joined) == identifier_value(*parts)) == (
        parts == [joined]
    ) or not parts


def test_what_was_written_can_be_searched_for() -> None:
    device, provenance = RESOURCES[0], PROVENANCE
    assert search_for(device).params == {
        "identifier": f"{IDENTIFIER_SYSTEM}|{key(device)}"
    }
    assert search_for(provenance).params == {
        "_tag": f"{IDENTIFIER_SYSTEM}|{key(provenance)}"
    }
    assert search_for(provenance).resource_type == "Provenance"


def test_identifiers_that_others_add_do_not_matter() -> None:
    device = RESOURCES[0]
    foreign = [{"system": "urn:other", "value": "x"}, {"value": "y"}]
    ours = device["identifier"]
    assert key(device | {"identifier": [*foreign, *ours]}) == key(device)
    assert key(device | {"identifier": foreign}) == ""
    assert key({"resourceType": "Provenance"}) == ""


def test_a_transaction_creates_each_resource_without_conditions() -> None:
    entries = transaction(RESOURCES, existing={})["entry"]
    assert [entry["fullUrl"] for entry in entries] == [*map(full_url, RESOURCES)]
    assert {entry["request"]["method"] for entry in entries} == {"POST"}
    assert not any("ifNoneExist" in entry["request"] for entry in entries)


def test_a_transaction_leaves_out_what_exists_and_refers_to_it() -> None:
    device = DEVICES[0]
    entries = transaction(RESOURCES, existing={key(device): "Device/77"})["entry"]
    assert len(entries) == len(RESOURCES) - 1
    assert entries[3]["resource"]["device"]["reference"] == "Device/77"
    assert full_url(device) not in json.dumps(entries)


def test_nothing_is_left_to_create_when_all_exists() -> None:
    assert transaction(RESOURCES, existing=IDS) == {
        "resourceType": "Bundle",
        "type": "transaction",
    }


def test_single_creates_resolve_every_reference_and_keep_the_url() -> None:
    for resource in RESOURCES:
        resolved = resolve(resource, REFERENCES)
        assert not any(r.startswith("urn:") for r in references(resolved))
        assert full_url(resolved) == full_url(resource)


def test_unknown_references_stay() -> None:
    assert resolve(PROVENANCE, {}) == PROVENANCE


def test_what_r4b_refuses_is_not_sent_and_no_value_is_in_the_message() -> None:
    with pytest.raises(UnmappableReportError, match=r"status") as raised:
        built({"resourceType": "Observation", "status": {"secret": 1}, "code": {}})
    assert "secret" not in str(raised.value)
    assert "Nothing was written" in raised.value.advice


def test_a_signature_without_a_timezone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        replace(CONTEXT, signed_at=CONTEXT.signed_at.replace(tzinfo=None))


def test_without_a_name_the_signer_is_named_by_reference() -> None:
    nameless = replace(CONTEXT, signer_display=None)
    note = report_resources(REPORT, nameless)[4]["note"][0]["text"]
    assert "reviewed by Practitioner/3." in note


@pytest.mark.parametrize("kind", [*NEEDED_TYPES, *OPTIONAL_TYPES])
def test_what_a_server_does_not_take_is_left_out_and_nothing_refers_to_it(
    kind: str,
) -> None:
    made = report_resources(REPORT, replace(CONTEXT, takes=CONTEXT.takes - {kind}))
    assert not of_type(made, kind)
    known = {full_url(resource) for resource in made}
    urns = {r for r in references([*made]) if r.startswith("urn:uuid:")}
    assert urns <= known
    if kind in OPTIONAL_TYPES:
        assert made == tuple(map(built, made))


def test_a_finding_keeps_the_name_of_a_model_whose_device_is_not_taken() -> None:
    context = replace(CONTEXT, takes=CONTEXT.takes - {"Device"})
    assert report_resources(REPORT, context)[0]["device"] == {
        "display": "deeplab-lumbar 1.0"
    }
