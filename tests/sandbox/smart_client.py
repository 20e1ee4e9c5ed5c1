"""A SMART app in a few lines, to see the EHR with an app's eyes."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests

from sandbox.services import Ehr

CALLBACK = "http://127.0.0.1:5000/callback"
READ_ALL = "launch openid fhirUser online_access patient/*.rs"
TIMEOUT_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """A PKCE pair (RFC 7636)."""

    secret: str
    challenge: str


def new_verifier() -> Verifier:
    secret = secrets.token_urlsafe(48)
    digest = hashlib.sha256(secret.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return Verifier(secret=secret, challenge=challenge)


def authorize(
    ehr: Ehr, *, browser: requests.Session | None = None, **changes: str | None
) -> dict[str, str]:
    """Ask for a code as a browser would and return what the callback receives."""
    tab = browser or requests.Session()
    parameters = {
        "response_type": "code",
        "client_id": "public",
        "redirect_uri": CALLBACK,
        "scope": READ_ALL,
        "state": "state-1",
        "aud": ehr.fhir_base,
        "code_challenge_method": "S256",
        **changes,
    }
    if "openid" in (parameters["scope"] or ""):
        parameters["nonce"] = "nonce-1"
    given = {key: value for key, value in parameters.items() if value is not None}
    url = f"{ehr.origin}/oauth/authorize?{urlencode(given)}"
    while not url.startswith(CALLBACK):
        answer = tab.get(url, allow_redirects=False, timeout=TIMEOUT_S)
        if "location" not in answer.headers:
            return {"error_page": str(answer.status_code)}
        url = urljoin(url, answer.headers["location"])
    return {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}


def exchange(ehr: Ehr, **form: str) -> requests.Response:
    """Ask the token endpoint."""
    return requests.post(f"{ehr.origin}/oauth/token", data=form, timeout=TIMEOUT_S)


def token(
    ehr: Ehr,
    *,
    scope: str = READ_ALL,
    browser: requests.Session | None = None,
    **context: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Launch, consent and return the token answer."""
    verifier = new_verifier()
    launch = ehr.launch(**context)["launch"]
    callback = authorize(
        ehr,
        browser=browser,
        launch=launch,
        scope=scope,
        code_challenge=verifier.challenge,
    )
    answer = exchange(
        ehr,
        grant_type="authorization_code",
        code=callback["code"],
        redirect_uri=CALLBACK,
        client_id="public",
        code_verifier=verifier.secret,
    )
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


class Fhir(requests.Session):
    """FHIR requests with a token; addresses are relative to the FHIR base."""

    def __init__(self, ehr: Ehr, *, scope: str, **context: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.base = ehr.fhir_base
        access_token = token(ehr, scope=scope, **context)["access_token"]
        self.headers["Authorization"] = f"Bearer {access_token}"

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        **options: Any,  # noqa: ANN401
    ) -> requests.Response:
        """Send one request below the FHIR base."""
        address = url if url.startswith("http") else f"{self.base}/{url}"
        return super().request(method, address, timeout=TIMEOUT_S, **options)
