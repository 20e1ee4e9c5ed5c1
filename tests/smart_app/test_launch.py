"""The launch: what goes right once, and every way in which it must not."""

import re
from urllib.parse import urlsplit

import pytest

from fhir_mappings import write_context
from fhir_mappings.gather import OPTIONAL_TYPES
from sandbox.services import Ehr
from smart_app.tables import PendingLaunch
from tests.smart_app.clinic import Browser, Clinic, query

READ_SCOPES = ["patient/Condition.rs", "patient/ImagingStudy.rs"]


def test_the_browser_is_sent_to_sign_in_with_pkce_state_and_audience(
    browser: Browser, hospital: Ehr
) -> None:
    handle = hospital.launch(patient="ada")
    sent = query(browser.client.get("/launch", query_string=handle).location)
    assert sent["code_challenge_method"] == "S256"
    assert sent["aud"] == hospital.fhir_base
    assert len(sent["state"]) >= 43  # 256 bits in base64
    assert {"code_challenge", "nonce", "launch"} <= set(sent)


def test_no_scope_is_asked_beyond_the_types_that_are_read_and_written(
    browser: Browser, hospital: Ehr
) -> None:
    handle = hospital.launch(patient="ada")
    sent = query(browser.client.get("/launch", query_string=handle).location)
    clinical = [s for s in sent["scope"].split() if s.startswith("patient/")]
    types = {scope.partition("/")[2].partition(".")[0] for scope in clinical}
    read = {"Patient", "Condition", "ImagingStudy", "Endpoint"}
    needed = read | {*write_context.NEEDED_TYPES, *write_context.OPTIONAL_TYPES}
    needed |= {"DocumentReference"}
    assert types == needed | {*OPTIONAL_TYPES}


def test_an_unknown_issuer_is_refused_before_any_request_goes_out(
    browser: Browser, hospital: Ehr
) -> None:
    hospital.log()
    iss = f"{hospital.origin}/other"
    answer = browser.client.get("/launch", query_string={"iss": iss, "launch": "x"})
    assert (answer.status_code, "not on its list" in answer.text) == (400, True)
    assert hospital.log() == []


@pytest.mark.parametrize("given", [{}, {"launch": "x"}])
def test_a_launch_without_an_ehr_says_where_to_start(
    browser: Browser, given: dict[str, str]
) -> None:
    answer = browser.client.get("/launch", query_string=given)
    assert answer.status_code == 400
    assert "from the patient&#39;s chart" in answer.text


def test_a_state_of_another_browser_is_refused(
    clinic: Clinic, browser: Browser, hospital: Ehr
) -> None:
    path = browser.callback_path(patient="ada")
    other = Browser(clinic, hospital)
    other.callback_path(patient="ada")
    answer = other.client.get(path)
    assert (answer.status_code, "does not belong" in answer.text) == (400, True)


def test_a_callback_without_a_cookie_is_refused(
    clinic: Clinic, browser: Browser, hospital: Ehr
) -> None:
    answer = Browser(clinic, hospital).client.get(browser.callback_path(patient="ada"))
    assert answer.status_code == 400


def test_a_replayed_state_opens_nothing(browser: Browser, hospital: Ehr) -> None:
    path = browser.callback_path(patient="ada")
    assert browser.client.get(path).status_code == 303
    hospital.log()
    answer = browser.client.get(path)
    assert (answer.status_code, "already used" in answer.text) == (400, True)
    assert hospital.log() == []


def test_an_old_state_is_refused(browser: Browser, clinic: Clinic) -> None:
    path = browser.callback_path(patient="ada")
    with clinic.services.sessions.begin() as session:
        row = session.get_one(PendingLaunch, query(path)["state"])
        row.created_at = row.created_at.replace(year=row.created_at.year - 1)
    answer = browser.client.get(path)
    assert (answer.status_code, "expired" in answer.text) == (400, True)


def test_a_refusal_of_the_user_is_explained(browser: Browser, hospital: Ehr) -> None:
    answer = browser.launch(patient="ada", deny=True)
    assert (answer.status_code, "refused access" in answer.text) == (400, True)
    assert hospital.fhir_base not in answer.text


def test_a_refused_read_scope_is_explained(browser: Browser, hospital: Ehr) -> None:
    answer = browser.launch(patient="ada", refuseScopes=READ_SCOPES)
    assert answer.status_code == 400
    assert "did not allow reading" in answer.text
    assert hospital.resources("Observation")  # the chart is there, it was not read


def test_a_launch_without_a_patient_is_explained(
    browser: Browser, hospital: Ehr
) -> None:
    del hospital
    answer = browser.launch()
    assert (answer.status_code, "No patient is open" in answer.text) == (400, True)


def test_a_code_that_the_ehr_does_not_know_is_refused(
    browser: Browser, hospital: Ehr
) -> None:
    state = query(browser.callback_path(patient="ada"))["state"]
    del hospital
    answer = browser.client.get("/callback", query_string={"state": state, "code": "x"})
    assert (answer.status_code, "refused access" in answer.text) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": 7, "token_type": "Bearer"},
        {"access_token": "x", "token_type": "mac"},
        {"access_token": "x", "token_type": "Bearer"},
        {"access_token": "x", "token_type": "Bearer", "scope": 7, "patient": []},
        "not JSON",
    ],
)
def test_a_nonsensical_token_answer_is_refused(
    browser: Browser, hospital: Ehr, body: object
) -> None:
    path = browser.callback_path(patient="ada")
    hospital.fault(path="/oauth/token", status=200, body=body)
    assert browser.client.get(path).status_code == 400


@pytest.mark.parametrize("status", [400, 500])
def test_keys_that_cannot_be_read_end_the_launch(
    browser: Browser, hospital: Ehr, status: int
) -> None:
    path = browser.callback_path(patient="ada")
    hospital.fault(path="/oauth/jwks", status=status)
    assert browser.client.get(path).status_code == 502


def test_an_answer_of_another_authorization_server_is_refused(
    browser: Browser, hospital: Ehr
) -> None:
    given = query(browser.callback_path(patient="ada"))
    hospital.log()
    given["iss"] = "https://evil.example"
    assert browser.client.get("/callback", query_string=given).status_code == 400
    assert not [e for e in hospital.log() if e["url"].startswith("/oauth/token")]


def test_an_ehr_that_is_down_is_explained(browser: Browser, hospital: Ehr) -> None:
    handle = hospital.launch(patient="ada")
    hospital.fault(path="smart-configuration", times=9, status=500)
    answer = browser.client.get("/launch", query_string=handle)
    assert (answer.status_code, "could not be reached" in answer.text) == (502, True)


def test_two_patients_in_one_browser_do_not_mix(
    browser: Browser, clinic: Clinic, hospital: Ehr
) -> None:
    ada = browser.open(patient="ada")
    bob = browser.open(patient="bob")
    hospital.log()
    clinic.work()
    assert "Ada Maria Example" in browser.client.get(ada).text
    assert "Bob Other" in browser.client.get(bob).text
    assert "Ada" not in browser.client.get(bob).text
    assert browser.status(ada)["state"] == "done"
    assert "no available MRI" in browser.status(bob)["advice"]


@pytest.mark.parametrize("page", ["", "status", "slice.png"])
def test_a_case_is_not_shown_to_another_browser(
    browser: Browser, clinic: Clinic, hospital: Ehr, page: str
) -> None:
    case = browser.open(patient="ada")
    other = Browser(clinic, hospital)
    assert other.client.get(f"{case}{page}").status_code == 401
    other.open(patient="ada")
    answer = other.client.get(f"{case}{page}")
    assert (answer.status_code, "Ada" in answer.text) == (404, False)


def test_the_cookie_holds_no_token_and_no_name(
    browser: Browser, clinic: Clinic, hospital: Ehr
) -> None:
    browser.open(patient="ada")
    cookie = browser.client.get_cookie("spoils")
    assert cookie
    assert (cookie.http_only, cookie.same_site) == (True, "Lax")
    interface = clinic.app.session_interface.get_signing_serializer(clinic.app)  # type: ignore[attr-defined]
    held = interface.loads(cookie.value)
    assert set(held) <= {"browser", "csrf_token", "_permanent"}
    del hospital


def test_tokens_and_names_are_not_readable_in_the_database(
    browser: Browser, clinic: Clinic, hospital: Ehr
) -> None:
    browser.open(patient="ada")
    clinic.work()
    files = list(clinic.services.settings.data_dir.glob("spoils.sqlite3*"))
    stored = b"".join(path.read_bytes() for path in files)
    assert stored
    # words of their own, and a dot in a token: what is encrypted has any letters
    for secret in (rb"Example", rb"1961-04-12", rb"\bSB-1\b", rb"eyJ[\w-]+\.eyJ"):
        assert not re.search(secret, stored)
    del hospital


def test_closing_deletes_all_cases_and_gives_the_tokens_back(
    browser: Browser, clinic: Clinic, hospital: Ehr
) -> None:
    case = browser.open(patient="ada")
    clinic.work()
    hospital.log()
    assert browser.post(case, "/logout").status_code == 200
    assert browser.client.get(case).status_code == 401
    revoked = [e for e in hospital.log() if e["url"].startswith("/oauth/revoke")]
    assert [entry["status"] for entry in revoked] == [200]


def test_pages_carry_the_security_headers(browser: Browser) -> None:
    headers = browser.client.get("/").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_a_post_without_its_token_is_refused(browser: Browser, hospital: Ehr) -> None:
    case = browser.open(patient="ada")
    answer = browser.client.post(f"{case}sign", data={"confirm": "yes"})
    assert (answer.status_code, "expired" in answer.text) == (400, True)
    assert urlsplit(case).path == case
    del hospital
