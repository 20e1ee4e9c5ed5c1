"""Signed plans that this application keeps because their EHR takes none.

A plan outlives its launch. Its name cannot be guessed, and it is shown only to a
browser that has opened the same patient from the same EHR.
"""

import hmac
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter
from sqlalchemy import select, update

from smart_app.errors import PlanWithdrawnError
from smart_app.launch.launches import OpenLaunch
from smart_app.services import Services
from smart_app.tables import KeptPlan
from smart_app.writing.plan_files import PlanFiles

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTENT: Final = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInfo:
    """What a list of kept plans shows.

    Attributes:
        id: Name of the plan, which cannot be guessed.
        signed_at: When it was signed.
        withdrawn_at: When it was withdrawn or replaced, ``None`` while it holds.

    """

    id: str = field(repr=False)
    signed_at: datetime
    withdrawn_at: datetime | None


def plan_id(services: Services, launch: OpenLaunch, identifier: str) -> str:
    """Return the name of a plan: the same for the same content, unguessable."""
    return _seal_of(services, "plan", _patient(launch), identifier)


def keep_plan(
    services: Services, launch: OpenLaunch, plan: str, files: PlanFiles
) -> None:
    """Keep a plan; those of the same patient that it replaces no longer hold.

    Args:
        services: The database.
        launch: Whose plan it is.
        plan: Its name.
        files: All its forms.

    """
    now = services.clock()
    content = {
        "bundle": files.bundle,
        "pdf": b64encode(files.pdf).decode(),
        "xhtml": files.xhtml.decode(),
    }
    patient = _seal_of(services, "patient", _patient(launch))
    row = KeptPlan(
        id=plan,
        run_id=launch.id,
        patient=patient,
        signed_at=now,
        content=services.vault.seal(_CONTENT.dump_json(content)),
    )
    older = update(KeptPlan).where(
        KeptPlan.patient == patient,
        KeptPlan.id != plan,
        KeptPlan.withdrawn_at.is_(None),
    )
    with services.sessions.begin() as session:
        session.execute(older.values(withdrawn_at=now))
        session.merge(row)


def kept_plans(services: Services, launch: OpenLaunch) -> list[PlanInfo]:
    """Return the plans of the patient of a launch, the newest first."""
    patient = _seal_of(services, "patient", _patient(launch))
    rows = select(KeptPlan).where(KeptPlan.patient == patient)
    with services.sessions() as session:
        found = session.scalars(rows.order_by(KeptPlan.signed_at.desc())).all()
    return [
        PlanInfo(id=row.id, signed_at=row.signed_at, withdrawn_at=row.withdrawn_at)
        for row in found
    ]


def plan_files(services: Services, launch: OpenLaunch, plan: str) -> PlanFiles | None:
    """Return a kept plan, ``None`` where it is not of the patient of the launch.

    Raises:
        PlanWithdrawnError: It no longer holds.

    """
    with services.sessions() as session:
        row = session.get(KeptPlan, plan)
    mine = _seal_of(services, "patient", _patient(launch))
    if row is None or not hmac.compare_digest(row.patient, mine):
        return None
    if row.withdrawn_at:
        raise PlanWithdrawnError("a plan that was withdrawn or replaced")
    content: Mapping[str, Any] = _CONTENT.validate_json(
        services.vault.open(row.content)
    )
    return PlanFiles(
        bundle=content["bundle"],
        pdf=b64decode(content["pdf"]),
        xhtml=content["xhtml"].encode(),
    )


def withdraw_plans(services: Services, run_id: str) -> int:
    """Mark the plans of a run as withdrawn; return how many there were."""
    of_run = (KeptPlan.run_id == run_id, KeptPlan.withdrawn_at.is_(None))
    with services.sessions.begin() as session:
        rows = session.scalars(select(KeptPlan).where(*of_run)).all()
        for row in rows:
            row.withdrawn_at = services.clock()
    return len(rows)


def _patient(launch: OpenLaunch) -> str:
    return f"{launch.issuer} {launch.context.patient_id}"


def _seal_of(services: Services, *parts: str) -> str:
    """Return a keyed hash: nobody without our secret can make or check it."""
    secret = services.settings.secret_key.encode()
    return hmac.new(secret, "\x1f".join(parts).encode(), "sha256").hexdigest()
