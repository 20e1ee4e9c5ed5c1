"""The CDS Hooks service: who may ask, what is answered, and what is kept of it."""

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from fhir_mappings.cds_cards import OVERRIDE_REASONS, SERVICE_ID, service
from sandbox.processes import free_port
from smart_app.tables import CdsCard, CdsFeedback, CdsToken
from tests.fhir_mappings.charts import condition, status
from tests.smart_app.cds_client import (
    EC,
    FHIR,
    ISS,
    ORIGIN,
    RSA,
    Json,
    Key,
    KeyServer,
    claims,
    hook_body,
    issuers,
    key_server,
    searchset,
    signed,
)
from tests.smart_app.clinic import Clinic, settings_in
from tests.smart_app.live import served

BASE = "http://127.0.0.1:8000"
PATH = f"/cds-services/{SERVICE_ID}"
MEGABYTE = 1024 * 1024
DB = "spoils.sqlite3"
EPSILON = timedelta(seconds=1)

Call = Callable[..., TestResponse]


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    """The server of the client's keys."""
    with key_server() as server:
        yield server


def installed(folder: Path, keys: KeyServer, base_url: str = BASE) -> Clinic:
    path = folder / "issuers.json"
    path.write_text(json.dumps(issuers(keys.url)))
    return Clinic(settings_in(folder / "data", issuers=path, base_url=base_url))


@pytest.fixture
def clinic(tmp_path: Path, keys: KeyServer) -> Iterator[Clinic]:
    """The application; no EHR and no archive is near."""
    opened = installed(tmp_path, keys)
    yield opened
    opened.close()


@pytest.fixture
def call(clinic: Clinic) -> Call:
    """Call the service with a good token and body, unless told otherwise."""

    def post(
        path: str = PATH,
        token: str | None = None,
        body: Json | None = None,
        **more: Any,  # noqa: ANN401 - of werkzeug
    ) -> TestResponse:
        if "data" not in more:
            more["json"] = hook_body() if body is None else body
        token = signed(claims(BASE)) if token is None else token
        headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
        return clinic.app.test_client().post(path, headers=headers, **more)

    return post


def rows(clinic: Clinic, table: type) -> int:
    with clinic.services.sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def error_of(answer: TestResponse) -> str:
    return str(answer.get_json()["error"])


# --- what is answered ---------------------------------------------------------------


def test_discovery_is_public_and_names_the_one_service(clinic: Clinic) -> None:
    answer = clinic.app.test_client().get("/cds-services")
    assert answer.get_json() == {"services": [service()]}


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES384"), (RSA, "RS384")])
def test_a_signed_call_gets_one_card_with_the_launch_url(
    call: Call, key: Key, alg: str
) -> None:
    answer = call(token=signed(claims(BASE), key, alg))
    assert answer.status_code == 200, answer.text
    (card,) = answer.get_json()["cards"]
    assert [link["url"] for link in card["links"]] == [f"{BASE}/launch"]


def test_the_running_app_answers_over_the_network(
    tmp_path: Path, keys: KeyServer
) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    clinic = installed(tmp_path, keys, base)
    with served(clinic, port):
        header = {"Authorization": f"Bearer {signed(claims(base))}"}
        url, body = f"{base}{PATH}", hook_body()
        first = requests.post(url, json=body, headers=header, timeout=10)
        again = requests.post(url, json=body, headers=header, timeout=10)
        other = signed(claims(base))
        header = {"Authorization": f"Bearer {other}"}
        large = b"x" * (3 * MEGABYTE)
        header["Content-Type"] = "application/json"
        oversized = requests.post(url, data=large, headers=header, timeout=10)
    clinic.close()
    assert (first.status_code, len(first.json()["cards"])) == (200, 1)
    assert (again.status_code, oversized.status_code) == (401, 413)


@pytest.mark.parametrize(
    "prefetch",
    [
        None,
        {},
        {"patient": None, "conditions": None, "imagingStudies": None},
        {**hook_body()["prefetch"], "imagingStudies": None},
        {
            **hook_body()["prefetch"],
            "conditions": searchset(
                condition("279039007", verificationStatus=status("entered-in-error"))
            ),
        },
    ],
)
def test_without_the_facts_in_the_prefetch_there_is_no_card(
    call: Call, clinic: Clinic, prefetch: Json | None
) -> None:
    answer = call(body=hook_body(prefetch=prefetch))
    assert (answer.status_code, answer.get_json()) == (200, {"cards": []})
    assert rows(clinic, CdsCard) == 0


def test_an_access_token_of_the_client_is_not_used(call: Call) -> None:
    authorization = {"access_token": "t", "scope": "patient/*.rs"}
    body = hook_body(prefetch={}, fhirAuthorization=authorization)
    assert call(body=body).get_json() == {"cards": []}


# --- who may ask --------------------------------------------------------------------

STRANGER = ECKey.generate_key("P-384", {"kid": "ec"})
UNKNOWN = ECKey.generate_key("P-384", {"kid": "unknown"})
SECRET = OctKey.import_key("0" * 64, {"kid": "ec"})
NONE = (  # {"alg":"none","kid":"ec"} and {}
    "eyJhbGciOiJub25lIiwia2lkIjoiZWMifQ.e30."
)


def now() -> int:
    """Seconds: asked when a test runs, which may be long after it was collected."""
    return int(claims(BASE)["iat"])


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "no Authorization"),
        ("junk", "no signed JWT"),
        ("x" * 9000, "longer than"),
        (NONE, "alg of the token"),
        (lambda: signed(claims(BASE), SECRET, "HS256"), "alg of the token"),
        (lambda: signed(claims(BASE), STRANGER), "not signed by its client"),
        (lambda: signed(claims(BASE), UNKNOWN), "no key of its client"),
        (
            lambda: signed(claims(BASE), RSA, "RS384", kid="ec"),
            "not signed by its client",
        ),
        (lambda: signed(claims(BASE, aud="https://other.example")), "aud"),
        (lambda: signed(claims(BASE, aud=f"{BASE}{PATH}/")), "aud"),
        (lambda: signed(claims(BASE, aud=f"{BASE}{PATH}/feedback")), "aud"),
        (lambda: signed(claims(BASE, aud=None)), "aud"),
        (lambda: signed(claims(BASE, iat=now() - 400, exp=now() - 100)), "past"),
        (lambda: signed(claims(BASE, exp=None)), "exp"),
        (lambda: signed(claims(BASE, exp=True)), "exp"),
        (lambda: signed(claims(BASE, exp="soon")), "exp"),
        (lambda: signed(claims(BASE, exp=now() + 86400)), "too far ahead"),
        (lambda: signed(claims(BASE, exp=10**400)), "too far ahead"),
        (lambda: signed(claims(BASE, exp=float("nan"))), "exp"),
        (lambda: signed(claims(BASE, iat=now() - 86400)), "too long ago"),
        (lambda: signed(claims(BASE, iat=-(10**400))), "too long ago"),
        (lambda: signed(claims(BASE, iat=now() + 200)), "ahead"),
        (lambda: signed(claims(BASE, iat=now(), exp=now())), "valid for at most"),
        (lambda: signed(claims(BASE, iat=None)), "iat"),
        (lambda: signed(claims(BASE, jti=None)), "jti"),
        (lambda: signed(claims(BASE, jti="")), "jti"),
        (lambda: signed(claims(BASE, jti="x" * 256)), "jti"),
    ],
)
def test_a_bad_token_is_refused_with_its_reason(
    call: Call, clinic: Clinic, token: str | Callable[[], str], words: str
) -> None:
    answer = call(token=token if isinstance(token, str) else token())
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert words in error_of(answer)
    assert (rows(clinic, CdsToken), rows(clinic, CdsCard)) == (0, 0)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (signed(claims(BASE, iss="https://foreign.example")), "iss"),
        (signed(claims(BASE, iss="https://none.example/fhir")), "iss"),
        (signed(claims(BASE, iss=f"{ISS}/")), "iss"),
        (signed(claims(BASE, iss=None)), "iss"),
        (signed(claims(BASE, iss=["x"])), "iss"),
        (signed(claims(BASE), jku="https://foreign.example/jwks"), "jku"),
    ],
)
def test_a_client_that_is_not_listed_may_not_ask(
    call: Call, keys: KeyServer, token: str, words: str
) -> None:
    answer = call(token=token)
    assert (answer.status_code, words in error_of(answer)) == (403, True)
    assert keys.requests == 0


def test_a_listed_jku_and_a_list_of_audiences_are_accepted(
    call: Call, keys: KeyServer
) -> None:
    several = claims(BASE, aud=["https://other.example", f"{BASE}{PATH}"])
    assert call(token=signed(several, jku=keys.url)).status_code == 200


def test_a_client_cannot_ask_for_another_ehr(call: Call) -> None:
    answer = call(body=hook_body(fhirServer="https://two.example/fhir"))
    assert (answer.status_code, "fhirServer" in error_of(answer)) == (403, True)
    assert call(body=hook_body(fhirServer=f"{FHIR}/")).status_code == 200


def test_a_token_counts_once_even_when_many_use_it_at_once(call: Call) -> None:
    token = signed(claims(BASE))
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda _: call(token=token).status_code, range(8)))
    assert sorted(codes) == [200, *[401] * 7]


def test_the_same_jti_of_two_clients_is_two_tokens(call: Call) -> None:
    two = {"iss": "https://two.example/fhir", "jti": "same"}
    assert call(token=signed(claims(BASE, jti="same"))).status_code == 200
    body = hook_body(fhirServer=None)
    assert call(token=signed(claims(BASE, **two)), body=body).status_code == 200


def test_keys_are_fetched_once_and_again_after_a_rotation(
    call: Call, keys: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [call().status_code, call().status_code, keys.requests] == [200, 200, 1]
    keys.keys = [UNKNOWN]
    rotated = [call(token=signed(claims(BASE), UNKNOWN)) for _ in range(2)]
    assert [answer.status_code for answer in rotated] == [401, 401]
    assert keys.requests == 1  # strangers cannot make us ask again and again
    monkeypatch.setattr("smart_app.cds_hooks.keys.PAUSE", -EPSILON)
    assert call(token=signed(claims(BASE), UNKNOWN)).status_code == 200
    assert call().status_code == 401  # the withdrawn key


@pytest.mark.parametrize(
    ("code", "content"),
    [
        (500, b"{}"),
        (302, b""),
        (200, b"<html>"),
        (200, b'{"keys": 7}'),
        (200, b'{"keys": [null]}'),
        (200, b'{"keys": []}'),
        (200, b" " * MEGABYTE),
        (200, b"[" * 100_000),
    ],
)
def test_a_client_without_usable_keys_is_an_error_of_its_own(
    call: Call, keys: KeyServer, code: int, content: bytes
) -> None:
    keys.status, keys.content = code, content
    assert [call().status_code, call().status_code] == [502, 502]
    assert keys.requests == 1


# --- what is malformed --------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"hook": "order-sign"},
        {"hookInstance": None},
        {"hookInstance": "1"},
        {"context": None},
        {"context": []},
        {"context": {"patientId": "1"}},
        {"context": {"userId": "Practitioner/doc"}},
        {"context": {"userId": "Practitioner/doc", "patientId": "../2"}},
        {"context": {"userId": "Practitioner/doc", "patientId": 1}},
        {"fhirServer": 7},
        {"prefetch": [1]},
        {"prefetch": {"patient": "Patient/1"}},
    ],
)
def test_a_malformed_call_is_refused(call: Call, changes: Json) -> None:
    answer = call(body=hook_body(**changes))
    assert (answer.status_code, bool(error_of(answer))) == (400, True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"hook": NaN}',
        b"\xff",
        b"[" * 200_000,
        b'"\\ud800"',
    ],
)
def test_a_body_that_is_no_json_object_is_refused(call: Call, content: bytes) -> None:
    answer = call(data=content, content_type="application/json")
    assert answer.status_code == 400


def test_a_form_is_no_call(call: Call) -> None:
    answer = call(data={"hook": "patient-view"})
    assert (answer.status_code, "Content-Type" in error_of(answer)) == (400, True)


@pytest.mark.parametrize("depth", [200, 400, 600, 900])
def test_deep_nesting_is_refused_or_passed_over(call: Call, depth: int) -> None:
    start, end = '{"a":' * depth, "}" * depth
    patient = f'{{"resourceType": "Patient", "id": "1", "x": {start}1{end}}}'
    body = json.dumps(hook_body(prefetch={"patient": "HERE"}))
    content = body.replace('"HERE"', patient).encode()
    assert call(data=content, content_type="application/json").status_code in {200, 400}


def test_an_oversized_body_is_refused(call: Call) -> None:
    body = hook_body(padding="x" * 2 * MEGABYTE)
    assert call(body=body).status_code == 413


def test_a_large_prefetch_is_read(call: Call) -> None:
    many = [condition("73211009", id=f"d{number}") for number in range(1000)]
    prefetch = hook_body()["prefetch"]
    prefetch["conditions"]["entry"] += searchset(*many)["entry"]
    assert len(call(body=hook_body(prefetch=prefetch)).get_json()["cards"]) == 1


def test_an_unknown_service_does_not_exist(call: Call) -> None:
    answer = call("/cds-services/other")
    assert (answer.status_code, error_of(answer)) == (404, "Not Found")


# --- feedback -----------------------------------------------------------------------

REASON = {k: OVERRIDE_REASONS[0][k] for k in ("system", "code")}


def shown(call: Call) -> str:
    """Return the UUID of a card that was shown."""
    return str(call().get_json()["cards"][0]["uuid"])


def answer_on(card: str, **changes: object) -> Json:
    usual = {
        "card": card,
        "outcome": "overridden",
        "overrideReason": {"reason": REASON, "userComment": "Ada Nowak said no"},
        "outcomeTimestamp": "2026-03-31T22:00:00.5+02:00",
    }
    return {**usual, **changes}


def give(call: Call, *answers: Json, **claimed: str) -> TestResponse:
    claimed = {"aud": f"{BASE}{PATH}/feedback"} | claimed
    token = signed(claims(BASE, **claimed))
    return call(f"{PATH}/feedback", token=token, body={"feedback": list(answers)})


def test_feedback_is_kept_once_and_without_the_comment(
    call: Call, clinic: Clinic
) -> None:
    card = shown(call)
    accepted = answer_on(card, outcome="accepted", acceptedSuggestions=[])
    for _ in range(2):
        answer = give(call, answer_on(card), accepted)
        assert (answer.status_code, answer.text) == (200, "")
    with clinic.services.sessions() as session:
        kept = session.scalars(select(CdsFeedback)).all()
    found = {(row.card_id, row.outcome, row.reason) for row in kept}
    assert found == {
        (card, "overridden", REASON["code"]),
        (card, "accepted", None),
    }
    assert b"Nowak" not in (clinic.services.settings.data_dir / DB).read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"card": "1"},
        {"card": str(uuid4())},
        {"outcome": "ignored"},
        {"outcome": ["accepted"]},
        {"overrideReason": "no"},
        {"overrideReason": {"reason": {"code": "x"}}},
        {"overrideReason": {"reason": {**REASON, "code": "Ada Nowak"}}},
        {"outcomeTimestamp": None},
        {"outcomeTimestamp": "2026-03-31"},
        {"outcomeTimestamp": "2026-03-31T22:00:00"},
        {"outcomeTimestamp": "2026-02-30T22:00:00Z"},
        {"outcomeTimestamp": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_one_malformed_answer_keeps_all_of_them_out(
    call: Call, clinic: Clinic, changes: Json
) -> None:
    card = shown(call)
    answer = give(call, answer_on(card), {**answer_on(card), **changes})
    assert (answer.status_code, rows(clinic, CdsFeedback)) == (400, 0)


@pytest.mark.parametrize("feedback", [None, {}, [], ["x"], [{}] * 101])
def test_feedback_is_a_list_of_some_answers(call: Call, feedback: object) -> None:
    body = {"feedback": feedback}
    assert call(f"{PATH}/feedback", body=body).status_code == 400


def test_no_client_answers_for_another(call: Call) -> None:
    card = shown(call)
    answer = give(call, answer_on(card), iss="https://two.example/fhir")
    assert (answer.status_code, "card" in error_of(answer)) == (400, True)


def test_feedback_needs_a_token_too(call: Call) -> None:
    body = {"feedback": [answer_on(shown(call))]}
    assert call(f"{PATH}/feedback", token=NONE, body=body).status_code == 401


def test_what_is_old_is_deleted_by_itself(call: Call, clinic: Clinic) -> None:
    old = clinic.services.clock() - timedelta(days=91)
    card = CdsCard(id="old", issuer=FHIR, created_at=old)
    said = CdsFeedback(card_id="old", outcome="accepted", outcome_at=old, reason=None)
    with clinic.services.sessions.begin() as session:
        session.add(CdsToken(digest="old", expires_at=old))
        session.add(card)
    with clinic.services.sessions.begin() as session:
        session.add(said)
    shown(call)
    counts = [rows(clinic, table) for table in (CdsToken, CdsCard, CdsFeedback)]
    assert counts == [1, 1, 0]


# --- browsers and the log -----------------------------------------------------------


def test_browsers_of_listed_origins_may_read_the_answers(
    call: Call, clinic: Clinic
) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    preflight = clinic.app.test_client().options(PATH, headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    answer = call(headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", ["https://foreign.example", "null", f"{ORIGIN}.x"])
def test_no_other_origin_may(call: Call, origin: str) -> None:
    answer = call(headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_other_pages_of_the_app_are_for_no_other_origin(clinic: Clinic) -> None:
    answer = clinic.app.test_client().get("/", headers={"Origin": ORIGIN})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_log_says_nothing_of_the_patient(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    call()
    call(token=signed(claims(BASE, iss="Ada Nowak")))
    context = {"userId": "Practitioner/doc", "patientId": "Ada Nowak"}
    call(body=hook_body(context=context))
    assert "cds hook answered with a card" in caplog.text
    for value in ("Nowak", "MRN-7", "1961", "Practitioner/doc", "ImagingStudy/"):
        assert value not in caplog.text
