"""Jobs in real worker processes, over real transports."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.processes import Child, running
from sandbox.services import Ehr, app_url, redis
from smart_app.jobs.worker_process import READY
from smart_app.settings import Settings
from smart_app.tables import Job
from tests.smart_app.clinic import Browser, Clinic, environment
from tests.smart_app.stub import MARK_VARIABLE

ROOT = Path(__file__).parents[2]
PATIENCE_S = 40


@contextmanager
def stub_worker(folder: Path, env: dict[str, str], name: str) -> Iterator[Child]:
    command = [
        *(sys.executable, "-m", "celery", "-A", "tests.smart_app.stub_worker"),
        *("--workdir", str(ROOT), "worker", "--pool", "solo", "--without-gossip"),
        *("--without-mingle", "--without-heartbeat", "--loglevel", "INFO"),
    ]
    with running(command, name=name, directory=folder, env=env) as child:
        child.wait_until(lambda: READY in child.log.read_text())
        yield child


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < give_up_at, "waited too long"
        time.sleep(0.1)


@pytest.fixture
def env(tmp_path: Path, issuers: Path, clinic_port: int) -> dict[str, str]:
    """The variables that web and worker share."""
    shared = environment(tmp_path / "data", issuers, app_url(clinic_port))
    return {**shared, "SPOILS_LEASE_S": "2", "PYTHONPATH": str(ROOT)}


def test_a_job_survives_the_death_of_its_worker(
    tmp_path: Path, env: dict[str, str], hospital: Ehr
) -> None:
    mark = tmp_path / "mark"
    env[MARK_VARIABLE] = str(mark)
    clinic = Clinic(Settings.from_env(env), has_celery=True)
    browser = Browser(clinic, hospital)
    with stub_worker(tmp_path, env, "first") as first:
        case = browser.open(patient="ada")
        wait_until(mark.exists)
        os.killpg(first.process.pid, signal.SIGKILL)
        first.process.wait()
    assert browser.status(case)["state"] == "running"
    with stub_worker(tmp_path, env, "second"):
        wait_until(lambda: browser.status(case)["state"] == "done")
    with clinic.services.sessions() as session:
        assert session.query(Job).one().attempt == 2


def test_a_long_job_keeps_its_lease(
    tmp_path: Path, env: dict[str, str], hospital: Ehr
) -> None:
    mark = tmp_path / "mark"
    env[MARK_VARIABLE] = str(mark)
    clinic = Clinic(Settings.from_env(env), has_celery=True)
    browser = Browser(clinic, hospital)
    workers = stub_worker(tmp_path, env, "one"), stub_worker(tmp_path, env, "two")
    with workers[0] as one, workers[1] as two:
        browser.open(patient="ada")
        wait_until(mark.exists)
        time.sleep(5)  # more than two leases
        for child in (one, two):  # one of them hangs for good
            os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
    with clinic.services.sessions() as session:
        assert session.query(Job).one().attempt == 1


def test_a_job_runs_through_a_real_redis(
    tmp_path: Path, env: dict[str, str], hospital: Ehr
) -> None:
    with redis(tmp_path) as url:
        env["SPOILS_BROKER_URL"] = url
        clinic = Clinic(Settings.from_env(env), has_celery=True)
        browser = Browser(clinic, hospital)
        with stub_worker(tmp_path, env, "worker"):
            case = browser.open(patient="ada")
            wait_until(lambda: browser.status(case)["state"] == "done")


def test_a_broker_that_is_down_delays_a_job_and_loses_nothing(
    env: dict[str, str], hospital: Ehr
) -> None:
    env["SPOILS_BROKER_URL"] = "redis://127.0.0.1:1/0"
    clinic = Clinic(Settings.from_env(env), has_celery=True)
    browser = Browser(clinic, hospital)
    case = browser.open(patient="ada")
    assert browser.status(case)["state"] == "queued"
    assert "Waiting for a free worker" in browser.client.get(case).text
