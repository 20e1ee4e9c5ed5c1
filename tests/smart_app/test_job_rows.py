"""One worker at a time, and no job is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from sandbox.services import Ehr
from smart_app.errors import LeaseLostError
from smart_app.job_rows import (
    MAX_ATTEMPTS,
    claim_job,
    finish_job,
    job_status,
    keep_progress,
    reap_jobs,
)
from smart_app.launches import purge
from smart_app.models import Job, JobState, Launch
from tests.smart_app.clinic import Browser, Clinic


@pytest.fixture
def job_id(hospital: Ehr, clinic: Clinic, browser: Browser) -> str:
    """A queued job whose message was lost."""
    browser.open(patient="ada")
    del hospital
    return clinic.sent.pop()


def age(clinic: Clinic, job_id: str, by: timedelta) -> None:
    """Make the lease and the message of a job older."""
    with clinic.services.sessions.begin() as session:
        job = session.get_one(Job, job_id)
        job.sent_at -= by
        if job.lease_until:
            job.lease_until -= by


def launch_id(clinic: Clinic, job_id: str) -> str:
    with clinic.services.sessions() as session:
        return session.get_one(Job, job_id).launch_id


def test_of_many_workers_one_gets_the_job(clinic: Clinic, job_id: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: claim_job(clinic.services, job_id), range(8)))
    assert sum(claim is not None for claim in claims) == 1


def test_a_lost_message_is_sent_again(clinic: Clinic, job_id: str) -> None:
    assert reap_jobs(clinic.services) == []
    age(clinic, job_id, timedelta(minutes=1))
    assert reap_jobs(clinic.services) == [job_id] == clinic.sent


def test_an_abandoned_job_goes_to_another_worker(clinic: Clinic, job_id: str) -> None:
    first = claim_job(clinic.services, job_id)
    age(clinic, job_id, timedelta(minutes=5))
    assert reap_jobs(clinic.services) == [job_id]
    second = claim_job(clinic.services, job_id)
    assert first
    assert second
    with pytest.raises(LeaseLostError, match=job_id):
        finish_job(clinic.services, first)
    keep_progress(clinic.services, second, "images", 0.5)
    finish_job(clinic.services, second)
    status = job_status(clinic.services, second.launch_id)
    assert status.state == JobState.DONE


def test_a_job_that_kills_its_workers_fails_visibly(
    clinic: Clinic, job_id: str
) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert claim_job(clinic.services, job_id)
        age(clinic, job_id, timedelta(minutes=5))
    assert reap_jobs(clinic.services) == []
    status = job_status(clinic.services, launch_id(clinic, job_id))
    assert status.state == JobState.FAILED
    assert "stopped several times" in (status.advice or "")


def test_old_launches_are_deleted_with_all_that_hangs_on_them(
    clinic: Clinic, job_id: str
) -> None:
    retention = clinic.services.settings.retention
    assert purge(clinic.services) == 0
    with clinic.services.sessions.begin() as session:
        launch = session.get_one(Job, job_id).launch_id
        old = clinic.services.clock() - retention - timedelta(seconds=1)
        session.execute(
            update(Launch).where(Launch.id == launch).values(created_at=old)
        )
    assert purge(clinic.services) == 1
    with clinic.services.sessions() as session:
        assert session.get(Job, job_id) is None
