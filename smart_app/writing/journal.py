"""The journal of everything that is written: noted before it is sent, marked after.

A row outlives the launch, its report and its tokens, because what was written may
have to be withdrawn a year later. It names resources and no persons.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, delete, or_, select, update

from fhir_mappings.bundle import key
from smart_app.database import changed_rows
from smart_app.fhir_server.write_requests import WriteRequest, digest
from smart_app.launch.launches import OpenLaunch
from smart_app.services import Services
from smart_app.tables import JournalEntry, Run

JOURNAL_LIFE: Final = timedelta(days=366)  # our choice: a year, to withdraw a report

HTTP_BAD_REQUEST: Final = 400
HTTP_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One resource that was sent.

    Attributes:
        method: ``"POST"`` for a creation, ``"PUT"`` for an update.
        target: Type of what was created, ``"Type/id"`` of what was updated.
        identifier: Our identifier of it.
        digest: SHA-256 of what was sent.
        sent_at: When.
        status: HTTP status of the answer, ``None`` when none came.
        reference: ``"Type/id"`` on the server, ``None`` while it is not known.
        version: Version that an update made, ``None`` where it is not known.

    """

    method: str
    target: str
    identifier: str
    digest: str
    sent_at: datetime
    status: int | None
    reference: str | None
    version: str | None

    @property
    def is_lost(self) -> bool:
        """Whether it may be on the server, and nobody knows where."""
        is_refused = HTTP_BAD_REQUEST <= (self.status or 0) < HTTP_SERVER_ERROR
        return self.reference is None and not is_refused


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRun:
    """One signature and where it was written.

    Attributes:
        id: Random name of the run, the same as that of its launch.
        issuer: FHIR base of the EHR.
        patient_id: Whose chart it was written to.
        signed_by: Reference of the signer.
        signed_at: When.
        undone_at: When it was withdrawn, ``None`` when it was not.

    """

    id: str
    issuer: str
    patient_id: str = field(repr=False)
    signed_by: str
    signed_at: datetime
    undone_at: datetime | None


def begin_run(services: Services, launch: OpenLaunch, signed_by: str) -> None:
    """Open the journal of a signature; a repeat finds it open."""
    row = Run(
        id=launch.id,
        issuer=launch.issuer,
        patient=services.vault.seal(launch.context.patient_id.encode()),
        signed_by=signed_by,
        signed_at=services.clock(),
    )
    with services.sessions.begin() as session:
        if session.get(Run, launch.id) is None:
            session.add(row)


def kept_run(services: Services, run_id: str) -> SignedRun | None:
    """Return a run, ``None`` where nobody signed under that name."""
    with services.sessions() as session:
        row = session.get(Run, run_id)
    return None if row is None else _run(services, row)


def kept_runs(services: Services) -> list[SignedRun]:
    """Return all runs, the newest first; persons in them are only known by id."""
    with services.sessions() as session:
        rows = session.scalars(select(Run).order_by(Run.signed_at.desc())).all()
    return [_run(services, row) for row in rows]


def own_runs(services: Services, launch: OpenLaunch) -> list[SignedRun]:
    """Return what the user of a launch has signed for its patient and not withdrawn."""
    mine = select(Run).where(
        Run.issuer == launch.issuer,
        Run.signed_by == launch.signer,
        Run.undone_at.is_(None),
    )
    with services.sessions() as session:
        rows = session.scalars(mine.order_by(Run.signed_at.desc())).all()
    runs = (_run(services, row) for row in rows)
    return [run for run in runs if run.patient_id == launch.context.patient_id]


def note_sent(services: Services, run_id: str, request: WriteRequest) -> list[int]:
    """Note a request that is about to be sent; return the numbers of its rows."""
    rows = [
        JournalEntry(
            run_id=run_id,
            method=request.method,
            target=request.path or resource["resourceType"],
            identifier=key(resource),
            digest=digest(resource),
            sent_at=services.clock(),
        )
        for resource in request.resources
    ]
    with services.sessions.begin() as session:
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def note_answer(
    services: Services, ids: Iterable[int], status: int, **found: str | None
) -> None:
    """Mark rows with the answer: its status, and ``reference`` and ``version``."""
    values: dict[str, Any] = {"status": status, **found}
    change = update(JournalEntry).where(JournalEntry.id.in_(list(ids)))
    with services.sessions.begin() as session:
        session.execute(change.values(answered_at=services.clock(), **values))


def note_found(services: Services, run_id: str, references: Mapping[str, str]) -> None:
    """Mark what was created and is found on the server by its identifier.

    What the server refused is not of this run, whoever created it since.
    """
    with services.sessions.begin() as session:
        for identifier, reference in references.items():
            mine = (JournalEntry.run_id == run_id, JournalEntry.method == "POST")
            sent = update(JournalEntry).where(
                *mine,
                JournalEntry.identifier == identifier,
                JournalEntry.reference.is_(None),
                or_(
                    JournalEntry.status.is_(None),
                    JournalEntry.status < HTTP_BAD_REQUEST,
                    JournalEntry.status >= HTTP_SERVER_ERROR,
                ),
            )
            session.execute(sent.values(reference=reference))


def note_undone(services: Services, run_id: str) -> None:
    """Mark a run as withdrawn."""
    with services.sessions.begin() as session:
        run = update(Run).where(Run.id == run_id)
        session.execute(run.values(undone_at=services.clock()))


def entries(services: Services, run_id: str) -> Sequence[Entry]:
    """Return what a run has sent, in order."""
    rows = select(JournalEntry).where(JournalEntry.run_id == run_id)
    with services.sessions() as session:
        found = session.scalars(rows.order_by(JournalEntry.id)).all()
    return [
        Entry(
            method=row.method,
            target=row.target,
            identifier=row.identifier,
            digest=row.digest,
            sent_at=row.sent_at,
            status=row.status,
            reference=row.reference,
            version=row.version,
        )
        for row in found
    ]


def created_by(sent: Iterable[Entry]) -> frozenset[str]:
    """Return references of what a run created."""
    created = (entry for entry in sent if entry.method == "POST")
    return frozenset(entry.reference for entry in created if entry.reference)


def creator(services: Services, run_id: str, reference: str) -> str | None:
    """Return which other run created something on the server that a run wrote to."""
    other = _of_others(run_id).where(
        JournalEntry.method == "POST", JournalEntry.reference == reference
    )
    with services.sessions() as session:
        return session.scalars(other).first()


def is_replaced_by_another(
    services: Services, run_id: str, references: Collection[str]
) -> bool:
    """Whether a run that was not withdrawn has updated what this one created."""
    other = _of_others(run_id).where(
        JournalEntry.method == "PUT",
        JournalEntry.target.in_(references),
        JournalEntry.status < HTTP_BAD_REQUEST,
        Run.undone_at.is_(None),
    )
    with services.sessions() as session:
        return session.scalars(other).first() is not None


def _of_others(run_id: str) -> Select[str]:
    """Select the runs of others at the same EHR, by what they wrote."""
    issuer = select(Run.issuer).where(Run.id == run_id).scalar_subquery()
    return (
        select(JournalEntry.run_id)
        .join(Run, Run.id == JournalEntry.run_id)
        .where(Run.issuer == issuer, Run.id != run_id)
    )


def purge_journal(services: Services) -> int:
    """Delete runs that are older than the journal is kept."""
    oldest = services.clock() - JOURNAL_LIFE
    with services.sessions.begin() as session:
        return changed_rows(session, delete(Run).where(Run.signed_at < oldest))


def _run(services: Services, row: Run) -> SignedRun:
    return SignedRun(
        id=row.id,
        issuer=row.issuer,
        patient_id=services.vault.open(row.patient).decode(),
        signed_by=row.signed_by,
        signed_at=row.signed_at,
        undone_at=row.undone_at,
    )
