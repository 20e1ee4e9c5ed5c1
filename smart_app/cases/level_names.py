"""A clinician moves all names of the levels by one, and the case is analyzed again."""

from collections.abc import Mapping
from typing import Final

from inference.results import MAX_LEVEL_SHIFT
from smart_app.cases.answers import case_lock
from smart_app.cases.job_rows import job_status, queue_again
from smart_app.cases.store import kept_case, signature
from smart_app.errors import (
    AlreadySignedError,
    ImpossibleMoveError,
    NotReadyError,
    OutdatedPageError,
    WriteNotGrantedError,
)
from smart_app.launch.launches import OpenLaunch
from smart_app.locks import exclusive
from smart_app.services import Services
from smart_app.tables import JobState, LevelShift

#: Fields of the form: with ``higher`` every vertebra gets the name of the one above.
MOVES: Final = {"higher": 1, "lower": -1}


def move_names(services: Services, launch: OpenLaunch, form: Mapping[str, str]) -> None:
    """Keep by how much the names are moved, and queue the analysis once more.

    Args:
        services: Everything with a side effect.
        launch: The launch.
        form: ``move``, one of ``MOVES``, and ``seen``, the report that was looked at:
            a second press of the button does not move the names twice.

    Raises:
        WriteNotGrantedError: It is not known which professional asks for it.
        ImpossibleMoveError: There is no such move.
        NotReadyError: There is no report yet.
        AlreadySignedError: The report is signed.
        OutdatedPageError: The report is not the one that was looked at.

    """
    if launch.professional is None:
        raise WriteNotGrantedError("names moved by an unknown user")
    step = MOVES.get(form.get("move", ""), 0)
    with exclusive(services, case_lock(launch)):
        case = kept_case(services, launch.id)
        is_done = job_status(services, launch.id).state == JobState.DONE
        if case is None or not is_done:
            raise NotReadyError("names moved before report")
        if signature(services, launch.id) is not None:
            raise AlreadySignedError("names moved after the signature")
        if form.get("seen") != case.fingerprint:
            raise OutdatedPageError("names moved of another report")
        shift = case.report.level_shift + step
        if not step or abs(shift) > MAX_LEVEL_SHIFT:
            raise ImpossibleMoveError(f"names moved to {shift}")
        with services.sessions.begin() as session:
            session.merge(LevelShift(launch_id=launch.id, shift=shift))
        queue_again(services, launch.id, after=JobState.DONE)


def level_shift(services: Services, launch_id: str) -> int:
    """Return by how much the names of a case are moved."""
    with services.sessions() as session:
        row = session.get(LevelShift, launch_id)
    return row.shift if row else 0
