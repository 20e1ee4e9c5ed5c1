"""Jobs in the database: queued, claimed under a lease, finished once.

Every change by a worker names its owner, so a worker that was thought dead cannot
overwrite what its successor did.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select, update

from smart_app.database import changed_rows
from smart_app.errors import (
    LeaseLostError,
    NotReadyError,
    WorkerLostError,
    advice_of,
    title_of,
)
from smart_app.services import Services
from smart_app.tables import Job, JobState

MAX_ATTEMPTS: Final = 3  # our choice: a job that kills three workers kills a fourth
ORPHAN_AGE: Final = timedelta(seconds=20)  # our choice: a lost message is sent again


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A job that one worker may work on while it renews the lease."""

    job_id: str
    launch_id: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """What the progress page shows.

    Attributes:
        id: Name of the job in the log.
        state: What may happen to it.
        stage: What is being done, ``None`` before the first stage.
        fraction: Progress of the stage, 0 to 1.
        title: What happened, only when it failed.
        advice: What to do next, only when it failed.

    """

    id: str
    state: JobState
    stage: str | None
    fraction: float
    title: str | None
    advice: str | None


def queue_job(services: Services, launch_id: str) -> str:
    """Queue the analysis of a launch and wake a worker."""
    job = Job(
        id=secrets.token_hex(8),
        launch_id=launch_id,
        state=JobState.QUEUED,
        fraction=0.0,
        attempt=0,
        sent_at=services.clock(),
    )
    with services.sessions.begin() as session:
        session.add(job)
    services.queue.send(job.id)
    return job.id


def queue_again(
    services: Services, launch_id: str, *, after: JobState = JobState.FAILED
) -> None:
    """Queue a job once more that failed, or that is done and starts anew.

    Raises:
        NotReadyError: It is in another state than ``after``.

    """
    values = {
        "state": JobState.QUEUED,
        "stage": None,
        "fraction": 0.0,
        "attempt": 0,
        "sent_at": services.clock(),
        "title": None,
        "advice": None,
        "error_class": None,
    }
    ended = (Job.launch_id == launch_id, Job.state == after)
    with services.sessions.begin() as session:
        done = changed_rows(session, update(Job).where(*ended).values(**values))
        job_id = session.scalar(select(Job.id).where(Job.launch_id == launch_id))
    if not done or job_id is None:
        raise NotReadyError(f"a job that is not {after} is not run again")
    services.queue.send(job_id)


def job_status(services: Services, launch_id: str) -> JobStatus:
    """Return the state of a launch's job."""
    with services.sessions() as session:
        job = session.scalars(select(Job).where(Job.launch_id == launch_id)).one()
    return JobStatus(
        id=job.id,
        state=JobState(job.state),
        stage=job.stage,
        fraction=job.fraction,
        title=job.title,
        advice=job.advice,
    )


def claim_job(services: Services, job_id: str) -> Claim | None:
    """Take a job that is free, in one statement; ``None`` when it is not."""
    now = services.clock()
    is_free = or_(Job.state == JobState.QUEUED, _is_abandoned(services))
    owner = secrets.token_hex(8)
    values = {
        "state": JobState.RUNNING,
        "owner": owner,
        "lease_until": now + _lease(services),
        "attempt": Job.attempt + 1,
    }
    free = (Job.id == job_id, is_free, Job.attempt < MAX_ATTEMPTS)
    with services.sessions.begin() as session:
        if not changed_rows(session, update(Job).where(*free).values(**values)):
            return None
        launch_id = session.scalars(select(Job.launch_id).where(Job.id == job_id)).one()
    return Claim(job_id=job_id, launch_id=launch_id, owner=owner)


def renew_lease(services: Services, claim: Claim) -> None:
    """Say that the worker lives.

    Raises:
        LeaseLostError: Another worker has the job.

    """
    _change(services, claim, {"lease_until": services.clock() + _lease(services)})


def keep_progress(
    services: Services, claim: Claim, stage: str, fraction: float
) -> None:
    """Record what is being done.

    Raises:
        LeaseLostError: Another worker has the job.

    """
    _change(services, claim, {"stage": stage, "fraction": fraction})


def finish_job(services: Services, claim: Claim) -> None:
    """Record that the report is there.

    Raises:
        LeaseLostError: Another worker has the job.

    """
    _change(services, claim, {"state": JobState.DONE, "fraction": 1.0})


def fail_job(services: Services, claim: Claim, error: Exception) -> None:
    """Record what happened and what to do next.

    Raises:
        LeaseLostError: Another worker has the job.

    """
    _change(services, claim, {"state": JobState.FAILED, **_failure(error)})


def reap_jobs(services: Services) -> list[str]:
    """Send abandoned and orphaned jobs again; fail those that were tried enough."""
    now = services.clock()
    lost = WorkerLostError(f"the worker was lost {MAX_ATTEMPTS} times")
    tried = (_is_abandoned(services), Job.attempt >= MAX_ATTEMPTS)
    is_orphan = and_(Job.state == JobState.QUEUED, Job.sent_at < now - ORPHAN_AGE)
    with services.sessions.begin() as session:
        failed = {"state": JobState.FAILED, **_failure(lost)}
        session.execute(update(Job).where(*tried).values(**failed))
        waiting = or_(_is_abandoned(services), is_orphan)
        job_ids = list(session.scalars(select(Job.id).where(waiting)))
        session.execute(update(Job).where(Job.id.in_(job_ids)).values(sent_at=now))
    for job_id in job_ids:
        services.queue.send(job_id)
    return job_ids


def _is_abandoned(services: Services) -> ColumnElement[bool]:
    return and_(Job.state == JobState.RUNNING, Job.lease_until < services.clock())


def _lease(services: Services) -> timedelta:
    return timedelta(seconds=services.settings.lease_s)


def _change(services: Services, claim: Claim, values: dict[str, Any]) -> None:
    mine = (Job.id == claim.job_id, Job.owner == claim.owner)
    running = update(Job).where(*mine, Job.state == JobState.RUNNING)
    with services.sessions.begin() as session:
        if not changed_rows(session, running.values(**values)):
            raise LeaseLostError(f"job {claim.job_id} is no longer of this worker")


def _failure(error: Exception) -> dict[str, Any]:
    return {
        "title": title_of(error),
        "advice": advice_of(error),
        "error_class": type(error).__name__,
    }
