"""What the application sends, on recorded requests (SMART App Launch 2.2)."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import TLSVersion
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import update
from urllib3.util.ssl_ import create_urllib3_context

from smart_app.ehrs.client_keys import JWKS_PATH, WARM_UP, rotate
from smart_app.launch.launches import launch_of_job
from smart_app.launch.oauth import discover
from smart_app.launch.smart import can_write_type, needed_permissions
from smart_app.launch.tokens import access_token
from smart_app.tables import Launch
from smart_app.upstream_errors import DiscoveryError, SessionEndedError
from tests.smart_app.clinic import Clinic, query, settings_in
from tests.smart_app.live import listening
from tests.smart_app.recorder import Recorded, Recorder, launch, recording

APP = "http://127.0.0.1:9"
POST = {"capabilities": ["launch-ehr", "authorize-post", "permission-v2"]}
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUTHENTICATIONS = ["public", "secret", "ES384", "RS384"]
#: scope-token of SMART App Launch 2.2, 3.0.2.5
SCOPE = re.compile(
    r"(patient|user|system)/(\*|[A-Z]\w+)\.c?r?u?d?s?(\?\w+=[^&]+(&\w+=[^&]+)*)?"
)


@dataclass(frozen=True, slots=True)
class Case:
    """An application that knows one recording EHR."""

    clinic: Clinic
    ehr: Recorder

    def open(self, **given: str) -> str:
        """Launch and return the id of the case."""
        answer = launch(self.clinic, self.ehr, None, **given)
        assert answer.status_code == 303, answer.text
        return urlsplit(answer.location).path.split("/")[2]


Start = Callable[..., Case]


@pytest.fixture
def ehr() -> Iterator[Recorder]:
    """A recording EHR."""
    with recording() as recorder:
        yield recorder


@pytest.fixture
def start(tmp_path: Path, ehr: Recorder, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start an application with more fields in its entry of the EHR."""
    monkeypatch.setenv("TEST_SECRET", "s3cret")

    def begin(authentication: str = "public", **fields: Any) -> Case:  # noqa: ANN401
        if authentication == "secret":
            fields["client_secret_env"] = "TEST_SECRET"  # noqa: S105 - its name
        elif authentication != "public":
            keys = rotate(tmp_path / "keys.json", datetime.now(UTC) - 2 * WARM_UP)
            one = [key for key in keys if key["alg"] == authentication]
            (tmp_path / "keys.json").write_text(json.dumps({"keys": one}))
            fields["private_key_file"] = str(tmp_path / "keys.json")
        entry = {
            "issuer": ehr.fhir_base,
            "name": "Recorder",
            "client_id": "spoils-1",
            "dicomweb_url": "http://127.0.0.1:9/dicom-web",
        }
        path = tmp_path / "issuers.json"
        path.write_text(json.dumps([entry | fields]))
        settings = settings_in(tmp_path / "data", issuers=path, base_url=APP)
        return Case(Clinic(settings), ehr)

    return begin


@pytest.fixture
def case(start: Start) -> Case:
    """A public client."""
    return start()


def authorization(ehr: Recorder) -> Recorded:
    (request,) = ehr.seen("/authorize")
    return request


def assertion_of(case: Case, request: Recorded) -> jwt.Token:
    """Check a client assertion with the keys that the application publishes."""
    published = case.clinic.app.test_client().get(JWKS_PATH).get_json()
    keys = KeySet.import_key_set(published)
    return jwt.decode(request["client_assertion"], keys, algorithms=["ES384", "RS384"])


def check_authentication(case: Case, request: Recorded, authentication: str) -> None:
    if authentication == "public":
        assert request["client_id"] == "spoils-1"
        assert "authorization" not in request.headers
        return
    assert "client_id" not in request
    assert "client_secret" not in request
    if authentication == "secret":
        basic = base64.b64encode(b"spoils-1:s3cret").decode()
        assert request.headers["authorization"] == f"Basic {basic}"
        return
    token = assertion_of(case, request)
    assert request["client_assertion_type"] == JWT_BEARER
    assert (token.header["alg"], token.header["typ"]) == (authentication, "JWT")
    assert token.claims["iss"] == token.claims["sub"] == "spoils-1"
    assert token.claims["aud"] == f"{case.ehr.origin}/token"
    assert isinstance(token.claims["exp"], int)
    assert 0 < token.claims["exp"] - time.time() <= 300
    assert len(token.claims["jti"]) >= 32
    assert "jku" not in token.header  # it would have to be what was registered


def test_discovery_is_asked_below_the_fhir_base_for_json(case: Case) -> None:
    case.open()
    asked = case.ehr.requests[0]
    assert (asked.method, asked.path) == (
        "GET",
        "/fhir/.well-known/smart-configuration",
    )
    assert asked.headers["accept"] == "application/json"
    assert "authorization" not in asked.headers


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_authorization_request_carries_every_parameter_once(
    case: Case, method: str
) -> None:
    case.ehr.discovery = POST if method == "POST" else {}
    case.open()
    sent = authorization(case.ehr)
    assert sent.method == method
    assert sent["response_type"] == "code"
    assert sent["client_id"] == "spoils-1"
    assert sent["redirect_uri"] == f"{APP}/callback"
    assert sent["launch"] == "handle-1"
    assert sent["aud"] == case.ehr.fhir_base
    assert len(sent["state"]) >= 43  # 256 bits in base64
    assert sent["code_challenge_method"] == "S256"
    assert sent["scope"].split()[:3] == ["launch", "openid", "fhirUser"]
    assert len({name for name, _ in sent.parameters}) == len(sent.parameters)
    if method == "POST":
        assert sent.headers["content-type"] == "application/x-www-form-urlencoded"


def test_an_ehr_that_takes_no_post_after_all_is_asked_by_get(start: Start) -> None:
    case = start(quirks=["authorize_by_get"])
    case.ehr.discovery = POST
    case.open()
    assert authorization(case.ehr).method == "GET"


def test_the_page_that_posts_may_lead_to_the_sign_in_and_runs_no_foreign_script(
    case: Case,
) -> None:
    case.ehr.discovery = POST
    given = {"iss": case.ehr.fhir_base, "launch": '"><script>1</script>'}
    page = case.clinic.app.test_client().get("/launch", query_string=given)
    policy = page.headers["Content-Security-Policy"]
    assert "form-action 'self' https: http:;" in policy
    assert "script-src 'self';" in policy
    assert "<script>1" not in page.text


def test_a_standalone_launch_asks_for_a_patient_and_names_no_launch(case: Case) -> None:
    case.open(launch="")
    sent = authorization(case.ehr)
    assert "launch" not in sent
    assert "launch/patient" in sent["scope"].split()
    assert "launch" not in sent["scope"].split()


def test_the_start_page_offers_every_ehr_of_the_list(case: Case) -> None:
    page = case.clinic.app.test_client().get("/").text
    (address,) = re.findall(r'href="(/launch[^"]+)">Recorder<', page)
    assert query(address) == {"iss": case.ehr.fhir_base}


def test_an_ehr_that_launches_from_charts_only_is_not_asked(case: Case) -> None:
    case.ehr.discovery = {"capabilities": ["launch-ehr"]}
    answer = launch(case.clinic, case.ehr, launch="")
    assert (answer.status_code, "from a chart only" in answer.text) == (400, True)
    assert not case.ehr.seen("/authorize")


@pytest.mark.parametrize("version", ["permission-v1", "permission-v2"])
def test_scopes_are_well_formed_the_fewest_and_without_wildcards(
    case: Case, version: str
) -> None:
    case.ehr.discovery = {"capabilities": [version]}
    case.open()
    scopes = authorization(case.ehr)["scope"].split()
    clinical = [scope for scope in scopes if "/" in scope]
    assert len(scopes) == len({*scopes})
    assert not [scope for scope in clinical if "*" in scope]
    assert all(scope.startswith("patient/") for scope in clinical)
    if version == "permission-v2":
        assert all(SCOPE.fullmatch(scope) for scope in clinical)
        types = [scope.partition(".")[0] for scope in clinical]
        assert len(types) == len({*types})  # factored to their shortest form
        needed = needed_permissions()
        assert clinical == [f"patient/{name}.{needed[name]}" for name in needed]
    else:
        assert all(scope.endswith((".read", ".write")) for scope in clinical)


@pytest.mark.parametrize("offered", [[], ["launch/imagingstudy"]])
def test_the_open_study_is_asked_for_where_the_ehr_tells_it(
    case: Case, offered: list[str]
) -> None:
    case.ehr.discovery = {"scopes_supported": offered}
    case.open()
    scopes = authorization(case.ehr)["scope"].split()
    assert [scope for scope in scopes if scope.startswith("launch/")] == offered


def test_every_launch_has_secrets_of_its_own(case: Case) -> None:
    for _ in range(3):
        case.open()
    for name in ("state", "nonce", "code_challenge"):
        assert len({sent[name] for sent in case.ehr.seen("/authorize")}) == 3


def test_a_server_that_does_not_prove_who_it_is_gets_nothing(
    case: Case, tls: tuple[str, str]
) -> None:
    issuer = case.clinic.services.issuers.known(case.ehr.fhir_base)
    with (
        listening(case.ehr, tls=tls) as origin,
        pytest.raises(DiscoveryError, match="SSLError"),
    ):
        discover(replace(issuer, url=f"{origin}/fhir"), 5)
    assert case.ehr.requests == []


def test_no_server_is_asked_below_tls_1_2() -> None:
    assert create_urllib3_context().minimum_version >= TLSVersion.TLSv1_2


def test_a_site_can_say_which_scopes_are_asked_for(start: Start) -> None:
    own = ["openid", "fhirUser", "user/*.rs"]
    case = start(scopes=own)
    case.open()
    assert authorization(case.ehr)["scope"].split() == ["launch", *own]


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
def test_the_token_request_proves_the_launch_and_the_client(
    start: Start, authentication: str
) -> None:
    case = start(authentication)
    case.open()
    (sent,) = case.ehr.seen("/token")
    assert sent.method == "POST"
    kind = sent.headers["content-type"].partition(";")[0]
    assert kind == "application/x-www-form-urlencoded"
    assert sent["grant_type"] == "authorization_code"
    assert sent["code"] == "code-1"
    assert sent["redirect_uri"] == authorization(case.ehr)["redirect_uri"]
    digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert authorization(case.ehr)["code_challenge"] == challenge
    check_authentication(case, sent, authentication)


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
def test_a_refresh_request_proves_the_client_and_asks_for_no_more(
    start: Start, authentication: str
) -> None:
    case = start(authentication)
    launch_id = case.open()
    expire(case)
    access_token(case.clinic.services, launch_id)
    first, sent = case.ehr.seen("/token")
    assert (sent.method, sent["grant_type"]) == ("POST", "refresh_token")
    assert sent["refresh_token"] == "refresh-1"  # noqa: S105 - a test
    assert "scope" not in sent  # the same scopes again
    check_authentication(case, sent, authentication)
    if "client_assertion" in sent:
        ids = {assertion_of(case, request).claims["jti"] for request in (first, sent)}
        assert len(ids) == 2


def expire(case: Case) -> None:
    soon = case.clinic.services.clock() + timedelta(seconds=5)
    with case.clinic.services.sessions.begin() as session:
        session.execute(update(Launch).values(expires_at=soon))


def test_fewer_scopes_after_a_refresh_lower_what_is_offered(start: Start) -> None:
    case = start()
    launch_id = case.open()
    before = launch_of_job(case.clinic.services, launch_id)
    assert can_write_type(before.scopes, "CarePlan")
    case.ehr.token = {"scope": "patient/*.rs"}
    expire(case)
    access_token(case.clinic.services, launch_id)
    after = launch_of_job(case.clinic.services, launch_id)
    assert not can_write_type(after.scopes, "CarePlan")


def test_a_refreshed_token_for_another_patient_is_never_used(case: Case) -> None:
    launch_id = case.open()
    case.ehr.token = {"patient": "bob"}
    expire(case)
    with pytest.raises(SessionEndedError, match="another patient"):
        access_token(case.clinic.services, launch_id)
    assert access_token(case.clinic.services, launch_id) == "access-1"


@pytest.mark.parametrize("end", ["", "/"])
def test_the_audience_is_the_iss_letter_by_letter(case: Case, end: str) -> None:
    launch(case.clinic, case.ehr, None, iss=f"{case.ehr.fhir_base}{end}")
    assert authorization(case.ehr)["aud"] == f"{case.ehr.fhir_base}{end}"


def test_resources_are_asked_for_with_the_token_as_bearer(case: Case) -> None:
    case.open()
    (patient,) = case.ehr.seen("/fhir/Patient/ada")
    assert patient.headers["authorization"] == "Bearer access-1"


def test_closing_gives_the_token_back_with_the_clients_proof(start: Start) -> None:
    case = start("ES384")
    client = case.clinic.app.test_client()
    path = urlsplit(launch(case.clinic, case.ehr, client).location).path
    token = re.findall(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[0]
    client.post("/logout", data={"csrf_token": token})
    (sent,) = case.ehr.seen("/revoke")
    assert sent["token"] == "refresh-1"  # noqa: S105 - a test
    check_authentication(case, sent, "ES384")


@pytest.mark.parametrize(
    "user",
    ["Practitioner/doc", "{base}/Practitioner/doc", "Practitioner/doc/_history/2"],
)
def test_the_user_is_read_wherever_the_id_token_points(case: Case, user: str) -> None:
    case.ehr.claims = {"fhirUser": user.format(base=case.ehr.fhir_base)}
    opened = launch_of_job(case.clinic.services, case.open())
    assert opened.signer == "Practitioner/doc"
    assert opened.context.user_display == "Doctor"
    assert len(case.ehr.seen("/fhir/Practitioner/doc")) == 1


@pytest.mark.parametrize("issuer", ["{origin}", "{origin}/fhir"])
def test_keys_are_found_through_the_openid_configuration(
    case: Case, issuer: str
) -> None:
    case.ehr.discovery = {"issuer": None, "jwks_uri": None}
    case.ehr.claims = {"iss": issuer.format(origin=case.ehr.origin)}
    case.ehr.header = {"alg": "RS256"}  # and a key without a name
    assert launch_of_job(case.clinic.services, case.open()).signer


@pytest.mark.parametrize(
    ("claims", "is_named"),
    [
        ({"iss": "https://evil.example"}, True),
        ({"iss": "https://evil.example"}, False),
        ({"aud": "other"}, True),
        ({"nonce": "other"}, True),
        ({"exp": 1}, True),
    ],
)
def test_an_id_token_of_somebody_else_opens_nothing(
    case: Case, claims: dict[str, Any], *, is_named: bool
) -> None:
    case.ehr.discovery = {} if is_named else {"issuer": None, "jwks_uri": None}
    case.ehr.claims = claims
    answer = launch(case.clinic, case.ehr)
    assert (answer.status_code, "could not be verified" in answer.text) == (400, True)
    assert not case.ehr.seen("/fhir/Patient/ada")


def test_without_an_id_token_the_report_is_for_reading(case: Case) -> None:
    case.ehr.token = {"id_token": None}
    assert launch_of_job(case.clinic.services, case.open()).signer is None


def test_scopes_that_the_answer_leaves_out_are_those_asked_for(case: Case) -> None:
    case.ehr.token = {"scope": None}
    assert launch_of_job(case.clinic.services, case.open()).signer


def test_nothing_is_asked_that_an_ehr_need_not_support(case: Case) -> None:
    case.open()
    assert "max_age" not in authorization(case.ehr)
    assert not [r for r in case.ehr.requests if "auth_time" in str(r.parameters)]


def test_an_unknown_intent_and_tenant_open_the_usual_page(case: Case) -> None:
    case.ehr.token = {"intent": "reconcile-medications", "tenant": "north"}
    client = case.clinic.app.test_client()
    answer = launch(case.clinic, case.ehr, client)
    page = client.get(urlsplit(answer.location).path)
    assert (page.status_code, "is being analyzed" in page.text) == (200, True)


def test_the_colors_of_the_ehr_are_used_and_its_banner_is_not_repeated(
    case: Case,
) -> None:
    case.ehr.token = {
        "smart_style_url": f"{case.ehr.origin}/style.json",
        "need_patient_banner": False,
    }
    client = case.clinic.app.test_client()
    path = urlsplit(launch(case.clinic, case.ehr, client).location).path
    page = client.get(path).text
    assert f'href="{path}ehr.css"' in page
    assert "--accent: #00638a;" in client.get(f"{path}ehr.css").text
    assert 'aria-label="Patient"' not in page
    (asked,) = case.ehr.seen("/style.json")
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    "address", ["{origin}/absent", "ftp://x/y", "http://ehr/x", "x"]
)
def test_colors_that_are_not_to_be_had_stop_nothing(case: Case, address: str) -> None:
    case.ehr.token = {"smart_style_url": address.format(origin=case.ehr.origin)}
    client = case.clinic.app.test_client()
    page = client.get(urlsplit(launch(case.clinic, case.ehr, client).location).path)
    assert "ehr.css" not in page.text
    assert 'aria-label="Patient"' in page.text


def test_a_return_leads_nowhere_else(case: Case) -> None:
    client = case.clinic.app.test_client()
    begun = client.get(
        "/launch", query_string={"iss": case.ehr.fhir_base, "launch": "handle-1"}
    )
    sent = query(begun.location)
    case.ehr._nonce, case.ehr._scope = sent["nonce"], sent["scope"]  # noqa: SLF001
    case.ehr._client_id = "spoils-1"  # noqa: SLF001
    evil = dict.fromkeys(
        ("next", "url", "redirect_uri", "target"), "https://evil.example"
    )
    answer = client.get(
        "/callback", query_string={"code": "code-1", "state": sent["state"], **evil}
    )
    assert answer.location.startswith("/cases/")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("access_denied", "refused access"),
        ("invalid_scope", "registration"),
        ("unauthorized_client", "registration"),
        ("temporarily_unavailable", "could not sign you in"),
        ("<script>", "refused access"),
    ],
)
def test_a_refusal_says_who_has_to_do_something(
    case: Case, code: str, words: str
) -> None:
    case.ehr.refusal = code
    answer = launch(case.clinic, case.ehr)
    assert (answer.status_code, words in answer.text) == (400, True)
    assert "<script>" not in answer.text


def test_a_refusal_without_state_is_one_too(case: Case) -> None:
    client = case.clinic.app.test_client()
    client.get("/launch", query_string={"iss": case.ehr.fhir_base, "launch": "x"})
    answer = client.get("/callback", query_string={"error": "invalid_scope"})
    assert (answer.status_code, "registration" in answer.text) == (400, True)


def test_a_form_of_another_site_does_nothing(case: Case) -> None:
    client = case.clinic.app.test_client()
    path = urlsplit(launch(case.clinic, case.ehr, client).location).path
    token = re.findall(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[0]
    form = {"csrf_token": token}
    for sender in ("https://evil.example", "null"):
        answer = client.post("/logout", data=form, headers={"Origin": sender})
        assert (answer.status_code, "another site" in answer.text) == (403, True)
    assert client.post("/logout", headers={"Origin": APP}).status_code == 400
    assert client.get(path).status_code == 200
    answer = client.post("/logout", data=form, headers={"Origin": APP})
    assert answer.status_code == 200


def test_another_user_of_the_same_browser_sees_no_case_of_the_first(case: Case) -> None:
    client = case.clinic.app.test_client()
    first = urlsplit(launch(case.clinic, case.ehr, client).location).path
    same = urlsplit(launch(case.clinic, case.ehr, client).location).path
    assert client.get(first).status_code == client.get(same).status_code == 200
    case.ehr.claims = {"fhirUser": "Practitioner/other", "name": "Other"}
    second = urlsplit(launch(case.clinic, case.ehr, client).location).path
    assert [client.get(path).status_code for path in (first, same, second)] == [
        404,
        404,
        200,
    ]
    assert len(case.ehr.seen("/revoke")) == 2


def test_keys_are_published_for_everybody_and_may_be_kept(start: Start) -> None:
    case = start("RS384")
    answer = case.clinic.app.test_client().get(JWKS_PATH)
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    (key,) = answer.get_json()["keys"]
    assert {"kty", "kid", "n", "e"} <= set(key)
    assert not {"d", "p", "q", "dp", "dq", "qi", "x5c"} & set(key)
