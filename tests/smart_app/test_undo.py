"""A signed report is withdrawn, replaced and signed again; nothing is deleted."""

from collections import Counter
from typing import Any

import pytest

from fhir_mappings.bundle import key
from sandbox.services import Ehr
from smart_app.cases.store import keep_write_state
from smart_app.ehrs.writable import DOCUMENT
from smart_app.fhir_server.client import FhirClient
from smart_app.launch.launches import launch_of_job
from smart_app.tables import WriteState
from smart_app.upstream_errors import EhrError
from smart_app.writing.journal import entries
from smart_app.writing.signed_report import write_report
from tests.smart_app.charts import BOB, load
from tests.smart_app.clinic import Browser, Clinic
from tests.smart_app.test_ladder import DOCUMENTS_ONLY, NO_PLAN, open_signed

MARKED = (
    *("CarePlan", "DiagnosticReport", "Goal", "Observation", "RiskAssessment"),
    "ServiceRequest",
)
WITHDRAW = {"confirm": "yes"}


def status(resource: dict[str, Any]) -> str:
    return str(resource.get("lifecycleStatus") or resource["status"])


def ours(ehr: Ehr, *kinds: str) -> list[dict[str, Any]]:
    return [r for kind in kinds for r in ehr.resources(kind) if key(r)]


def finals(ehr: Ehr) -> Counter[str]:
    fallen = {"entered-in-error", "revoked", "cancelled"}
    return Counter(key(r) for r in ours(ehr, *MARKED) if status(r) not in fallen)


def answer_something(browser: Browser, case: str, odi: str = "60") -> None:
    """Type in an answer, so that the plan says something else."""
    answer = browser.post(case, "answers", {"odi_percent": odi})
    assert answer.status_code == 303, answer.text


def signed_anew(clinic: Clinic, ehr: Ehr, odi: str = "60") -> tuple[Browser, str]:
    """Launch the patient once more in another browser, answer and sign."""
    browser = Browser(clinic, ehr)
    case = browser.open(patient="ada", encounter="visit")
    clinic.work()
    answer_something(browser, case, odi)
    assert browser.sign(case)["state"] == "written"
    return browser, case


def test_the_signer_withdraws_on_the_page_what_the_run_wrote(
    hospital: Ehr, browser: Browser, clinic: Clinic, case: str
) -> None:
    browser.sign(case)
    written = ours(hospital, *MARKED)
    assert browser.post(case, "undo").status_code == 400
    assert finals(hospital)
    answer = browser.post(case, "undo", WITHDRAW)
    assert answer.status_code == 303, answer.text
    withdrawn = ours(hospital, *MARKED)
    assert len(withdrawn) == len(written)
    assert {status(resource) for resource in withdrawn} == {"entered-in-error"}
    assert all("Withdrawn" in resource["text"]["div"] for resource in withdrawn)
    (nullified,) = (
        provenance
        for provenance in hospital.resources("Provenance")
        if provenance["activity"]["coding"][0]["code"] == "NULLIFY"
    )
    assert len(nullified["target"]) == len(withdrawn)
    page = browser.client.get(case).text
    assert "Withdrawn</h3>" in page
    assert "Withdraw the report that you signed" not in page
    assert browser.client.post(f"{case}sign").status_code == 400  # no form any more
    puts = [
        e for e in entries(clinic.services, case.split("/")[2]) if e.method == "PUT"
    ]
    assert {entry.status for entry in puts} == {200}


def test_a_change_of_somebody_else_survives_the_withdrawal(
    hospital: Ehr, browser: Browser, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign(case)
    read = FhirClient.read
    changed: list[str] = []

    def read_and_be_overtaken(client: FhirClient, kind: str, known: str) -> Any:  # noqa: ANN401
        resource = read(client, kind, known)
        if kind == "CarePlan" and not changed:
            changed.append(known)
            load(hospital, {**resource, "note": [{"text": "seen by the nurse"}]})
        return resource

    monkeypatch.setattr(FhirClient, "read", read_and_be_overtaken)
    browser.post(case, "undo", WITHDRAW)
    (plan,) = hospital.resources("CarePlan")
    assert changed == [plan["id"]]
    assert plan["note"] == [{"text": "seen by the nurse"}]
    assert plan["status"] == "entered-in-error"


def test_after_a_withdrawal_the_same_report_can_be_signed_again(
    hospital: Ehr, browser: Browser, clinic: Clinic, case: str
) -> None:
    browser.sign(case)
    before = finals(hospital)
    browser.post(case, "undo", WITHDRAW)
    assert not finals(hospital)
    again = browser.open(patient="ada", encounter="visit")
    clinic.work()
    assert browser.sign(again)["state"] == "written"
    assert browser.sign(again)["state"] == "written"
    assert finals(hospital) == before
    assert set(before.values()) == {1}


def test_a_plan_that_is_signed_later_replaces_the_one_before_until_it_is_withdrawn(
    hospital: Ehr, browser: Browser, clinic: Clinic, case: str
) -> None:
    browser.sign(case)
    (first,) = hospital.resources("CarePlan")
    second_browser, second_case = signed_anew(clinic, hospital)
    plans = {plan["status"]: plan for plan in hospital.resources("CarePlan")}
    assert plans["revoked"]["id"] == first["id"]
    old = f"CarePlan/{first['id']}"
    assert [link["reference"] for link in plans["active"]["replaces"]] == [old]
    steps = [a["reference"]["reference"] for a in first["activity"] if "reference" in a]
    requests = {
        f"ServiceRequest/{r['id']}": r for r in ours(hospital, "ServiceRequest")
    }
    assert steps
    assert {requests[step]["status"] for step in steps} == {"revoked"}
    assert set(finals(hospital).values()) == {1}
    form = {"confirm": "yes", "run": second_case.split("/")[2]}
    second_browser.post(second_case, "undo", form)
    plans = {plan["status"]: plan for plan in hospital.resources("CarePlan")}
    assert plans["active"]["id"] == first["id"]
    assert plans["active"]["text"] == first["text"]
    assert set(plans) == {"active", "entered-in-error"}


def test_a_document_that_is_signed_later_replaces_the_one_before_until_it_is_withdrawn(
    hospital: Ehr, clinic: Clinic
) -> None:
    hospital.play("open", types=DOCUMENTS_ONLY)
    signed_anew(clinic, hospital, odi="40")
    (first,) = hospital.resources(DOCUMENT)
    browser, case = signed_anew(clinic, hospital)
    documents = {item["status"]: item for item in hospital.resources(DOCUMENT)}
    assert documents["superseded"]["id"] == first["id"]
    old = {"reference": f"DocumentReference/{first['id']}"}
    assert documents["current"]["relatesTo"] == [{"code": "replaces", "target": old}]
    assert browser.status(case)["write"]["differences"] == []
    browser.post(case, "undo", WITHDRAW | {"run": case.split("/")[2]})
    documents = {item["status"]: item for item in hospital.resources(DOCUMENT)}
    assert set(documents) == {"current", "entered-in-error"}
    assert documents["current"]["text"] == first["text"]
    signed_anew(clinic, hospital)  # names no withdrawn one
    *_, third = hospital.resources(DOCUMENT)
    assert third["relatesTo"] == [{"code": "replaces", "target": old}]


def test_an_older_document_holds_again_only_once_the_newer_one_is_withdrawn(
    hospital: Ehr, clinic: Clinic
) -> None:
    hospital.play("open", types=DOCUMENTS_ONLY)
    signed_anew(clinic, hospital, odi="40")
    browser, case = signed_anew(clinic, hospital)
    hospital.fault(method="PUT", path="/DocumentReference/", status=405)
    form = WITHDRAW | {"run": case.split("/")[2]}
    assert browser.post(case, "undo", form).status_code == 502
    states = [status(item) for item in hospital.resources(DOCUMENT)]
    assert states == ["superseded", "current"]
    assert browser.post(case, "undo", form).status_code == 303
    states = [status(item) for item in hospital.resources(DOCUMENT)]
    assert states == ["current", "entered-in-error"]


def test_documents_of_others_and_of_another_kind_stay_as_they_are(
    hospital: Ehr, clinic: Clinic
) -> None:
    hospital.play("open", types=DOCUMENTS_ONLY)
    signed_anew(clinic, hospital, odi="40")
    (ours,) = hospital.resources(DOCUMENT)
    theirs = ours | {"id": "theirs", "identifier": [], "description": "A plan"}
    masks = ours | {"id": "masks", "type": {"text": "Masks"}}
    load(hospital, theirs, masks)
    signed_anew(clinic, hospital)
    documents = {item["id"]: item for item in hospital.resources(DOCUMENT)}
    assert documents[ours["id"]]["status"] == "superseded"
    assert documents["theirs"]["status"] == documents["masks"]["status"] == "current"


@pytest.mark.parametrize("is_stated", [True, False])
def test_a_document_that_the_ehr_keeps_current_is_told_to_who_signs_the_next(
    hospital: Ehr, clinic: Clinic, *, is_stated: bool
) -> None:
    stated = DOCUMENTS_ONLY[DOCUMENT] if is_stated else ["search-type", "create"]
    hospital.play("open", types=DOCUMENTS_ONLY | {DOCUMENT: [*stated, "read"]})
    signed_anew(clinic, hospital, odi="40")
    (first,) = hospital.resources(DOCUMENT)
    hospital.fault(method="PUT", path="/DocumentReference/", status=403)
    browser, case = signed_anew(clinic, hospital)
    page = browser.client.get(case).text
    told = f"DocumentReference/{first['id']}: still current, replaced by this document"
    assert f"<code>{told}</code>" in page
    assert {status(item) for item in hospital.resources(DOCUMENT)} == {"current"}


@pytest.mark.parametrize(
    ("style", "kind", "holds"),
    [({}, "CarePlan", "active"), ({"types": DOCUMENTS_ONLY}, DOCUMENT, "current")],
)
def test_an_older_plan_holds_again_once_all_that_replaced_it_are_withdrawn(
    hospital: Ehr, clinic: Clinic, style: dict[str, Any], kind: str, holds: str
) -> None:
    hospital.play("open", **style)
    signed_anew(clinic, hospital, odi="40")
    second, second_case = signed_anew(clinic, hospital, odi="50")
    third, third_case = signed_anew(clinic, hospital)
    replaced, _, _ = (status(item) for item in hospital.resources(kind))
    undo = WITHDRAW | {"run": second_case.split("/")[2]}
    assert second.post(second_case, "undo", undo).status_code == 303
    states = [status(item) for item in hospital.resources(kind)]
    assert states == [replaced, "entered-in-error", holds]
    undo = WITHDRAW | {"run": third_case.split("/")[2]}
    assert third.post(third_case, "undo", undo).status_code == 303
    states = [status(item) for item in hospital.resources(kind)]
    assert states == [holds, "entered-in-error", "entered-in-error"]


@pytest.mark.parametrize(
    ("style", "kind", "states"),
    [
        ({}, "CarePlan", ["revoked", "active"]),
        ({"types": DOCUMENTS_ONLY}, DOCUMENT, ["superseded", "current"]),
    ],
)
def test_a_run_that_is_taken_up_after_a_later_one_takes_nothing_back(
    hospital: Ehr, clinic: Clinic, style: dict[str, Any], kind: str, states: list[str]
) -> None:
    hospital.play("open", **style)
    browser, case = signed_anew(clinic, hospital, odi="40")
    _, later = signed_anew(clinic, hospital)
    for run in (later.split("/")[2], case.split("/")[2]):
        keep_write_state(clinic.services, run, WriteState.WRITING, None)  # as if killed
        write_report(clinic.services, launch_of_job(clinic.services, run))
    assert browser.status(case)["write"]["state"] == "written"
    assert [status(item) for item in hospital.resources(kind)] == states


def test_what_the_ehr_refuses_to_change_is_told_and_can_be_withdrawn_later(
    hospital: Ehr, browser: Browser, clinic: Clinic, case: str
) -> None:
    answer_something(browser, case)
    browser.sign(case)
    goals = {f"Goal/{goal['id']}" for goal in hospital.resources("Goal")}
    assert goals
    hospital.fault(method="PUT", path="/Goal/", status=405, times=99)
    answer = browser.post(case, "undo", WITHDRAW)
    assert answer.status_code == 502
    assert "did not let all of the report be withdrawn" in answer.text
    assert all(goal in answer.text for goal in goals)
    assert {key(r) for r in ours(hospital, "Goal")} == finals(hospital).keys()
    page = browser.client.get(case).text
    assert all(f"<code>{goal}</code>" in page for goal in goals)
    command = clinic.app.test_cli_runner().invoke(args=["undo", case.split("/")[2]])
    assert command.exit_code == 1
    assert all(f"refused to change {goal}" in command.output for goal in goals)
    hospital.mend()
    assert browser.post(case, "undo", WITHDRAW).status_code == 303
    assert not finals(hospital)
    assert "refused to change" not in browser.client.get(case).text


def test_where_nothing_can_be_updated_nothing_is_tried_and_all_is_told(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    browser.sign(case)
    standing = finals(hospital)
    kinds = {r["resourceType"] for r in ours(hospital, *MARKED)}
    types = {kind: ["read", "search-type", "create"] for kind in (*kinds, "Patient")}
    hospital.play("open", types=types)
    hospital.log()
    answer = browser.post(case, "undo", WITHDRAW)
    assert (answer.status_code, "0 resources are marked" in answer.text) == (502, True)
    assert [e for e in hospital.log() if e["method"] not in {"GET", "HEAD"}] == []
    assert finals(hospital) == standing


@pytest.mark.parametrize(
    ("personality", "context"), [("epic", {}), ("open", {"refuseScopes": NO_PLAN})]
)
def test_the_document_and_the_plan_that_is_kept_here_are_withdrawn_too(
    hospital: Ehr, clinic: Clinic, personality: str, context: dict[str, Any]
) -> None:
    hospital.play(personality)
    browser = Browser(clinic, hospital)
    case = open_signed(clinic, browser, **context)
    assert browser.post(case, "undo", WITHDRAW).status_code == 303
    (document,) = ours(hospital, DOCUMENT)
    assert document["status"] == "entered-in-error"
    assert not finals(hospital)
    assert 'id="kept-plan"' not in browser.client.get(case).text


def test_what_was_written_and_never_heard_of_is_found_and_withdrawn(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    hospital.fault(method="POST", path="^/fhir/R4/?$", lose_answer=True)
    hospital.fault(path="/Observation[?]", skip=2, status=500, times=99)
    assert browser.sign(case)["state"] == "failed"
    assert finals(hospital)
    hospital.mend()
    answer = browser.post(case, "undo", WITHDRAW)
    assert answer.status_code == 303, answer.text
    assert not finals(hospital)


def test_what_somebody_deleted_does_not_stop_a_withdrawal(
    hospital: Ehr, browser: Browser, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign(case)
    read = FhirClient.read

    def read_what_is_left(client: FhirClient, kind: str, known: str) -> Any:  # noqa: ANN401
        if kind == "RiskAssessment":
            raise EhrError("EHR: status 410", status=410)
        return read(client, kind, known)

    monkeypatch.setattr(FhirClient, "read", read_what_is_left)
    assert browser.post(case, "undo", WITHDRAW).status_code == 303
    left = {key(r) for r in ours(hospital, "RiskAssessment")}
    assert finals(hospital).keys() == left


def test_the_command_withdraws_with_the_session_of_the_signer_only(
    hospital: Ehr, browser: Browser, clinic: Clinic, case: str
) -> None:
    run = case.split("/")[2]
    browser.sign(case)
    commands = clinic.app.test_cli_runner()
    assert f"{run}" in commands.invoke(args=["runs"]).output
    browser.post(case, "/logout")
    refused = commands.invoke(args=["undo", run])
    assert (refused.exit_code, "Nobody is signed in" in refused.output) == (1, True)
    assert finals(hospital)
    browser.open(patient="ada")
    done = commands.invoke(args=["undo", run])
    assert done.exit_code == 0, done.output
    assert "stays: it has no such mark" in done.output
    assert not finals(hospital)
    assert "withdrawn" in commands.invoke(args=["runs"]).output
    unknown = commands.invoke(args=["undo", "-nothing"])
    assert (unknown.exit_code, "is no run" in unknown.output) == (2, True)


def test_nobody_withdraws_the_report_of_another_patient(
    hospital: Ehr, browser: Browser, clinic: Clinic, case: str
) -> None:
    browser.sign(case)
    load(hospital, BOB)
    other = Browser(clinic, hospital)
    bob = other.open(patient="bob")
    form = {"confirm": "yes", "run": case.split("/")[2]}
    assert other.post(bob, "undo", form).status_code == 409
    assert finals(hospital)
