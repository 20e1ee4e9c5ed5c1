"""Locks across processes and machines, in the database; each ends with its process."""

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from smart_app.database import changed_rows
from smart_app.errors import WriteBusyError
from smart_app.services import Services
from smart_app.tables import Lock

RENEWALS_PER_LIFE: Final = 4
WAIT_S: Final = 40.0  # our choice: longer than the lock of a killed process (30 s)
POLL_S: Final = 0.1

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that this process holds, as long as it can say so in time."""

    services: Services
    name: str
    owner: str

    def require(self) -> None:
        """Check that nobody took the lock, as after a long pause of this process.

        Raises:
            WriteBusyError: It is not held any more.

        """
        now = self.services.clock()
        row = select(Lock.owner).where(Lock.name == self.name, Lock.until > now)
        with self.services.sessions() as session:
            if session.scalar(row) != self.owner:
                raise WriteBusyError("the lock was lost")


@contextmanager
def exclusive(services: Services, name: str) -> Iterator[Held]:
    """Hold a lock, after waiting for whoever holds it.

    It lives for ``lease_s`` and is renewed in a thread, so the lock of a killed
    process is free after that time.

    Raises:
        WriteBusyError: It was not free in time.

    """
    held = Held(services, name, secrets.token_hex(8))
    give_up_at = time.monotonic() + WAIT_S
    while not _take(held):
        if time.monotonic() > give_up_at:
            raise WriteBusyError("the lock was not free in time")
        time.sleep(POLL_S)
    is_over = Event()
    thread = Thread(target=_renew, args=(held, is_over), name="lock", daemon=True)
    thread.start()
    try:
        yield held
    finally:
        is_over.set()
        thread.join()
        with services.sessions.begin() as session:
            session.execute(delete(Lock).where(*_mine(held)))


def is_held(services: Services, name: str) -> bool:
    """Tell whether any process holds a lock."""
    row = select(Lock.name).where(Lock.name == name, Lock.until > services.clock())
    with services.sessions() as session:
        return session.scalar(row) is not None


def _take(held: Held) -> bool:
    services, now = held.services, held.services.clock()
    values = {"owner": held.owner, "until": _end(services)}
    abandoned = update(Lock).where(Lock.name == held.name, Lock.until < now)
    try:
        with services.sessions.begin() as session:
            if changed_rows(session, abandoned.values(**values)):
                return True
            session.add(Lock(name=held.name, **values))
    except IntegrityError:
        return False
    return True


def _renew(held: Held, is_over: Event) -> None:
    services = held.services
    while not is_over.wait(services.settings.lease_s / RENEWALS_PER_LIFE):
        try:
            with services.sessions.begin() as session:
                renewal = update(Lock).where(*_mine(held))
                session.execute(renewal.values(until=_end(services)))
        except SQLAlchemyError as error:
            logger.warning("lock not renewed: %s", type(error).__name__)


def _mine(held: Held) -> tuple[Any, ...]:
    return (Lock.name == held.name, Lock.owner == held.owner)


def _end(services: Services) -> datetime:
    return services.clock() + timedelta(seconds=services.settings.lease_s)
