"""Is an EHR set up so that this application can work there? For administrators.

Everything is asked from outside, without a user: what needs one (a granted scope, a
chart) shows itself only at a launch.
"""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests

from smart_app.commands.preflight_report import Line, failure, ok, warning
from smart_app.commands.preflight_servers import archive, fhir_server
from smart_app.ehrs.client_keys import (
    JWKS_PATH,
    ClientKeyError,
    public_set,
    signing_key,
)
from smart_app.ehrs.issuers import Issuer
from smart_app.errors import UpstreamError
from smart_app.http import harden, json_object, translated
from smart_app.launch.discovery import Discovery
from smart_app.launch.id_token import CLOCK_SKEW_S, DIGESTS
from smart_app.launch.launches import new_secrets
from smart_app.launch.oauth import (
    LaunchRequest,
    authentication_method,
    authorization_url,
    discover,
    exchange_code,
    fetch_jwks,
)
from smart_app.launch.smart import allows, needed_permissions, wanted_scopes
from smart_app.launch_errors import DeniedError, RegistrationError
from smart_app.services import Services
from smart_app.upstream_errors import DiscoveryError

WARN_SKEW_S: Final = CLOCK_SKEW_S / 2  # our choice: half of what an id_token may be off
HTTP_BAD_REQUEST: Final = 400
REACHABLE: Final = "Make it reachable from here."


def preflight(services: Services, issuer: Issuer) -> Iterator[Line]:
    """Yield what was found at one EHR, as it is found."""
    timeout_s = services.settings.http_timeout_s
    with requests.Session() as session:
        harden(session, timeout_s)
        yield _addresses(services, issuer)
        yield _clock(services, session, issuer)
        try:
            discovery = discover(issuer, timeout_s)
        except DiscoveryError as error:
            yield failure(
                "discovery",
                str(error),
                f"Make {issuer.url}/.well-known/smart-configuration answer as SMART "
                "App Launch 2.2 says, or correct issuer. If only PKCE goes unsaid, add "
                '"quirks": ["pkce_not_announced"].',
            )
        else:
            yield from _sign_in(services, session, issuer, discovery)
        yield from fhir_server(session, issuer)
        yield archive(session, issuer)


def _addresses(services: Services, issuer: Issuer) -> Line:
    base = services.settings.base_url
    found = f"launch {base}/launch, redirect {base}/callback"
    advice = "Register both at the EHR, letter by letter."
    if services.settings.is_https:
        return ok("addresses", found, advice)
    if issuer.frame_ancestors:
        tls = "Serve the application over TLS: no browser keeps its cookie in a frame."
        return failure("addresses", f"{found}, in frames and without TLS", tls)
    tls = f"{advice} Set SPOILS_BASE_URL to https before real use."
    return warning("addresses", f"{found}, without TLS", tls)


def _clock(services: Services, session: requests.Session, issuer: Issuer) -> Line:
    try:
        with translated(DiscoveryError, "EHR"):
            answer = session.get(f"{issuer.url}/.well-known/smart-configuration")
        theirs = parsedate_to_datetime(answer.headers["Date"])
    except (UpstreamError, KeyError, ValueError) as error:
        found = f"the EHR tells no time ({type(error).__name__})"
        return warning("clock", found, "See that both servers follow NTP.")
    skew_s = (services.clock() - theirs).total_seconds()
    found = f"this server is {skew_s:+.0f} s off the EHR's time"
    advice = f"Let both follow NTP: sign-ins fail beyond {CLOCK_SKEW_S} s."
    if abs(skew_s) > CLOCK_SKEW_S:
        return failure("clock", found, advice)
    if abs(skew_s) > WARN_SKEW_S:
        return warning("clock", found, advice)
    return ok("clock", found)


def _sign_in(
    services: Services, session: requests.Session, issuer: Issuer, discovery: Discovery
) -> Iterator[Line]:
    sign_in, tokens = discovery.authorization_endpoint, discovery.token_endpoint
    yield ok(
        "discovery",
        f"sign-in at {urlsplit(sign_in).netloc}, tokens at {urlsplit(tokens).netloc}, "
        "PKCE with S256",
    )
    yield _launches(discovery)
    yield _server_keys(services, discovery)
    yield _scopes(issuer, discovery)
    yield _method(issuer, discovery)
    if issuer.private_keys:
        yield _own_keys(services, session, issuer, discovery)
    yield _client(services, issuer, discovery)
    yield _redirect(services, issuer, discovery)
    is_offered = discovery.revocation_endpoint is not None
    ends = "given back at log-out" if is_offered else "not taken back, they just expire"
    yield ok("revocation", f"tokens are {ends}")


def _launches(discovery: Discovery) -> Line:
    modes = sorted({"launch-ehr", "launch-standalone"} & discovery.capabilities)
    if modes:
        way = "POST" if discovery.takes_post else "GET"
        return ok("launch", f"{', '.join(modes)}; sign-in by {way}")
    return warning(
        "launch",
        "discovery names neither launch-ehr nor launch-standalone",
        "Try a launch: both are attempted all the same.",
    )


def _server_keys(services: Services, discovery: Discovery) -> Line:
    subject = "keys of the EHR"
    if discovery.issuer is None and discovery.jwks_uri is None:
        return warning(
            subject,
            "discovery names neither issuer nor jwks_uri",
            "Without a valid id_token nobody can sign: have both added, or see that "
            "the openid-configuration of the issuer names its jwks_uri.",
        )
    try:
        timeout_s = services.settings.http_timeout_s
        jwks = fetch_jwks(discovery, discovery.issuer or "", timeout_s)
    except UpstreamError as error:
        where = discovery.jwks_uri or discovery.issuer
        return failure(subject, f"{error}, at {where}", REACHABLE)
    keys = [key for key in jwks.get("keys") or () if isinstance(key, dict)]
    usable = [key for key in keys if key.get("kty") in {"RSA", "EC"}]
    found = f"{len(usable)} of {len(keys)} are of RSA or EC"
    if usable:
        return ok(subject, found)
    algorithms = ", ".join(DIGESTS)
    return failure(subject, found, f"Have id_tokens signed with one of {algorithms}.")


def _scopes(issuer: Issuer, discovery: Discovery) -> Line:
    version = "v2" if discovery.has_v2_scopes else "v1"
    asked = f"asked for ({version}): {wanted_scopes(discovery, own=issuer.scopes)}"
    offered = [s for s in discovery.scopes if s.startswith(("patient/", "user/"))]
    unannounced = [
        f"{name}.{letters}"
        for name, letters in needed_permissions().items()
        if not all(allows(offered, name, letter) for letter in letters)
    ]
    if not offered or not unannounced:
        return ok("scopes", asked)
    return warning(
        "scopes",
        f"{asked}; scopes_supported does not name {', '.join(unannounced)}",
        "Allow them for this client. What stays refused is neither read nor written; "
        "where unknown scopes stop the sign-in, list those that it knows in scopes.",
    )


def _method(issuer: Issuer, discovery: Discovery) -> Line:
    method = authentication_method(issuer, discovery)
    offered = discovery.authentication_methods
    if method == "none" or not offered or method in offered:
        return ok("client authentication", method)
    return failure(
        "client authentication",
        f"{method}, and the EHR takes {', '.join(sorted(offered))}",
        "Register the client for this method, or configure another one.",
    )


def _own_keys(
    services: Services, session: requests.Session, issuer: Issuer, discovery: Discovery
) -> Line:
    address = f"{services.settings.base_url}{JWKS_PATH}"
    try:
        offered = discovery.signing_algorithms
        key = signing_key(issuer.private_keys, offered, services.clock())
        with translated(DiscoveryError, "published keys"):
            published = json_object(session.get(address))
    except ClientKeyError as error:
        return failure("own keys", str(error), "Add a key by rotate-keys.")
    except UpstreamError as error:
        advice = f"Let the EHR reach {address}, and register that address."
        return failure("own keys", str(error), advice)
    ours = {key["kid"] for key in public_set(issuer.private_keys)["keys"]}
    absent = ours - {key.get("kid") for key in published.get("keys") or ()}
    if absent:
        found = f"{len(absent)} of {len(ours)} keys are not published at {address}"
        return failure("own keys", found, "Restart the application.")
    signs = f"{key['alg']} key {key['kid'][:8]} signs"
    return ok("own keys", f"{len(ours)} published at {address}, {signs}")


def _client(services: Services, issuer: Issuer, discovery: Discovery) -> Line:
    subject = "client"
    try:  # a code that never was: the answer tells whether the client is known
        exchange_code(issuer, discovery, services.settings, "preflight", "v" * 43)
    except RegistrationError as error:
        advice = "Compare client_id, secret or keys with the EHR's registration."
        return failure(subject, str(error), advice)
    except DeniedError:
        return ok(subject, f"{issuer.client_id} is not turned away")
    except UpstreamError as error:
        return failure(subject, f"{error}, at {discovery.token_endpoint}", REACHABLE)
    advice = "Tell the EHR's vendor: any code opens a chart there."
    return failure(subject, "the EHR accepts a code that never was", advice)


def _redirect(services: Services, issuer: Issuer, discovery: Discovery) -> Line:
    subject = "redirect address"
    asked = LaunchRequest(iss=issuer.url)
    url = authorization_url(issuer, discovery, services.settings, asked, new_secrets())
    callback = f"{services.settings.base_url}/callback"
    try:
        with translated(DiscoveryError, "sign-in"), requests.Session() as browser:
            harden(browser, services.settings.http_timeout_s)
            browser.max_redirects = 1  # looked at, not followed
            answer = browser.get(url, allow_redirects=False)
    except UpstreamError as error:
        return failure(subject, str(error), REACHABLE)
    if answer.status_code >= HTTP_BAD_REQUEST:
        return failure(
            subject,
            f"the EHR answers {answer.status_code} to a request to sign in",
            f"Register {callback} as redirect address of {issuer.client_id}, letter by "
            "letter.",
        )
    target = urljoin(url, answer.headers.get("Location", ""))
    how = "sent back" if target.startswith(callback) else "led to the sign-in"
    return ok(subject, f"{callback} is not turned away (browsers are {how})")
