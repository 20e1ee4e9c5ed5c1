"""Access tokens that are still good, refreshed by one process at a time."""

import logging
import time
from datetime import timedelta
from typing import Any, Final

import requests
from requests.auth import AuthBase
from sqlalchemy import or_, update

from smart_app.database import changed_rows
from smart_app.launch.launches import launch_of_job
from smart_app.launch.oauth import discover, refresh
from smart_app.launch.smart import granted_scopes, lifetime_s
from smart_app.services import Services
from smart_app.tables import Launch
from smart_app.upstream_errors import (
    DiscoveryError,
    SessionEndedError,
)

#: Our choice: a token may die on the way, and one of 60 s must serve more than once.
AHEAD: Final = timedelta(seconds=20)
REFRESH_LEASE: Final = timedelta(seconds=45)  # our choice: two time-outs and more
POLL_S: Final = 0.1
HTTP_UNAUTHORIZED: Final = 401

logger = logging.getLogger(__name__)


class BearerAuth(AuthBase):
    """Signs every request with the token that is good at that moment."""

    def __init__(self, services: Services, launch_id: str) -> None:
        self._services = services
        self._launch_id = launch_id

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header (RFC 6750)."""
        token = access_token(self._services, self._launch_id)
        request.headers["Authorization"] = f"Bearer {token}"
        request.register_hook("response", self._again)
        return request

    def _again(self, response: requests.Response, **kwargs: Any) -> requests.Response:  # noqa: ANN401 - as requests calls it
        # a server may end a token early; what it answers 401 to was not carried out
        if response.status_code != HTTP_UNAUTHORIZED:
            return response
        _ = response.content  # frees the connection
        response.close()
        used = str(response.request.headers["Authorization"]).removeprefix("Bearer ")
        _mark_dead(self._services, self._launch_id, used)
        token = access_token(self._services, self._launch_id)
        request = response.request.copy()
        request.headers["Authorization"] = f"Bearer {token}"
        again: requests.Response = response.connection.send(request, **kwargs)
        again.history.append(response)
        again.request = request
        return again


def access_token(services: Services, launch_id: str) -> str:
    """Return a token that lives for ``AHEAD`` at least, refreshed where possible.

    Raises:
        SessionEndedError: The EHR no longer accepts this launch.

    """
    give_up_at = time.monotonic() + REFRESH_LEASE.total_seconds()
    while True:
        row = _row(services, launch_id)
        left = row.expires_at - services.clock()
        is_dead = left <= timedelta(0)
        if left > AHEAD or (row.refresh_token is None and not is_dead):
            return services.vault.open(row.access_token).decode()
        if row.refresh_token is None:
            raise SessionEndedError("the token expired and there is no refresh token")
        if _claim(services, launch_id):
            return _refreshed(services, row, is_dead=is_dead)
        if not is_dead:  # somebody else is refreshing, this one is still good
            return services.vault.open(row.access_token).decode()
        if time.monotonic() > give_up_at:
            raise SessionEndedError("waited too long for a refresh")
        time.sleep(POLL_S)


def _row(services: Services, launch_id: str) -> Launch:
    with services.sessions() as session:
        row = session.get(Launch, launch_id)
    if row is None:
        raise SessionEndedError("the launch was closed")
    return row


def _mark_dead(services: Services, launch_id: str, token: str) -> None:
    row = _row(services, launch_id)
    if services.vault.open(row.access_token).decode() != token:
        return  # another process has refreshed it already
    if row.refresh_token is None:
        raise SessionEndedError("the EHR ended the token", status=HTTP_UNAUTHORIZED)
    _store(services, launch_id, {"expires_at": services.clock()})


def _claim(services: Services, launch_id: str) -> bool:
    now = services.clock()
    is_free = or_(Launch.refreshing_until.is_(None), Launch.refreshing_until < now)
    # the expiry again: another process may have finished since the row was read
    is_due = Launch.expires_at <= now + AHEAD
    claim = update(Launch).where(Launch.id == launch_id, is_free, is_due)
    with services.sessions.begin() as session:
        claim = claim.values(refreshing_until=now + REFRESH_LEASE)
        return changed_rows(session, claim) == 1


def _refreshed(services: Services, row: Launch, *, is_dead: bool) -> str:
    issuer = services.issuers.known(row.issuer)
    settings = services.settings
    old = services.vault.open_text(row.refresh_token) or ""
    try:
        discovery = discover(issuer, settings.http_timeout_s)
        token = refresh(issuer, discovery, settings, old)
    except DiscoveryError:
        _store(services, row.id, {"refreshing_until": None})
        if is_dead:
            raise
        logger.warning("refresh failed, the old token is still good")
        return services.vault.open(row.access_token).decode()
    except SessionEndedError:
        _store(services, row.id, {"refreshing_until": None, "refresh_token": None})
        raise
    patient = launch_of_job(services, row.id).context.patient_id
    if token.get("patient", patient) != patient:  # the EHR has another chart open
        _store(services, row.id, {"refreshing_until": None, "refresh_token": None})
        raise SessionEndedError("refresh: the token is for another patient")
    fresh = str(token["access_token"])
    values: dict[str, Any] = {
        "access_token": services.vault.seal(fresh.encode()),
        "refresh_token": services.vault.seal_text(token.get("refresh_token") or old),
        "expires_at": services.clock() + timedelta(seconds=lifetime_s(token)),
        "refreshing_until": None,
    }
    if isinstance(token.get("scope"), str):  # may be fewer than before
        values["scopes"] = sorted(granted_scopes(token, ""))
    _store(services, row.id, values)  # before the first use: the old one is dead now
    return fresh


def _store(services: Services, launch_id: str, values: dict[str, Any]) -> None:
    with services.sessions.begin() as session:
        session.execute(update(Launch).where(Launch.id == launch_id).values(**values))
