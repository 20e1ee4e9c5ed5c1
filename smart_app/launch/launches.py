"""Launches in the database: waiting for the EHR, then open for one browser."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, delete, or_, select, update

from smart_app.database import changed_rows
from smart_app.errors import CaseNotFoundError
from smart_app.launch.banner import UNREAD, Banner
from smart_app.launch.oauth import Secrets
from smart_app.launch.smart import (
    LaunchContext,
    granted_scopes,
    lifetime_s,
)
from smart_app.launch_errors import (
    ExpiredLaunchError,
    ReplayedStateError,
    UnknownStateError,
)
from smart_app.services import Services
from smart_app.tables import (
    ArchiveState,
    ArchiveWrite,
    Launch,
    PendingLaunch,
    SignedIn,
    Write,
    WriteState,
)

PENDING_LIFE: Final = timedelta(minutes=10)
NOBODY: Final = ""  # the browser of a launch that only a worker still needs
_CONTEXT: Final = TypeAdapter(LaunchContext)
_BANNER: Final = TypeAdapter(Banner)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLaunch:
    """One patient opened by one user in one browser; its tokens stay in the store.

    Attributes:
        id: Random id, part of the URLs of the case.
        issuer: FHIR base of the EHR.
        context: Whose chart, and who is looking.
        banner: What every page says about the patient.
        scopes: What the EHR granted.

    """

    id: str
    issuer: str
    context: LaunchContext
    banner: Banner
    scopes: frozenset[str]

    @property
    def professional(self) -> str | None:
        """Reference of the user where that is a professional, else ``None``."""
        user = self.context.user or ""
        is_professional = user.startswith(("Practitioner/", "PractitionerRole/"))
        return user if is_professional else None

    @property
    def signer(self) -> str | None:
        """Reference of the user who may sign, ``None`` when nobody can."""
        return self.professional


def new_secrets() -> Secrets:
    """Make the secrets of one launch: 256 random bits each."""
    return Secrets(
        state=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(64),
        nonce=secrets.token_urlsafe(32),
    )


def keep_pending(
    services: Services, browser: str, issuer: str, launch_secrets: Secrets
) -> None:
    """Remember a launch until the EHR answers."""
    row = PendingLaunch(
        state=launch_secrets.state,
        browser=browser,
        issuer=issuer,
        nonce=launch_secrets.nonce,
        verifier=services.vault.seal(launch_secrets.verifier.encode()),
        created_at=services.clock(),
    )
    with services.sessions.begin() as session:
        session.add(row)


def take_pending(services: Services, browser: str, state: str) -> tuple[str, Secrets]:
    """Use up the launch of a state, and return its issuer and secrets.

    Raises:
        UnknownStateError: This browser started no such launch.
        ReplayedStateError: It was used before.
        ExpiredLaunchError: It is older than ten minutes.

    """
    mine = (PendingLaunch.state == state, PendingLaunch.browser == browser)
    unused = update(PendingLaunch).where(*mine, PendingLaunch.used_at.is_(None))
    with services.sessions.begin() as session:
        taken = changed_rows(session, unused.values(used_at=services.clock()))
        row = session.scalar(select(PendingLaunch).where(*mine))
        if row is None:
            raise UnknownStateError("state is not of this browser")
        if not taken:
            raise ReplayedStateError("state was used before")
    if services.clock() - row.created_at > PENDING_LIFE:
        raise ExpiredLaunchError("state is older than ten minutes")
    verifier = services.vault.open(row.verifier).decode()
    return row.issuer, Secrets(state=state, verifier=verifier, nonce=row.nonce)


def keep_launch(
    services: Services,
    browser: str,
    issuer: str,
    context: LaunchContext,
    token: dict[str, Any],
) -> OpenLaunch:
    """Open a launch for a browser and keep its tokens."""
    vault = services.vault
    row = Launch(
        id=secrets.token_urlsafe(16),
        browser=browser,
        issuer=issuer,
        context=vault.seal(_CONTEXT.dump_json(context)),
        banner=vault.seal(_BANNER.dump_json(UNREAD)),
        scopes=sorted(granted_scopes(token, "")),
        access_token=vault.seal(str(token["access_token"]).encode()),
        refresh_token=vault.seal_text(token.get("refresh_token")),
        expires_at=services.clock() + timedelta(seconds=lifetime_s(token)),
        created_at=services.clock(),
    )
    with services.sessions.begin() as session:
        session.add(row)
    return _opened(services, row)


def keep_names(
    services: Services, launch: OpenLaunch, banner: Banner, user_display: str | None
) -> None:
    """Keep what the pages of a launch say about the patient and about the user."""
    context = replace(launch.context, user_display=user_display)
    values = {
        "banner": services.vault.seal(_BANNER.dump_json(banner)),
        "context": services.vault.seal(_CONTEXT.dump_json(context)),
    }
    with services.sessions.begin() as session:
        session.execute(update(Launch).where(Launch.id == launch.id).values(**values))


def own_launch(services: Services, browser: str, launch_id: str) -> OpenLaunch:
    """Return a launch of this browser.

    Raises:
        CaseNotFoundError: It is of another browser, or there is none.

    """
    with services.sessions() as session:
        row = session.get(Launch, launch_id)
    if row is None or row.browser != browser:
        raise CaseNotFoundError("no such case for this browser")
    return _opened(services, row)


def own_launches(services: Services, browser: str) -> list[OpenLaunch]:
    """Return all launches of a browser."""
    with services.sessions() as session:
        rows = session.scalars(select(Launch).where(Launch.browser == browser)).all()
    return [_opened(services, row) for row in rows]


def open_launches(services: Services) -> list[OpenLaunch]:
    """Return all launches, the newest first."""
    newest = select(Launch).order_by(Launch.created_at.desc())
    with services.sessions() as session:
        rows = session.scalars(newest).all()
    return [_opened(services, row) for row in rows]


def launch_of_job(services: Services, launch_id: str) -> OpenLaunch:
    """Return a launch for the worker, whatever browser it is of.

    Raises:
        CaseNotFoundError: It was closed or deleted in the meantime.

    """
    with services.sessions() as session:
        row = session.get(Launch, launch_id)
    if row is None:
        raise CaseNotFoundError("the launch was closed")
    return _opened(services, row)


def close_launches(services: Services, browser: str) -> list[tuple[str, str]]:
    """Delete all launches of a browser; return issuers and tokens to give back."""
    with services.sessions() as session:
        rows = session.scalars(select(Launch).where(Launch.browser == browser)).all()
    return _close(services, rows)


def close_other_users(services: Services, launch: OpenLaunch) -> list[tuple[str, str]]:
    """Delete the launches of whoever used this browser and EHR before.

    A workstation is shared, and nobody may read or sign as somebody else.
    """
    with services.sessions() as session:
        browser = session.get_one(Launch, launch.id).browser
        mine = (Launch.browser == browser, Launch.issuer == launch.issuer)
        rows = session.scalars(select(Launch).where(*mine)).all()
    others = [
        row
        for row in rows
        if _opened(services, row).context.user != launch.context.user
    ]
    return _close(services, others)


def _close(services: Services, rows: Sequence[Launch]) -> list[tuple[str, str]]:
    closed = Launch.id.in_([row.id for row in rows])
    with services.sessions.begin() as session:
        ended = session.scalars(select(Launch.id).where(closed, ~_is_at_work())).all()
        session.execute(delete(Launch).where(Launch.id.in_(ended)))
        session.execute(update(Launch).where(closed).values(browser=NOBODY))
    vault = services.vault
    return [
        (row.issuer, vault.open(row.refresh_token or row.access_token).decode())
        for row in rows
        if row.id in ended
    ]


def _is_at_work() -> ColumnElement[bool]:
    """Tell launches that a worker still needs: what was signed is not yet written."""
    signed = Write.state.in_((WriteState.SIGNED, WriteState.WRITING))
    stored = ArchiveWrite.state.in_((ArchiveState.QUEUED, ArchiveState.STORING))
    return or_(
        Launch.id.in_(select(Write.launch_id).where(signed)),
        Launch.id.in_(select(ArchiveWrite.launch_id).where(stored)),
    )


def purge(services: Services) -> int:
    """Delete what is too old or was left, with its jobs, reports and writes."""
    oldest = services.clock() - services.settings.retention
    idle = SignedIn.seen_at < services.clock() - services.settings.idle_life
    with services.sessions.begin() as session:
        session.execute(delete(SignedIn).where(idle))
        session.execute(delete(PendingLaunch).where(PendingLaunch.created_at < oldest))
        was_left = Launch.browser.not_in(select(SignedIn.browser)) & ~_is_at_work()
        old = delete(Launch).where(or_(was_left, Launch.created_at < oldest))
        return changed_rows(session, old)


def _opened(services: Services, row: Launch) -> OpenLaunch:
    return OpenLaunch(
        id=row.id,
        issuer=row.issuer,
        context=_CONTEXT.validate_json(services.vault.open(row.context)),
        banner=_BANNER.validate_json(services.vault.open(row.banner)),
        scopes=frozenset(row.scopes),
    )
