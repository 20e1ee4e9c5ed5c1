"""The EHR fails on request, and its pages and controls are closed to strangers."""

import time

import pytest
import requests

from sandbox.services import Ehr
from tests.sandbox.ehr.test_fhir import ALL, observation
from tests.sandbox.smart_client import READ_ALL, TIMEOUT_S, Fhir

DROPPED = r"aborted|closed|reset"


@pytest.fixture
def fhir(hospital: Ehr) -> Fhir:
    return Fhir(hospital, scope=ALL, patient="ada")


def test_fault_strikes_once_with_its_status_and_body(hospital: Ehr, fhir: Fhir) -> None:
    hospital.fault(method="GET", path="Patient/ada", status=503, body="<h1>Down</h1>")
    answers = [fhir.get("Patient/ada") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[0].text == "<h1>Down</h1>"


def test_fault_can_skip_requests(hospital: Ehr, fhir: Fhir) -> None:
    hospital.fault(path="Patient/ada", status=500, skip=1)
    assert [fhir.get("Patient/ada").status_code for _ in range(3)] == [200, 500, 200]


def test_late_answer_is_the_right_answer(hospital: Ehr, fhir: Fhir) -> None:
    hospital.fault(path="Patient/ada", delay_ms=300)
    started = time.monotonic()
    assert fhir.get("Patient/ada").status_code == 200
    assert time.monotonic() - started >= 0.3


def test_reset_connection_stores_nothing(hospital: Ehr, fhir: Fhir) -> None:
    hospital.fault(method="POST", reset=True)
    with pytest.raises(requests.ConnectionError, match=DROPPED):
        fhir.post("Observation", json=observation())
    assert hospital.resources("Observation") == []


def test_lost_answer_has_been_carried_out(hospital: Ehr, fhir: Fhir) -> None:
    hospital.fault(method="POST", lose_answer=True)
    with pytest.raises(requests.ConnectionError, match=DROPPED):
        fhir.post("Observation", json=observation())
    assert len(hospital.resources("Observation")) == 1


def test_token_endpoint_can_fail_too(hospital: Ehr) -> None:
    hospital.fault(path="/oauth/token", status=500)
    with pytest.raises(requests.HTTPError, match="500"):
        Fhir(hospital, scope=READ_ALL, patient="ada")


def test_an_answer_can_be_cut_after_the_work_is_done(hospital: Ehr, fhir: Fhir) -> None:
    hospital.fault(method="POST", path="/Observation", truncate=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        fhir.post("Observation", json=observation())
    assert len(hospital.resources("Observation")) == 1


def test_log_tells_what_was_asked(hospital: Ehr, fhir: Fhir) -> None:
    hospital.log()
    fhir.post("Observation", json=observation())
    [entry] = hospital.log()
    assert (entry["method"], entry["url"]) == ("POST", "/fhir/R4/Observation")
    assert (entry["status"], entry["authorized"]) == (201, True)
    assert '"Disc height"' in entry["body"]
    assert hospital.log() == []


def test_controls_need_the_key(hospital: Ehr) -> None:
    answer = requests.post(f"{hospital.origin}/control/reset", timeout=TIMEOUT_S)
    assert answer.status_code == 403
    assert len(hospital.resources("Patient")) == 2


def test_other_host_names_are_refused(hospital: Ehr) -> None:
    answer = requests.get(
        hospital.origin, headers={"Host": "elsewhere.example"}, timeout=TIMEOUT_S
    )
    assert answer.status_code == 421


def test_button_of_the_patient_list_launches_the_app(hospital: Ehr) -> None:
    page = requests.get(hospital.origin, timeout=TIMEOUT_S)
    assert 'action="/charts/ada/launch"' in page.text
    answer = requests.post(
        f"{hospital.origin}/charts/ada/launch", allow_redirects=False, timeout=TIMEOUT_S
    )
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(
        "http://127.0.0.1:5000/launch?iss=http%3A%2F%2F127.0.0.1"
    )


def test_chart_escapes_what_it_shows(hospital: Ehr) -> None:
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    fhir.post("Observation", json=observation(code={"text": "<script>x</script>"}))
    page = requests.get(f"{hospital.origin}/charts/ada", timeout=TIMEOUT_S)
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
