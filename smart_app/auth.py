"""Launch, answer of the EHR, and log-out."""

import logging
import secrets

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from smart_app.banner import banner_of, person_name
from smart_app.chart import fhir_client
from smart_app.errors import UpstreamError
from smart_app.fhir_client import FhirClient
from smart_app.id_token import Expected, validated_claims
from smart_app.issuers import Issuer
from smart_app.job_rows import queue_job
from smart_app.launch_errors import (
    DeniedError,
    IdTokenError,
    LaunchParameterError,
    UnknownStateError,
)
from smart_app.launches import (
    close_launches,
    keep_launch,
    keep_names,
    keep_pending,
    new_secrets,
    take_pending,
)
from smart_app.oauth import (
    Json,
    authorization_url,
    discover,
    exchange_code,
    fetch_jwks,
    revoke,
)
from smart_app.services import Services, current_services
from smart_app.smart import (
    Discovery,
    LaunchContext,
    context_from,
    relative_reference,
    require_reading,
)
from smart_app.upstream_errors import EhrError

bp = Blueprint("auth", __name__)
logger = logging.getLogger(__name__)


@bp.get("/")
def home() -> ResponseReturnValue:
    """Say where this application is opened from."""
    return render_template("home.html")


@bp.get("/launch")
def launch() -> ResponseReturnValue:
    """Send the browser to the EHR's sign-in, with PKCE and a one-time state."""
    services = current_services()
    issuer = services.issuers.known(_parameter("iss"))
    handle = _parameter("launch")
    discovery = discover(issuer, services.settings.http_timeout_s)
    launch_secrets = new_secrets()
    browser = session.setdefault("browser", secrets.token_urlsafe(32))
    session.permanent = True
    keep_pending(services, browser, issuer.url, launch_secrets)
    url = authorization_url(
        issuer, discovery, services.settings, handle, launch_secrets
    )
    return redirect(url)


@bp.get("/callback")
def callback() -> ResponseReturnValue:
    """Check the answer of the EHR, open the launch and queue its analysis."""
    services = current_services()
    browser = session.get("browser")
    if not browser:
        raise UnknownStateError("callback without a cookie")
    issuer_url, launch_secrets = take_pending(services, browser, _parameter("state"))
    if error := request.args.get("error"):
        raise DeniedError(f"authorization endpoint: {error[:40]!r}")
    issuer = services.issuers.known(issuer_url)
    discovery = discover(issuer, services.settings.http_timeout_s)
    _check_sender(discovery)
    verifier = launch_secrets.verifier
    code = _parameter("code")
    token = exchange_code(issuer, discovery, services.settings, code, verifier)
    require_reading(str(token.get("scope", "")).split())
    context = _context(services, issuer, discovery, token, launch_secrets.nonce)
    opened = keep_launch(services, browser, issuer.url, context, token)
    client = fhir_client(services, opened)
    banner = banner_of(client.read("Patient", context.patient_id))
    keep_names(services, opened, banner, _user_name(client, context))
    job_id = queue_job(services, opened.id)
    logger.info("launch %s opened, job %s queued", opened.id, job_id)
    return redirect(url_for("cases.show", launch_id=opened.id), 303)


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """Forget this browser's cases and give its tokens back to the EHR."""
    services = current_services()
    for issuer_url, token in close_launches(services, session.pop("browser", "")):
        issuer = services.issuers.known(issuer_url)
        try:
            discovery = discover(issuer, services.settings.http_timeout_s)
            revoke(issuer, discovery, services.settings, token)
        except UpstreamError as error:  # deleted here; it expires there by itself
            logger.warning("token not revoked: %s", error)
    session.clear()
    return render_template("closed.html")


def _parameter(name: str) -> str:
    if value := request.args.get(name):
        return value
    raise LaunchParameterError(f"request without {name}")


def _user_name(client: FhirClient, context: LaunchContext) -> str | None:
    # the scope fhirUser allows reading the user, though not every EHR agrees
    kind, _, user_id = (context.user or "").partition("/")
    if context.user_display or kind != "Practitioner":
        return context.user_display
    try:
        return person_name(client.read(kind, user_id)) or None
    except EhrError as error:
        logger.info("the user's name was not read: %s", error)
        return None


def _check_sender(discovery: Discovery) -> None:
    # RFC 9207: another authorization server must not answer for this one
    sender = request.args.get("iss")
    if sender and discovery.issuer and sender != discovery.issuer:
        raise UnknownStateError("the answer came from another authorization server")


def _context(
    services: Services, issuer: Issuer, discovery: Discovery, token: Json, nonce: str
) -> LaunchContext:
    if "openid" not in str(token.get("scope", "")).split():
        return context_from(token, user=None, name=None)
    if not discovery.issuer or not isinstance(token.get("id_token"), str):
        raise IdTokenError("the EHR granted openid and sent no id_token or issuer")
    expected = Expected(
        issuer=discovery.issuer,
        client_id=issuer.client_id,
        nonce=nonce,
        access_token=str(token["access_token"]),
        now=services.clock(),
    )
    jwks = fetch_jwks(discovery, services.settings.http_timeout_s)
    claims = validated_claims(token["id_token"], jwks, expected)
    user = claims.get("fhirUser") or claims.get("profile")
    reference = relative_reference(str(user), issuer.url) if user else None
    return context_from(token, user=reference, name=claims.get("name"))
