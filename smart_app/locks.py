"""Locks across processes and machines, in the database; each ends by itself."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from smart_app.database import changed_rows
from smart_app.errors import WriteBusyError
from smart_app.models import Lock
from smart_app.services import Services

LIFE: Final = timedelta(minutes=3)  # our choice: longer than any writing takes
WAIT_S: Final = 30.0  # our choice: a person waits no longer for a page
POLL_S: Final = 0.1


@contextmanager
def exclusive(services: Services, name: str) -> Iterator[None]:
    """Hold a lock, after waiting for whoever holds it.

    Raises:
        WriteBusyError: It was not free in time.

    """
    owner = secrets.token_hex(8)
    give_up_at = time.monotonic() + WAIT_S
    while not _take(services, name, owner):
        if time.monotonic() > give_up_at:
            raise WriteBusyError("the lock was not free in time")
        time.sleep(POLL_S)
    try:
        yield
    finally:
        with services.sessions.begin() as session:
            mine = (Lock.name == name, Lock.owner == owner)
            session.execute(delete(Lock).where(*mine))


def _take(services: Services, name: str, owner: str) -> bool:
    now = services.clock()
    values = {"owner": owner, "until": now + LIFE}
    abandoned = update(Lock).where(Lock.name == name, Lock.until < now)
    try:
        with services.sessions.begin() as session:
            if changed_rows(session, abandoned.values(**values)):
                return True
            session.add(Lock(name=name, **values))
    except IntegrityError:
        return False
    return True
