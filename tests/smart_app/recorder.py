"""A SMART server that records what a client sends, and can be told to be odd.

It agrees to everything: the tests judge the requests, as Inferno's client suite does.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from time import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request, Response

from smart_app.launch.smart import needed_permissions
from tests.smart_app.charts import ADA, BOB, DOCTOR
from tests.smart_app.clinic import Clinic
from tests.smart_app.live import listening

TIMEOUT_S = 10
KEY = RSAKey.generate_key(2048, {"kid": "recorder", "alg": "RS256", "use": "sig"})
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One request as it came.

    Attributes:
        method: GET or POST.
        path: Path without query.
        parameters: Those of the query, or of the form.
        headers: Headers, names in lower case.

    """

    method: str
    path: str
    parameters: list[tuple[str, str]]
    headers: dict[str, str]

    def __getitem__(self, name: str) -> str:
        (value,) = [value for key, value in self.parameters if key == name]
        return value

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.parameters)


@dataclass
class Recorder:
    """What the server answers; tests change it before they launch.

    Attributes:
        origin: Where it is.
        discovery: What is different in its SMART configuration; ``None`` leaves out.
        token: What is different in its token answers, likewise.
        claims: What is different in its id_tokens, likewise.
        header: Header of its id_tokens.
        refusal: Error code that the sign-in answers instead of a code.
        statement: What is different in its CapabilityStatement, likewise.
        failures: Path -> status, headers and document of an answer in its place.
        requests: What came.

    """

    origin: str = ""
    discovery: Json = field(default_factory=dict)
    token: Json = field(default_factory=dict)
    claims: Json = field(default_factory=dict)
    header: Json = field(default_factory=lambda: {"alg": "RS256", "kid": "recorder"})
    refusal: str | None = None
    statement: Json = field(default_factory=dict)
    failures: dict[str, tuple[int, dict[str, str], Json]] = field(default_factory=dict)
    requests: list[Recorded] = field(default_factory=list)
    _nonce: str = ""
    _scope: str = ""
    _client_id: str = ""
    _tokens: int = 0

    @property
    def fhir_base(self) -> str:
        """Base of its FHIR server."""
        return f"{self.origin}/fhir"

    def seen(self, path: str) -> list[Recorded]:
        """Return the requests to a path."""
        return [request for request in self.requests if request.path == path]

    def __call__(self, environ: Any, start_response: Any) -> Any:  # noqa: ANN401 - WSGI
        """Answer, as WSGI asks for it."""
        request = Request(environ)
        is_form = request.mimetype == "application/x-www-form-urlencoded"
        text = request.get_data(as_text=True) if is_form else request.query_string
        pairs = parse_qsl(text if isinstance(text, str) else text.decode())
        recorded = Recorded(
            method=request.method,
            path=request.path,
            parameters=pairs,
            headers={name.lower(): value for name, value in request.headers.items()},
        )
        self.requests.append(recorded)
        return self._answer(recorded)(environ, start_response)

    def _answer(self, request: Recorded) -> Response:
        if request.path in self.failures:
            status, headers, failed = self.failures[request.path]
            return Response(json.dumps(failed), status, headers)
        if request.path == "/authorize":
            return self._authorize(request)
        documents: dict[str, Callable[[], object]] = {
            "/fhir/.well-known/smart-configuration": self._configuration,
            "/.well-known/openid-configuration": self._openid_configuration,
            "/fhir/.well-known/openid-configuration": self._openid_configuration,
            "/keys": lambda: {"keys": [KEY.as_dict(private=False)]},
            "/token": self._token_answer,
            "/revoke": dict,
            "/style.json": lambda: {"color_highlight": "#00638a"},
            "/fhir/metadata": self._statement,
            "/dicom-web/studies": list,
            "/fhir/Patient/ada": lambda: ADA,
            "/fhir/Patient/bob": lambda: BOB,
            "/fhir/Practitioner/doc": lambda: DOCTOR,
        }
        if document := documents.get(request.path):
            return _json(document())
        if re.fullmatch(r"/fhir/[A-Z]\w+", request.path):
            return _json({"resourceType": "Bundle", "type": "searchset"})
        return Response("{}", 404)

    def _authorize(self, request: Recorded) -> Response:
        self._nonce = request["nonce"]
        self._scope = request["scope"]
        self._client_id = request["client_id"]
        answer = {"code": "code-1"}
        if self.refusal:
            answer = {"error": self.refusal}
        query = urlencode({**answer, "state": request["state"]})
        location = f"{request['redirect_uri']}?{query}"
        return Response("", 302, {"Location": location})

    def _configuration(self) -> Json:
        usual = {
            "issuer": self.origin,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "revocation_endpoint": f"{self.origin}/revoke",
            "jwks_uri": f"{self.origin}/keys",
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["online_access"],
            "capabilities": ["launch-ehr", "launch-standalone", "permission-v2"],
        }
        return _changed(usual, self.discovery)

    def _openid_configuration(self) -> Json:
        issuer = self.claims.get("iss", self.origin)
        return {"issuer": issuer, "jwks_uri": f"{self.origin}/keys"}

    def _statement(self) -> Json:
        usual = {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "rest": [
                {
                    "mode": "server",
                    "resource": [
                        {
                            "type": name,
                            "interaction": [
                                {"code": code}
                                for code in ("read", "search-type", "create")
                            ],
                        }
                        for name in needed_permissions()
                    ],
                    "interaction": [{"code": "transaction"}],
                }
            ],
        }
        return _changed(usual, self.statement)

    def _token_answer(self) -> Json:
        self._tokens += 1
        usual = {
            "access_token": f"access-{self._tokens}",
            "refresh_token": f"refresh-{self._tokens}",
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": self._scope,
            "patient": "ada",
            "id_token": self._id_token(),
        }
        return _changed(usual, self.token)

    def _id_token(self) -> str:
        now = int(time())
        usual = {
            "iss": self.origin,
            "aud": self._client_id,
            "sub": "doc",
            "nonce": self._nonce,
            "iat": now,
            "exp": now + 300,
            "fhirUser": "Practitioner/doc",
        }
        claims = _changed(usual, self.claims)
        return jwt.encode(self.header, claims, KEY, algorithms=["RS256"])


@contextmanager
def recording() -> Iterator[Recorder]:
    """Serve a recorder on a free port of loopback."""
    recorder = Recorder()
    with listening(recorder) as origin:
        recorder.origin = origin
        yield recorder


def launch(
    clinic: Clinic,
    recorder: Recorder,
    client: Client | None = None,
    /,
    **query: str,
) -> TestResponse:
    """Launch as a browser would, and return the answer of ``/callback``."""
    browser = client or clinic.app.test_client()
    given = {"iss": recorder.fhir_base, "launch": "handle-1"} | query
    answer = browser.get(
        "/launch", query_string={name: value for name, value in given.items() if value}
    )
    if answer.status_code == 302:
        sent = requests.get(answer.location, allow_redirects=False, timeout=TIMEOUT_S)
    elif answer.status_code == 200:
        sent = _press(answer.text)
    else:
        return answer
    back = urlsplit(sent.headers["Location"])
    return browser.get(f"{back.path}?{back.query}")


def _press(page: str) -> requests.Response:
    """Send the form of a page as its script does."""
    (action,) = re.findall(r'action="([^"]+)"', page)
    fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    form = {name: unescape(value) for name, value in fields}
    return requests.post(
        unescape(action), data=form, allow_redirects=False, timeout=TIMEOUT_S
    )


def _changed(usual: Json, changes: Mapping[str, Any]) -> Json:
    return {k: v for k, v in {**usual, **changes}.items() if v is not None}


def _json(document: object) -> Response:
    return Response(json.dumps(document), mimetype="application/json")
