"""Conversations with the EHR's authorization server, through authlib."""

import time
from dataclasses import dataclass, field
from typing import Any, Final

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import import_key

from smart_app.http import harden, json_object, translated
from smart_app.issuers import Issuer
from smart_app.launch_errors import DeniedError
from smart_app.settings import Settings
from smart_app.smart import Discovery, discovery_from, wanted_scopes
from smart_app.upstream_errors import (
    DiscoveryError,
    SessionEndedError,
)

ASSERTION_LIFE_S: Final = 240  # SMART App Launch 2.2, 5.2: at most five minutes

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


def discover(issuer: Issuer, timeout_s: float) -> Discovery:
    """Fetch the SMART configuration of an EHR that is on the list.

    Raises:
        DiscoveryError: It does not answer, or its answer is not usable.

    """
    document = _get_json(f"{issuer.url}/.well-known/smart-configuration", timeout_s)
    return discovery_from(document, issuer.url)


def fetch_jwks(discovery: Discovery, timeout_s: float) -> Json:
    """Fetch the keys that sign id_tokens.

    Raises:
        DiscoveryError: There are none, or the server does not answer.

    """
    if not discovery.jwks_uri:
        raise DiscoveryError("discovery names no jwks_uri")
    return _get_json(discovery.jwks_uri, timeout_s)


def authorization_url(
    issuer: Issuer,
    discovery: Discovery,
    settings: Settings,
    launch: str,
    secrets: Secrets,
) -> str:
    """Return where the browser goes to sign in (PKCE with S256)."""
    session = _session(issuer, discovery, settings)
    url, _ = session.create_authorization_url(
        discovery.authorization_endpoint,
        state=secrets.state,
        code_verifier=secrets.verifier,
        nonce=secrets.nonce,
        aud=issuer.url,
        launch=launch,
        scope=wanted_scopes(discovery),
    )
    return str(url)


def exchange_code(
    issuer: Issuer, discovery: Discovery, settings: Settings, code: str, verifier: str
) -> Json:
    """Turn a code into the token answer.

    Raises:
        DeniedError: The EHR refuses the code.
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
            raise DeniedError(f"token endpoint: {_code(error)}") from error


def refresh(
    issuer: Issuer, discovery: Discovery, settings: Settings, refresh_token: str
) -> Json:
    """Turn a refresh token into a new token answer.

    Raises:
        SessionEndedError: The EHR refuses the refresh token.
        DiscoveryError: The token endpoint does not answer.

    """
    session = _session(issuer, discovery, settings)
    with translated(DiscoveryError, "token endpoint"):
        try:
            token = session.refresh_token(
                discovery.token_endpoint, refresh_token=refresh_token
            )
            return _bearer(token)
        except (OAuthError, ValueError) as error:
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
    secret: object = issuer.client_secret
    method = "client_secret_basic" if secret else "none"
    if issuer.private_key:
        method = PrivateKeyJWT.name
        secret = import_key(issuer.private_key)
    session = OAuth2Session(
        issuer.client_id,
        secret,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        redirect_uri=f"{settings.base_url}/callback",
        code_challenge_method="S256",
    )
    if issuer.private_key:
        headers = {"kid": issuer.private_key["kid"]}
        algorithm = issuer.private_key["alg"]
        claims = {"exp": int(time.time()) + ASSERTION_LIFE_S}
        session.register_client_auth_method(
            PrivateKeyJWT(discovery.token_endpoint, claims, headers, algorithm)
        )
    harden(session, settings.http_timeout_s)
    return session


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
