"""One worker at a time, and no job is lost."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pydicom import Dataset
from sqlalchemy import update

from inference.results import Identity
from sandbox.services import Ehr
from smart_app import locks
from smart_app.cases.job_rows import (
    MAX_ATTEMPTS,
    claim_job,
    finish_job,
    job_status,
    keep_progress,
    reap_jobs,
)
from smart_app.errors import LeaseLostError, WriteBusyError
from smart_app.jobs import run
from smart_app.launch.launches import purge
from smart_app.locks import exclusive
from smart_app.tables import Job, JobState, Launch, Lock
from tests.smart_app.clinic import Browser, Clinic
from tests.smart_app.stub import StubAnalysis


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


class Overtaken(StubAnalysis):
    """Loses its lease to another worker while it runs."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic

    def identity_of(self, dataset: Dataset) -> Identity:
        """Let another worker take the job."""
        with self.clinic.services.sessions.begin() as session:
            session.execute(update(Job).values(owner="another"))
        return super().identity_of(dataset)


def test_a_worker_that_lost_its_job_changes_nothing(
    clinic: Clinic, job_id: str
) -> None:
    clinic.send(job_id)
    clinic.work(Overtaken(clinic))
    status = job_status(clinic.services, launch_id(clinic, job_id))
    assert (status.state, status.advice) == (JobState.RUNNING, None)


def test_a_job_that_never_ends_fails_visibly(
    clinic: Clinic, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MAX_JOB_S", -1)
    monkeypatch.setattr(run, "RENEWALS_PER_LEASE", 300)
    monkeypatch.setattr(StubAnalysis, "identity_of", sleeping_identity)
    clinic.send(job_id)
    clinic.work()
    status = job_status(clinic.services, launch_id(clinic, job_id))
    assert status.title == "The analysis took too long"


def sleeping_identity(_: StubAnalysis, dataset: Dataset) -> Identity:
    time.sleep(0.5)
    return Identity(
        identifiers=frozenset({str(dataset.PatientID)}),
        family="Example",
        given="Ada",
        birth_date=None,
        sex=None,
    )


def test_a_lock_waits_for_its_holder_and_ends_by_itself(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "WAIT_S", 0.2)
    with exclusive(clinic.services, "a"):
        with exclusive(clinic.services, "b"):
            pass
        with pytest.raises(WriteBusyError), exclusive(clinic.services, "a"):
            pass
        with clinic.services.sessions.begin() as session:
            old = clinic.services.clock() - timedelta(seconds=1)
            session.execute(update(Lock).values(until=old))
        with exclusive(clinic.services, "a"):
            pass


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
