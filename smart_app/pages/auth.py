"""Launch, answer of the EHR, and log-out."""

import logging
from dataclasses import replace
from functools import partial

from flask import (
    Blueprint,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from smart_app.cases.job_rows import queue_job
from smart_app.ehrs.client_keys import JWKS_MAX_AGE_S, JWKS_PATH, public_set
from smart_app.ehrs.issuers import Issuer
from smart_app.errors import NotSignedInError
from smart_app.fhir_server.chart import fhir_client
from smart_app.fhir_server.client import FhirClient
from smart_app.launch import browsers
from smart_app.launch.banner import banner_of, person_name
from smart_app.launch.discovery import Discovery, trusted_issuer
from smart_app.launch.ehr_style import Style, style_from
from smart_app.launch.id_token import Expected, claimed_issuer, validated_claims
from smart_app.launch.launches import (
    close_other_users,
    keep_launch,
    keep_names,
    keep_pending,
    new_secrets,
    take_pending,
)
from smart_app.launch.oauth import (
    Json,
    LaunchRequest,
    as_form,
    authorization_url,
    discover,
    exchange_code,
    fetch_jwks,
    fetch_style,
)
from smart_app.launch.smart import (
    LaunchContext,
    context_from,
    granted_scopes,
    relative_reference,
    require_reading,
    wanted_scopes,
)
from smart_app.launch_errors import (
    CookiesBlockedError,
    LaunchParameterError,
    StandaloneError,
    UnknownStateError,
    denial,
)
from smart_app.services import Services, current_services
from smart_app.upstream_errors import DiscoveryError, EhrError

bp = Blueprint("auth", __name__)
logger = logging.getLogger(__name__)


@bp.get("/")
def home() -> ResponseReturnValue:
    """Say where this application is opened from, and offer standalone launches."""
    return render_template("home.html", issuers=current_services().issuers)


@bp.get(JWKS_PATH)
def jwks() -> ResponseReturnValue:
    """Publish the keys that this application signs with; EHRs may keep them a while."""
    keys = [key for issuer in current_services().issuers for key in issuer.private_keys]
    response = jsonify(public_set(keys))
    response.cache_control.public = True
    response.cache_control.max_age = JWKS_MAX_AGE_S
    return response


@bp.get("/launch")
def launch() -> ResponseReturnValue:
    """Send the browser to the EHR's sign-in, with PKCE and a one-time state.

    With a ``launch`` handle it is an EHR launch; without one it is a standalone
    launch, in which the EHR lets the user choose a patient.
    """
    services = current_services()
    begun = LaunchRequest(
        iss=_parameter("iss"), handle=request.args.get("launch") or None
    )
    issuer = services.issuers.known(begun.iss)
    if _is_framed() and browsers.KEY not in session:
        return _probe_cookie(services, begun)
    discovery = discover(issuer, services.settings.http_timeout_s)
    if begun.handle is None and discovery.is_for_ehr_launch_only:
        raise StandaloneError("discovery offers no standalone launch")
    launch_secrets = new_secrets()
    keep_pending(services, browsers.begin(services), issuer.url, launch_secrets)
    url = authorization_url(issuer, discovery, services.settings, begun, launch_secrets)
    if discovery.takes_post and "authorize_by_get" not in issuer.quirks:
        return _post_to(url)
    return redirect(url)


@bp.get("/callback")
def callback() -> ResponseReturnValue:
    """Check the answer of the EHR, open the launch and queue its analysis."""
    services = current_services()
    try:
        browser = browsers.current(services)
    except NotSignedInError as error:
        raise UnknownStateError(f"callback: {error}") from error
    error_code = request.args.get("error")
    if error_code and not request.args.get("state"):
        raise denial("authorization endpoint, without state", error_code)
    issuer_url, launch_secrets = take_pending(services, browser, _parameter("state"))
    issuer = services.issuers.known(issuer_url)
    discovery = discover(issuer, services.settings.http_timeout_s)
    _check_sender(discovery)
    if error_code:
        raise denial("authorization endpoint", error_code)
    verifier = launch_secrets.verifier
    code = _parameter("code")
    token = exchange_code(issuer, discovery, services.settings, code, verifier)
    scopes = granted_scopes(token, wanted_scopes(discovery, own=issuer.scopes))
    require_reading(scopes)
    token = {**token, "scope": " ".join(sorted(scopes))}
    context = _context(services, issuer, discovery, token, launch_secrets.nonce)
    context = replace(context, style=_style(context, issuer))
    opened = keep_launch(services, browser, issuer.url, context, token)
    browsers.give_back(services, close_other_users(services, opened))
    client = fhir_client(services, opened)
    banner = banner_of(client.read("Patient", context.patient_id))
    keep_names(services, opened, banner, _user_name(client, context))
    job_id = queue_job(services, opened.id)
    logger.info("launch %s opened, job %s queued", opened.id, job_id)
    return redirect(url_for("cases.show", launch_id=opened.id), 303)


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """Forget this browser's cases and give its tokens back to the EHR."""
    browsers.leave(current_services())
    return render_template("closed.html")


def _is_framed() -> bool:
    return request.headers.get("Sec-Fetch-Dest") in {"iframe", "frame"}


def _probe_cookie(services: Services, begun: LaunchRequest) -> ResponseReturnValue:
    """Find out whether the browser keeps our cookie in this frame.

    It is asked before the EHR is, because the handle of a launch can be used once: a
    tab of its own can still go on with it.
    """
    # values of None are left out of an address
    here = partial(url_for, ".launch", iss=begun.iss, launch=begun.handle)
    if "probe" in request.args:
        raise CookiesBlockedError("no cookie in the frame", way_out=here())
    browsers.begin(services)
    return redirect(here(probe="1"))


def _post_to(url: str) -> ResponseReturnValue:
    """Answer with a form that posts itself (SMART App Launch 2.2, 2.0.9).

    The sign-in may go on to any host of the EHR and comes back here at its end, and
    browsers hold all of these steps against ``form-action``.
    """
    address, fields = as_form(url)
    g.form_action = ("https:", *(["http:"] if address.startswith("http:") else []))
    return render_template("authorize.html", address=address, fields=fields)


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


def _style(context: LaunchContext, issuer: Issuer) -> Style:
    if context.style_url is None:
        return {}
    try:
        return style_from(fetch_style(context.style_url, issuer))
    except DiscoveryError as error:
        logger.info("the EHR's style was not read: %s", error)
        return {}


def _check_sender(discovery: Discovery) -> None:
    # RFC 9207: another authorization server must not answer for this one
    sender = request.args.get("iss")
    if (sender or discovery.sends_iss) and discovery.issuer not in {None, sender}:
        raise UnknownStateError("the answer came from another authorization server")


def _context(
    services: Services, issuer: Issuer, discovery: Discovery, token: Json, nonce: str
) -> LaunchContext:
    id_token = token.get("id_token")
    if not isinstance(id_token, str):  # then nobody is known, and nobody can sign
        logger.info("the EHR sent no id_token")
        return context_from(token, issuer.addresses, user=None, name=None)
    token_issuer = discovery.issuer or trusted_issuer(
        claimed_issuer(id_token), issuer.url, discovery
    )
    expected = Expected(
        issuer=token_issuer,
        client_id=issuer.client_id,
        nonce=nonce,
        access_token=str(token["access_token"]),
        now=services.clock(),
    )
    timeout_s = services.settings.http_timeout_s
    keys = fetch_jwks(discovery, token_issuer, timeout_s)
    claims = validated_claims(id_token, keys, expected)
    user = claims.get("fhirUser") or claims.get("profile")
    reference = relative_reference(str(user), issuer.addresses) if user else None
    name = claims.get("name")
    return context_from(token, issuer.addresses, user=reference, name=name)
