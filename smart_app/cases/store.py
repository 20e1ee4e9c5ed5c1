"""Reports and signatures in the database, sealed."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import TypeAdapter
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from inference.judgement.advice import reconsidered
from inference.results import Answer, CaseReport, ClinicalFeatures, Identity
from smart_app.ehrs.writable import Rung
from smart_app.errors import advice_of, title_of
from smart_app.services import Services
from smart_app.tables import Masks, Report, Write, WriteState

if TYPE_CHECKING:  # its engine is loaded where an answer is judged
    from inference.treatment.model import TreatmentModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A report and about whom it is.

    Attributes:
        report: What the analysis found, with what a clinician typed in.
        chart: What the chart said, without anything that was typed in.
        identity: Who the chart said that the patient is, at that time.
        imaging_study: Reference of the ImagingStudy that was measured.

    """

    report: CaseReport
    chart: ClinicalFeatures
    identity: Identity = field(repr=False)
    imaging_study: str

    @property
    def fingerprint(self) -> str:
        """A short hash of the report: who signs must have seen this one."""
        return sha256(_REPORT.dump_json(_slim(self.report))).hexdigest()[:32]

    def with_answers(
        self, answers: Iterable[Answer], treatment: "TreatmentModel"
    ) -> Self:
        """Return the case with what was typed in, judged again."""
        report = reconsidered(self.report, self.chart, answers, treatment)
        return replace(self, report=report)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signed when, and what became of it.

    Attributes:
        signed_by: Reference of the signing user.
        signed_at: When, aware.
        state: Whether it reached the EHR.
        written: References of what this signature created.
        existing: References of what was on the server before, ``None`` until somebody
            looked.
        differences: What the server changed or dropped, as paths.
        plan: Fingerprint of the ``WritePlan`` that was shown to the signer.
        refused: Types, or "transaction", that the server turned away.
        unchanged: What the server did not let be withdrawn.
        title: What happened, only when it failed.
        advice: What to do next, only when it failed.

    """

    signed_by: str
    signed_at: datetime
    state: WriteState
    written: tuple[str, ...] = ()
    existing: tuple[str, ...] | None = None
    differences: tuple[str, ...] = ()
    plan: str
    refused: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    title: str | None = None
    advice: str | None = None

    @property
    def rung(self) -> Rung:
        """How much of the report the EHR takes."""
        return Rung(self.plan.partition(" ")[0])


_CASE: Final = TypeAdapter(Case)
_REPORT: Final = TypeAdapter(CaseReport)


def _slim(report: CaseReport) -> CaseReport:
    """Leave out the bytes of the picture, which have a column of their own."""
    return replace(report, picture=replace(report.picture, png=b""))


def keep_case(services: Services, launch_id: str, case: Case) -> None:
    """Keep a report in place of the one before; its masks stay as they are."""
    with services.sessions.begin() as session:
        session.merge(_row(services, launch_id, case))


def keep_analyzed(
    services: Services, launch_id: str, case: Case, masks: bytes | None
) -> None:
    """Keep the report and the masks of an analysis, in place of those before."""
    with services.sessions.begin() as session:
        session.merge(_row(services, launch_id, case))
        session.execute(delete(Masks).where(Masks.launch_id == launch_id))
        if masks is not None:
            sealed = services.vault.seal(masks)
            session.add(Masks(launch_id=launch_id, packed=sealed))


def _row(services: Services, launch_id: str, case: Case) -> Report:
    slim = replace(case, report=_slim(case.report))
    return Report(
        launch_id=launch_id,
        case=services.vault.seal(_CASE.dump_json(slim)),
        picture=services.vault.seal(case.report.picture.png),
    )


def kept_masks(services: Services, launch_id: str) -> bytes | None:
    """Return the packed masks of a report, ``None`` where none were kept."""
    packed = select(Masks.packed).where(Masks.launch_id == launch_id)
    with services.sessions() as session:
        sealed = session.scalar(packed)
    return None if sealed is None else services.vault.open(sealed)


def has_masks(services: Services, launch_id: str) -> bool:
    """Tell whether masks of a report were kept."""
    found = select(Masks.launch_id).where(Masks.launch_id == launch_id)
    with services.sessions() as session:
        return session.scalar(found) is not None


def kept_case(services: Services, launch_id: str) -> Case | None:
    """Return the report of a launch, ``None`` when there is none yet."""
    with services.sessions() as session:
        row = session.get(Report, launch_id)
    if row is None:
        return None
    case = _CASE.validate_json(services.vault.open(row.case))
    picture = replace(case.report.picture, png=services.vault.open(row.picture))
    return replace(case, report=replace(case.report, picture=picture))


def kept_picture(services: Services, launch_id: str) -> bytes | None:
    """Return the PNG of a report, ``None`` when there is none yet."""
    picture = select(Report.picture).where(Report.launch_id == launch_id)
    with services.sessions() as session:
        sealed = session.scalar(picture)
    return None if sealed is None else services.vault.open(sealed)


def sign(services: Services, launch_id: str, signed_by: str, *, plan: str) -> None:
    """Record a signature; of two, the first one counts.

    Args:
        services: The database.
        launch_id: Whose report is signed.
        signed_by: Reference of the signer.
        plan: Fingerprint of the ``WritePlan`` that the signer saw; also of a repeat.

    """
    row = Write(
        launch_id=launch_id,
        signed_by=signed_by,
        signed_at=services.clock(),
        state=WriteState.SIGNED,
        result={"plan": plan},
    )
    try:
        with services.sessions.begin() as session:
            session.add(row)
    except IntegrityError:  # signed before: the repeat only writes again
        keep_result(services, launch_id, plan=plan)


def signature(services: Services, launch_id: str) -> Signature | None:
    """Return the signature of a launch, ``None`` when there is none yet."""
    with services.sessions() as session:
        row = session.get(Write, launch_id)
    if row is None:
        return None
    known = row.result
    existing = known.get("existing")
    return Signature(
        signed_by=row.signed_by,
        signed_at=row.signed_at,
        state=WriteState(row.state),
        written=tuple(known.get("written", ())),
        existing=None if existing is None else tuple(existing),
        differences=tuple(known.get("differences", ())),
        plan=known["plan"],
        refused=tuple(known.get("refused", ())),
        unchanged=tuple(known.get("unchanged", ())),
        title=row.title,
        advice=row.advice,
    )


def keep_write_state(
    services: Services, launch_id: str, state: WriteState, error: Exception | None
) -> None:
    """Record how far the writing of a signed report has come."""
    values: dict[str, Any] = {"state": state, "title": None, "advice": None}
    values["error_class"] = type(error).__name__ if error else None
    if error:
        values["title"] = title_of(error)
        values["advice"] = advice_of(error)
    _change(services, launch_id, values)


def abandoned_writes(services: Services) -> list[str]:
    """Return launches that have been waiting to be written for longer than a lease.

    Whether a process is still at work on one, its lock tells.
    """
    oldest = services.clock() - timedelta(seconds=services.settings.lease_s)
    states = (WriteState.SIGNED, WriteState.WRITING)
    is_open = (Write.state.in_(states), Write.signed_at < oldest)
    with services.sessions() as session:
        return list(session.scalars(select(Write.launch_id).where(*is_open)))


def keep_result(services: Services, launch_id: str, **result: list[str] | str) -> None:
    """Record a part of what became of a signature; other parts stay."""
    with services.sessions.begin() as session:
        row = session.get(Write, launch_id, with_for_update=True)
        if row:
            row.result = {**row.result, **result}


def _change(services: Services, launch_id: str, values: dict[str, Any]) -> None:
    with services.sessions.begin() as session:
        session.execute(
            update(Write).where(Write.launch_id == launch_id).values(**values)
        )
