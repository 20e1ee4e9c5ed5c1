"""Browsers that are signed in, until they leave, stay away or stay for too long."""

import logging
import secrets
from typing import Final

from flask import session
from sqlalchemy import delete, update

from smart_app.errors import NotSignedInError, SessionTimedOutError, UpstreamError
from smart_app.launch.launches import close_launches
from smart_app.launch.oauth import discover, revoke
from smart_app.launch_errors import UnknownIssuerError
from smart_app.services import Services
from smart_app.tables import SignedIn

KEY: Final = "browser"  # in the cookie

logger = logging.getLogger(__name__)


def begin(services: Services) -> str:
    """Return the random name of this browser, a new one where it has none.

    A browser that was away for too long gets a new one, and its cases are closed.
    """
    known = session.get(KEY)
    if known and _is_current(services, known):
        _keep(services, known)
        return str(known)
    if known:
        leave(services)
    browser = secrets.token_urlsafe(32)
    session[KEY] = browser
    session.permanent = True
    now = services.clock()
    with services.sessions.begin() as database:
        database.add(SignedIn(browser=browser, since=now, seen_at=now))
    return browser


def current(services: Services, *, is_active: bool = True) -> str:
    """Return the random name of this browser.

    Args:
        services: Of the running application.
        is_active: Whether a person does something, which puts the idle time-out off;
            a page that asks by itself does not.

    Raises:
        NotSignedInError: It started no launch.
        SessionTimedOutError: It was away or signed in for too long; its cases are
            closed.

    """
    known = session.get(KEY)
    if not known:
        raise NotSignedInError("case without a cookie")
    if not _is_current(services, known):
        leave(services)
        raise SessionTimedOutError("idle or absolute time-out")
    if is_active:
        _keep(services, known)
    return str(known)


def leave(services: Services) -> None:
    """Forget this browser and its cases, and give its tokens back to the EHR."""
    browser = session.get(KEY, "")
    session.clear()
    with services.sessions.begin() as database:
        database.execute(delete(SignedIn).where(SignedIn.browser == browser))
    give_back(services, close_launches(services, browser))


def give_back(services: Services, tokens: list[tuple[str, str]]) -> None:
    """Revoke tokens at their EHRs (RFC 7009), where these offer it."""
    for issuer_url, token in tokens:
        try:
            issuer = services.issuers.known(issuer_url)
            discovery = discover(issuer, services.settings.http_timeout_s)
            revoke(issuer, discovery, services.settings, token)
        except (
            UpstreamError,
            UnknownIssuerError,
        ) as error:  # it expires there by itself
            logger.warning("token not revoked: %s", error)


def _is_current(services: Services, browser: str) -> bool:
    with services.sessions() as database:
        row = database.get(SignedIn, browser)
    if row is None:
        return False
    now, settings = services.clock(), services.settings
    is_idle = now - row.seen_at > settings.idle_life
    return not is_idle and now - row.since <= settings.session_life


def _keep(services: Services, browser: str) -> None:
    seen = update(SignedIn).where(SignedIn.browser == browser)
    with services.sessions.begin() as database:
        database.execute(seen.values(seen_at=services.clock()))
