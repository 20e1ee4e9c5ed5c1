"""The tables. Whatever says something about a person is sealed (``bytes``)."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class JobState(StrEnum):
    """What may happen to a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class WriteState(StrEnum):
    """What may happen to a signed report."""

    SIGNED = "signed"
    WRITING = "writing"
    WRITTEN = "written"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


class ArchiveState(StrEnum):
    """What may happen to the DICOM objects of a signed report."""

    QUEUED = "queued"
    STORING = "storing"
    STORED = "stored"
    FAILED = "failed"


class UtcDateTime(TypeDecorator[datetime]):
    """A time that is aware in Python and UTC in every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Store UTC."""
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Return an aware time: SQLite forgets the zone."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value


class Base(DeclarativeBase):
    """All tables, with one meaning per Python type."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        list[str]: JSON,
        dict[str, Any]: JSON,
    }


class SignedIn(Base):
    """A browser that started a launch; it stays for as long as it is used."""

    __tablename__ = "signed_in"

    browser: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)


class PendingLaunch(Base):
    """A launch that waits for the answer of the EHR; its state is used once."""

    __tablename__ = "pending_launches"

    state: Mapped[str] = mapped_column(primary_key=True)
    browser: Mapped[str]
    issuer: Mapped[str]
    nonce: Mapped[str]
    verifier: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class Launch(Base):
    """One patient opened by one user in one browser."""

    __tablename__ = "launches"

    id: Mapped[str] = mapped_column(primary_key=True)
    browser: Mapped[str] = mapped_column(index=True)
    issuer: Mapped[str]
    context: Mapped[bytes]
    banner: Mapped[bytes]
    scopes: Mapped[list[str]]
    access_token: Mapped[bytes]
    refresh_token: Mapped[bytes | None]
    expires_at: Mapped[datetime]
    refreshing_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(index=True)


class Job(Base):
    """One analysis. This row is the truth; a queue message is only a wake-up."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(primary_key=True)
    launch_id: Mapped[str] = mapped_column(
        ForeignKey("launches.id", ondelete="CASCADE"), unique=True
    )
    state: Mapped[str] = mapped_column(index=True)
    stage: Mapped[str | None]
    fraction: Mapped[float]
    attempt: Mapped[int]
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    sent_at: Mapped[datetime]
    title: Mapped[str | None]
    advice: Mapped[str | None]
    error_class: Mapped[str | None]


class Report(Base):
    """What an analysis found, and about whom."""

    __tablename__ = "reports"

    launch_id: Mapped[str] = mapped_column(
        ForeignKey("launches.id", ondelete="CASCADE"), primary_key=True
    )
    case: Mapped[bytes]
    picture: Mapped[bytes]


class Masks(Base):
    """The masks of a report, as ``inference.outputs.kept_masks`` packs them."""

    __tablename__ = "masks"

    launch_id: Mapped[str] = mapped_column(
        ForeignKey("launches.id", ondelete="CASCADE"), primary_key=True
    )
    packed: Mapped[bytes]


class LevelShift(Base):
    """By how much a clinician moved the names of the levels of a case."""

    __tablename__ = "level_shifts"

    launch_id: Mapped[str] = mapped_column(
        ForeignKey("launches.id", ondelete="CASCADE"), primary_key=True
    )
    shift: Mapped[int]


class Write(Base):
    """A signature and what became of it."""

    __tablename__ = "writes"

    launch_id: Mapped[str] = mapped_column(
        ForeignKey("launches.id", ondelete="CASCADE"), primary_key=True
    )
    signed_by: Mapped[str]
    signed_at: Mapped[datetime]
    state: Mapped[str]
    result: Mapped[dict[str, Any]]
    title: Mapped[str | None]
    advice: Mapped[str | None]
    error_class: Mapped[str | None]


class Run(Base):
    """A signature that was acted on; it outlives its launch, so that it can be undone.

    Its id is that of the launch.
    """

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    issuer: Mapped[str]
    patient: Mapped[bytes]
    signed_by: Mapped[str]
    signed_at: Mapped[datetime] = mapped_column(index=True)
    undone_at: Mapped[datetime | None]


class JournalEntry(Base):
    """One resource that was sent to a server, noted before and marked after."""

    __tablename__ = "journal"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), index=True
    )
    method: Mapped[str]
    target: Mapped[str]
    identifier: Mapped[str]
    digest: Mapped[str]
    sent_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    status: Mapped[int | None]
    reference: Mapped[str | None]
    version: Mapped[str | None]


class ArchiveWrite(Base):
    """What became of the DICOM objects of a signed report."""

    __tablename__ = "archive_writes"

    launch_id: Mapped[str] = mapped_column(
        ForeignKey("launches.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(index=True)
    attempt: Mapped[int]
    sent_at: Mapped[datetime]
    result: Mapped[dict[str, Any]]
    title: Mapped[str | None]
    advice: Mapped[str | None]
    error_class: Mapped[str | None]


class ServerStatement(Base):
    """What an EHR said lately that it can do."""

    __tablename__ = "server_statements"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    capabilities: Mapped[dict[str, Any]]
    read_at: Mapped[datetime]


class KeptPlan(Base):
    """A signed plan that no EHR keeps; it outlives its launch and its journal."""

    __tablename__ = "kept_plans"

    id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(index=True)
    patient: Mapped[str] = mapped_column(index=True)
    signed_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    content: Mapped[bytes]


class Lock(Base):
    """A lock that all processes respect and that ends by itself."""

    __tablename__ = "locks"

    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    until: Mapped[datetime]


class CdsToken(Base):
    """A token of a CDS client that was used; it counts once."""

    __tablename__ = "cds_tokens"

    digest: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class CdsCard(Base):
    """A card that was shown, to whom nobody knows."""

    __tablename__ = "cds_cards"

    id: Mapped[str] = mapped_column(primary_key=True)
    issuer: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)


class CdsFeedback(Base):
    """What a clinician did with a card; the same answer twice is one."""

    __tablename__ = "cds_feedback"

    card_id: Mapped[str] = mapped_column(
        ForeignKey("cds_cards.id", ondelete="CASCADE"), primary_key=True
    )
    outcome: Mapped[str] = mapped_column(primary_key=True)
    outcome_at: Mapped[datetime] = mapped_column(primary_key=True)
    reason: Mapped[str | None]
