"""Reading other people's servers: pages, junk, foreign links, hostile answers."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from requests.auth import AuthBase, HTTPBasicAuth

from sandbox.services import Ehr
from smart_app.fhir_server.chart import fhir_client
from smart_app.fhir_server.client import FhirClient
from smart_app.launch.launches import launch_of_job
from smart_app.launch.smart import needed_permissions
from smart_app.upstream_errors import (
    EhrError,
    SessionEndedError,
)
from tests.smart_app.charts import BOB, CHART, load, pain
from tests.smart_app.clinic import Browser, Clinic

Answers = dict[str, tuple[int, Any, dict[str, str]]]
AUTH: AuthBase = HTTPBasicAuth("a", "b")


@contextmanager
def server(answers: Answers, *, drop_s: float = 0) -> Iterator[tuple[str, list[str]]]:
    """Serve fixed answers by path, for what the real EHR refuses to say.

    Args:
        answers: Status, body and headers by path.
        drop_s: Seconds between two bytes of a body; all at once when 0.

    """
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            status, body, headers = answers[self.path]
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for part in map(chr, content) if drop_s else [content.decode("latin-1")]:
                self.wfile.write(part.encode("latin-1"))
                time.sleep(drop_s)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", seen
        listening.shutdown()


def ok(body: object, **headers: str) -> tuple[int, Any, dict[str, str]]:
    return 200, body, headers


def client(base: str, timeout_s: float = 2) -> FhirClient:
    return FhirClient(f"{base}/fhir", AUTH, timeout_s)


def page(*resources: object, following: str | None = None) -> dict[str, Any]:
    links = [{"relation": "next", "url": following}] if following else []
    entries = [{"resource": resource} for resource in resources]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": entries,
        "link": links,
    }


FIRST = "/fhir/Observation?patient=ada"
ASKED = {"patient": "ada"}


def test_all_pages_of_the_real_ehr_are_read(
    ehr: Ehr, clinic: Clinic, browser: Browser
) -> None:
    load(ehr, *CHART, *(pain(value) for value in range(7)))
    case = browser.open(patient="ada")
    launch = launch_of_job(clinic.services, case.split("/")[2])
    found = fhir_client(clinic.services, launch).search(
        "Observation", {"patient": "ada", "_count": "2"}, patient_id="ada"
    )
    assert (len(found.resources), found.is_complete) == (7, True)


def test_one_unreadable_entry_is_counted_and_the_rest_is_read() -> None:
    broken = {**pain(1), "valueQuantity": "seven"}
    foreign = {**pain(2), "subject": {"reference": "Patient/bob"}}
    with server({FIRST: ok(page(pain(3), broken, foreign, BOB, None))}) as (base, _):
        found = client(base).search("Observation", ASKED, patient_id="ada")
    assert (len(found.resources), found.unreadable) == (1, 4)


WORDS = {"text": "any"}
#: The least that each type needs besides its subject.
LEAST: dict[str, dict[str, Any]] = {
    "Condition": {},
    "Observation": {"status": "final", "code": WORDS},
    "ImagingStudy": {"status": "available"},
    "Procedure": {"status": "completed"},
    "MedicationRequest": {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": WORDS,
    },
    "MedicationStatement": {"status": "active", "medicationCodeableConcept": WORDS},
    "ServiceRequest": {"status": "active", "intent": "order"},
    "QuestionnaireResponse": {"status": "completed"},
    "CarePlan": {"status": "active", "intent": "plan"},
    "RiskAssessment": {"status": "final"},
    "DiagnosticReport": {"status": "final", "code": WORDS},
    "DocumentReference": {
        "status": "current",
        "content": [{"attachment": {"title": "any"}}],
    },
    "Goal": {"lifecycleStatus": "active", "description": WORDS},
}
FOREIGN = (
    {"reference": "Patient/bob"},
    {"reference": "https://other.example/fhir/Patient/ada"},
    {"reference": "Group/ada"},
    {"reference": "#ada"},
    {"display": "Ada Example"},
    {"identifier": {"value": "SB-1"}},
    None,
)


@pytest.mark.parametrize("name", LEAST)
def test_of_every_type_only_what_is_about_the_patient_is_read(name: str) -> None:
    # scopes of a practitioner are not confined to one patient by every server
    subjects = [{"reference": "Patient/ada"}, *FOREIGN]
    entries = [
        {"resourceType": name, "id": f"n{n}", **LEAST[name], "subject": subject}
        for n, subject in enumerate(subjects)
    ]
    some = [{k: v for k, v in entry.items() if v is not None} for entry in entries]
    with server({f"/fhir/{name}?patient=ada": ok(page(*some))}) as (base, _):
        found = client(base).search(name, ASKED, patient_id="ada")
    assert [item["id"] for item in found.resources] == ["n0"]
    assert found.unreadable == len(FOREIGN)


def test_every_type_of_a_chart_is_among_those() -> None:
    itself, of_nobody = "Patient", {"AuditEvent", "Device", "Endpoint", "Provenance"}
    assert set(needed_permissions()) - {itself} - of_nobody <= set(LEAST)


def test_an_absolute_reference_to_the_same_server_is_the_patient() -> None:
    answers: Answers = {}
    with server(answers) as (base, _):
        subject = {"reference": f"{base}/fhir/Patient/ada"}
        answers[FIRST] = ok(page({**pain(1), "subject": subject}))
        found = client(base).search("Observation", ASKED, patient_id="ada")
    assert len(found.resources) == 1


def test_a_server_may_use_another_of_its_names_and_is_asked_by_the_listed_one() -> None:
    inside = "http://inside:8080/fhir"
    subject = {"reference": f"{inside}/Patient/ada"}
    first = page(
        {**pain(1), "subject": subject}, following=f"{inside}/Observation?page=2"
    )
    answers = {
        FIRST: ok(first),
        "/fhir/Observation?page=2": ok(page({**pain(2), "subject": subject})),
    }
    with server(answers) as (base, seen):
        known = FhirClient(f"{base}/fhir", AUTH, 2, homes=(f"{base}/fhir", inside))
        found = known.search("Observation", ASKED, patient_id="ada")
    assert (len(found.resources), found.is_complete, len(seen)) == (2, True, 2)


@pytest.mark.parametrize("other", ["http://inside:8080/fhir2", "http://inside:80/fhir"])
def test_a_name_that_only_begins_alike_is_another_server(other: str) -> None:
    answers = {FIRST: ok(page(pain(1), following=f"{other}/Observation?page=2"))}
    with server(answers) as (base, _):
        homes = (f"{base}/fhir", "http://inside:8080/fhir")
        known = FhirClient(f"{base}/fhir", AUTH, 2, homes=homes)
        with pytest.raises(EhrError, match="another server"):
            known.search("Observation", ASKED, patient_id="ada")


def test_a_next_link_to_another_server_is_not_followed() -> None:
    with server({}) as (evil, seen):
        following = f"{evil}/fhir/Observation?page=2"
        answers: Answers = {FIRST: ok(page(pain(1), following=following))}
        with server(answers) as (base, _), pytest.raises(EhrError, match="another"):
            client(base).search("Observation", ASKED, patient_id="ada")
    assert seen == []


def test_a_redirect_to_another_server_is_not_followed() -> None:
    with server({}) as (evil, seen):
        answers: Answers = {"/fhir/Patient/ada": (302, {}, {"Location": f"{evil}/x"})}
        with server(answers) as (base, _), pytest.raises(EhrError, match="redirect"):
            client(base).read("Patient", "ada")
    assert seen == []


def test_pages_that_go_round_in_a_circle_end() -> None:
    second = "/fhir/Observation?page=2"
    answers: Answers = {FIRST: ok(page(pain(1), following="Observation?page=2"))}
    answers[second] = ok(page(pain(2), following="Observation?page=2"))
    with server(answers) as (base, seen):
        found = client(base).search("Observation", ASKED, patient_id="ada")
    assert (len(seen), found.is_complete) == (2, False)


def test_a_reported_problem_makes_the_chart_incomplete() -> None:
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "timeout"}],
    }
    with server({FIRST: ok(page(pain(1), outcome))}) as (base, _):
        found = client(base).search("Observation", ASKED, patient_id="ada")
    assert (len(found.resources), found.is_complete) == (1, False)


@pytest.mark.parametrize("entry", [None, 7, {}, ["x"], [None], [{"resource": 7}]])
def test_a_nonsensical_page_holds_nothing(entry: object) -> None:
    nonsense = {"resourceType": "Bundle", "entry": entry, "link": entry}
    with server({FIRST: ok(nonsense)}) as (base, _):
        found = client(base).search("Observation", ASKED, patient_id="ada")
    assert found.resources == ()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"rest": [{"interaction": [{"code": "transaction"}]}]}, True),
        ({"rest": [{"interaction": [{"code": "batch"}]}]}, False),
        ({"rest": 7}, False),
        ({"rest": [7, {"interaction": [7]}]}, False),
        ({}, False),
    ],
)
def test_transactions_are_used_only_where_they_are_stated(
    statement: object, *, expected: bool
) -> None:
    with server({"/fhir/metadata": ok(statement)}) as (base, _):
        assert client(base).capabilities().has_transactions is expected


def test_a_busy_server_is_asked_again_when_it_says_so(ehr: Ehr, clinic: Clinic) -> None:
    load(ehr, *CHART)
    browser = Browser(clinic, ehr)
    busy = {"status": 503, "headers": {"Retry-After": "0"}}
    ehr.fault(path="/fhir/R4/Patient/ada", times=2, **busy)
    assert browser.launch(patient="ada").status_code == 303


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, {}, {}), SessionEndedError),
        ((403, {}, {}), EhrError),
        ((404, {}, {}), EhrError),
        ((500, {}, {}), EhrError),
        (ok(b"<html>sign in</html>"), EhrError),
        (ok([]), EhrError),
        (ok({"resourceType": "OperationOutcome"}), EhrError),
        (ok({"resourceType": "Patient", "birthDate": 7}), EhrError),
    ],
)
def test_any_other_answer_is_an_error_of_the_ehr(
    answer: tuple[int, Any, dict[str, str]], error: type[Exception]
) -> None:
    answers: Answers = {"/fhir/Patient/ada": answer}
    with server(answers) as (base, _), pytest.raises(error, match=r"EHR|Patient"):
        client(base).read("Patient", "ada")


def test_a_silent_server_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EhrError, match="EHR"):
            client(base, timeout_s=0.2).read("Patient", "ada")
