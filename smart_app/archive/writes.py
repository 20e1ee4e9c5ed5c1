"""The DICOM objects of signed reports in the database: queued, stored or refused.

This row is the truth; a message to a worker is only a wake-up. The web process reads
and queues, the worker (``store``) does the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import and_, or_, select, update
from sqlalchemy.exc import IntegrityError

from smart_app.cases.job_rows import ORPHAN_AGE
from smart_app.cases.store import has_masks, signature
from smart_app.database import changed_rows
from smart_app.errors import NotReadyError, WorkerLostError, advice_of, title_of
from smart_app.services import Services
from smart_app.tables import ArchiveState, ArchiveWrite, Masks, Write, WriteState

MAX_ATTEMPTS: Final = 5  # our choice: an archive that restarts is back by then
LEASE: Final = timedelta(minutes=3)  # our choice: longer than any storing takes


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveWriteStatus:
    """What became of the objects of a signed report.

    Attributes:
        state: How far it is.
        instances: SOPInstanceUIDs of the objects, once they are there.
        warnings: What the archive changed in them.
        links: References of the documents of the chart that lead to them.
        link_problem: Why there are none, ``None`` where nothing failed.
        title: What happened, only when it failed.
        advice: What to do next, only when it failed.

    """

    state: ArchiveState
    instances: tuple[str, ...]
    warnings: tuple[str, ...]
    links: tuple[str, ...]
    link_problem: str | None
    title: str | None
    advice: str | None


def queue_archive_write(services: Services, launch_id: str) -> None:
    """Queue the objects of a report that is signed and in the chart.

    Nothing happens where no masks were kept, or where they are queued already.
    """
    signed = signature(services, launch_id)
    is_written = signed is not None and signed.state == WriteState.WRITTEN
    if not is_written or not has_masks(services, launch_id):
        return
    row = ArchiveWrite(
        launch_id=launch_id,
        state=ArchiveState.QUEUED,
        attempt=0,
        sent_at=services.clock(),
        result={},
    )
    try:
        with services.sessions.begin() as session:
            session.add(row)
    except IntegrityError:
        return
    services.queue.send_archive_write(launch_id)


def queue_archive_write_again(services: Services, launch_id: str) -> None:
    """Queue once more what failed; what is stored already is not stored again.

    Raises:
        NotReadyError: Nothing failed.

    """
    values = _state(ArchiveState.QUEUED) | {"attempt": 0, "sent_at": services.clock()}
    known = archive_write(services, launch_id)
    ended = {ArchiveState.FAILED}
    if known and known.link_problem:
        ended.add(ArchiveState.STORED)
    failed = (ArchiveWrite.launch_id == launch_id, ArchiveWrite.state.in_(ended))
    with services.sessions.begin() as session:
        again = update(ArchiveWrite).where(*failed).values(**values)
        if not changed_rows(session, again):
            raise NotReadyError("storing again what did not fail")
    services.queue.send_archive_write(launch_id)


def archive_write(services: Services, launch_id: str) -> ArchiveWriteStatus | None:
    """Return what became of the objects, ``None`` where none are to be stored."""
    with services.sessions() as session:
        row = session.get(ArchiveWrite, launch_id)
    if row is None:
        return None
    return ArchiveWriteStatus(
        state=ArchiveState(row.state),
        instances=tuple(row.result.get("instances", ())),
        warnings=tuple(row.result.get("warnings", ())),
        links=tuple(row.result.get("links", ())),
        link_problem=row.result.get("link_problem"),
        title=row.title,
        advice=row.advice,
    )


def claim_archive_write(services: Services, launch_id: str) -> int | None:
    """Take a row that is free; return the number of the attempt, else ``None``."""
    now = services.clock()
    abandoned = and_(
        ArchiveWrite.state == ArchiveState.STORING, ArchiveWrite.sent_at < now - LEASE
    )
    free = (
        ArchiveWrite.launch_id == launch_id,
        or_(ArchiveWrite.state == ArchiveState.QUEUED, abandoned),
    )
    values = {
        "state": ArchiveState.STORING,
        "attempt": ArchiveWrite.attempt + 1,
        "sent_at": now,
    }
    with services.sessions.begin() as session:
        if not changed_rows(
            session, update(ArchiveWrite).where(*free).values(**values)
        ):
            return None
        mine = select(ArchiveWrite.attempt).where(ArchiveWrite.launch_id == launch_id)
        return session.scalars(mine).one()


def keep_stored(services: Services, launch_id: str, result: dict[str, Any]) -> None:
    """Record that the objects are in the archive, and what else became of them."""
    _change(services, launch_id, _state(ArchiveState.STORED) | {"result": result})


def keep_not_stored(
    services: Services, launch_id: str, error: Exception, *, is_final: bool
) -> None:
    """Record a failure; one that is not final is tried again by itself."""
    state = ArchiveState.FAILED if is_final else ArchiveState.QUEUED
    failure = {
        "title": title_of(error),
        "advice": advice_of(error),
        "error_class": type(error).__name__,
        "sent_at": services.clock(),
    }
    _change(services, launch_id, _state(state) | failure)


def reap_archive_writes(services: Services) -> list[str]:
    """Send again what no worker has, and give up what was tried enough.

    What came into the chart only later, as after a killed process, is queued here.
    """
    for launch_id in _forgotten(services):
        queue_archive_write(services, launch_id)
    now = services.clock()
    waits = and_(
        ArchiveWrite.state == ArchiveState.QUEUED,
        ArchiveWrite.sent_at < now - ORPHAN_AGE,
    )
    is_abandoned = and_(
        ArchiveWrite.state == ArchiveState.STORING, ArchiveWrite.sent_at < now - LEASE
    )
    is_free = or_(waits, is_abandoned)
    with services.sessions() as session:
        rows = session.execute(
            select(ArchiveWrite.launch_id, ArchiveWrite.attempt).where(is_free)
        ).all()
    sent = []
    for launch_id, attempt in rows:
        if attempt >= MAX_ATTEMPTS:
            lost = WorkerLostError(f"storing was tried {attempt} times")
            keep_not_stored(services, launch_id, lost, is_final=True)
        else:
            services.queue.send_archive_write(launch_id)
            sent.append(launch_id)
    return sent


def _forgotten(services: Services) -> Sequence[str]:
    written = (
        select(Write.launch_id)
        .join(Masks, Masks.launch_id == Write.launch_id)
        .outerjoin(ArchiveWrite, ArchiveWrite.launch_id == Write.launch_id)
        .where(Write.state == WriteState.WRITTEN, ArchiveWrite.launch_id.is_(None))
    )
    with services.sessions() as session:
        return session.scalars(written).all()


def _state(state: ArchiveState) -> dict[str, Any]:
    return {"state": state, "title": None, "advice": None, "error_class": None}


def _change(services: Services, launch_id: str, values: dict[str, Any]) -> None:
    mine = ArchiveWrite.launch_id == launch_id
    with services.sessions.begin() as session:
        session.execute(update(ArchiveWrite).where(mine).values(**values))
