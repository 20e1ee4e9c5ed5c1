"""Conversations with the EHR's authorization server, through authlib."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import import_key

from smart_app.ehrs.client_keys import ClientKeyError, Jwk, signing_key
from smart_app.ehrs.issuers import Issuer
from smart_app.http import harden, json_object, translated
from smart_app.launch.discovery import Discovery, discovery_from
from smart_app.launch.smart import wanted_scopes
from smart_app.launch_errors import RegistrationError, denial
from smart_app.settings import Settings, is_secure
from smart_app.upstream_errors import DiscoveryError, SessionEndedError

ASSERTION_LIFE_S: Final = 240  # SMART App Launch 2.2, 5.2: at most five minutes
STYLE_TIMEOUT_S: Final = 2.0  # our choice: colors are not worth waiting for
#: Refusals after which the refresh token may still be good (RFC 6749, 5.2).
PASSING_ERRORS: Final = ("invalid_client", "server_error", "temporarily_unavailable")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What one launch is recognized by; each is made anew and used once.

    Attributes:
        state: Ties the answer of the EHR to the browser.
        verifier: PKCE code verifier (RFC 7636).
        nonce: Ties the id_token to the launch.

    """

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRequest:
    """How a launch began.

    Attributes:
        iss: FHIR server, as it was named.
        handle: That of an EHR launch, ``None`` for a standalone launch.

    """

    iss: str
    handle: str | None = None


def discover(issuer: Issuer, timeout_s: float) -> Discovery:
    """Fetch the SMART configuration of an EHR that is on the list.

    Raises:
        DiscoveryError: It does not answer, or its answer is not usable.

    """
    document = _get_json(f"{issuer.url}/.well-known/smart-configuration", timeout_s)
    may_omit_pkce = "pkce_not_announced" in issuer.quirks
    return discovery_from(document, issuer.url, may_omit_pkce=may_omit_pkce)


def fetch_jwks(discovery: Discovery, token_issuer: str, timeout_s: float) -> Json:
    """Fetch the keys that sign id_tokens.

    Where the SMART configuration does not name them, the OpenID configuration of the
    token's issuer does (SMART App Launch 2.2, 3.0.13).

    Args:
        discovery: The SMART configuration.
        token_issuer: Who signed, already found to be the EHR's.
        timeout_s: Longest wait for one answer.

    Raises:
        DiscoveryError: There are none, or the server does not answer.

    """
    address = discovery.jwks_uri
    if not address:
        base = token_issuer.rstrip("/")
        document = _get_json(f"{base}/.well-known/openid-configuration", timeout_s)
        if document.get("issuer") != token_issuer:
            raise DiscoveryError("the OpenID configuration names another issuer")
        address = str(document.get("jwks_uri") or "")
    if not is_secure(address):
        raise DiscoveryError("discovery names no secure jwks_uri")
    return _get_json(address, timeout_s)


def fetch_style(address: str, issuer: Issuer) -> Json:
    """Fetch the colors of the EHR (``smart_style_url``), with no token and no patience.

    Raises:
        DiscoveryError: They are not to be had, or less safely than the EHR itself.

    """
    is_as_safe = urlsplit(address).scheme in {"https", urlsplit(issuer.url).scheme}
    if not is_secure(address) or not is_as_safe:
        raise DiscoveryError("the style is not at a secure address")
    return _get_json(address, STYLE_TIMEOUT_S)


def authorization_url(
    issuer: Issuer,
    discovery: Discovery,
    settings: Settings,
    request: LaunchRequest,
    secrets: Secrets,
) -> str:
    """Return where the browser goes to sign in (PKCE with S256).

    Args:
        issuer: The EHR.
        discovery: Its SMART configuration.
        settings: Those of this application.
        request: How the launch began.
        secrets: Made for this launch.

    """
    session = _session(issuer, discovery, settings)
    launch = request.handle
    scope = wanted_scopes(discovery, is_standalone=launch is None, own=issuer.scopes)
    url, _ = session.create_authorization_url(
        discovery.authorization_endpoint,
        state=secrets.state,
        code_verifier=secrets.verifier,
        nonce=secrets.nonce,
        aud=request.iss,  # letter by letter, with any slash at its end
        scope=scope,
        **({"launch": launch} if launch is not None else {}),
    )
    return str(url)


def as_form(url: str) -> tuple[str, list[tuple[str, str]]]:
    """Return an authorization request for POST: its address and its fields."""
    parts = urlsplit(url)
    fields = parse_qsl(parts.query, keep_blank_values=True)
    return parts._replace(query="").geturl(), fields


def exchange_code(
    issuer: Issuer, discovery: Discovery, settings: Settings, code: str, verifier: str
) -> Json:
    """Turn a code into the token answer.

    Raises:
        DeniedError: The EHR refuses the code, or does not know this client.
        DiscoveryError: The token endpoint does not answer.

    """
    session = _session(issuer, discovery, settings)
    with translated(DiscoveryError, "token endpoint"):
        try:
            token = session.fetch_token(
                discovery.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
            )
            return _bearer(token)
        except (OAuthError, ValueError) as error:
            raise denial("token endpoint", _code(error)) from error


def refresh(
    issuer: Issuer, discovery: Discovery, settings: Settings, refresh_token: str
) -> Json:
    """Turn a refresh token into a new token answer.

    Raises:
        SessionEndedError: The EHR refuses the refresh token.
        DiscoveryError: The token endpoint does not answer, or refuses for a reason
            that may pass.

    """
    session = _session(issuer, discovery, settings)
    with translated(DiscoveryError, "token endpoint"):
        try:
            token = session.refresh_token(
                discovery.token_endpoint, refresh_token=refresh_token
            )
            return _bearer(token)
        except ValueError as error:  # neither a token nor a refusal of it
            raise DiscoveryError(f"refresh: {_code(error)}") from error
        except OAuthError as error:
            if _code(error) in PASSING_ERRORS:
                raise DiscoveryError(f"refresh: {_code(error)}") from error
            raise SessionEndedError(f"refresh: {_code(error)}") from error


def revoke(
    issuer: Issuer, discovery: Discovery, settings: Settings, token: str
) -> None:
    """Give a token back where the EHR offers that.

    Raises:
        DiscoveryError: The server does not answer.

    """
    if discovery.revocation_endpoint:
        session = _session(issuer, discovery, settings)
        with translated(DiscoveryError, "revocation endpoint"):
            session.revoke_token(discovery.revocation_endpoint, token=token)


def _session(issuer: Issuer, discovery: Discovery, settings: Settings) -> OAuth2Session:
    method, secret, key = authentication_method(issuer, discovery), None, None
    if method == PrivateKeyJWT.name:
        key = _signing_key(issuer, discovery)
        secret = import_key(key)
    session = OAuth2Session(
        issuer.client_id,
        secret or issuer.client_secret,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        redirect_uri=f"{settings.base_url}/callback",
        code_challenge_method="S256",
    )
    if key:
        claims = {"exp": int(time.time()) + ASSERTION_LIFE_S}
        headers = {"kid": key["kid"], "typ": "JWT"}
        endpoint = discovery.token_endpoint  # the audience at every endpoint
        session.register_client_auth_method(
            PrivateKeyJWT(endpoint, claims, headers, key["alg"])
        )
    harden(session, settings.http_timeout_s)
    return session


def authentication_method(issuer: Issuer, discovery: Discovery) -> str:
    """Return how this client authenticates, in the words of RFC 8414."""
    if issuer.private_keys:
        return str(PrivateKeyJWT.name)
    if not issuer.client_secret:
        return "none"
    basic, post = "client_secret_basic", "client_secret_post"
    offered = discovery.authentication_methods
    return post if post in offered and basic not in offered else basic


def _signing_key(issuer: Issuer, discovery: Discovery) -> Jwk:
    try:
        offered = discovery.signing_algorithms
        return signing_key(issuer.private_keys, offered, datetime.now(UTC))
    except ClientKeyError as error:
        raise RegistrationError(f"private_key_file {error}") from error


def _get_json(url: str, timeout_s: float) -> Json:
    with translated(DiscoveryError, "discovery"), requests.Session() as session:
        harden(session, timeout_s)
        return json_object(session.get(url, headers={"Accept": "application/json"}))


def _bearer(token: Json) -> Json:
    is_bearer = str(token.get("token_type", "")).lower() == "bearer"
    if not is_bearer or not isinstance(token.get("access_token"), str):
        raise ValueError("no bearer token in the answer")
    return dict(token)


def _code(error: Exception) -> str:
    # the code of RFC 6749, never the description: it may name the patient
    return str(getattr(error, "error", None) or type(error).__name__)
