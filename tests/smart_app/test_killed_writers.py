"""A writer that is killed at any step leaves exactly one of each resource."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from fhir_mappings.bundle import key
from sandbox.services import Ehr, app_url
from smart_app.cases.store import keep_case, kept_case, sign, signature
from smart_app.launch.launches import launch_of_job
from smart_app.locks import exclusive
from smart_app.settings import Settings
from smart_app.tables import JournalEntry, Lock, Run, Write, WriteState
from smart_app.writing.journal import entries
from smart_app.writing.outgoing import current_plan
from smart_app.writing.signed_report import write_lock
from tests.smart_app.clinic import Browser, Clinic, environment

ROOT = Path(__file__).parents[2]
LEASE_S = 0.2
RESTARTS = 5
ALL_STEPS = 9  # later ones repeat the same four moments per resource
STRIDE = 3
TYPES = (
    *("CarePlan", "Device", "DiagnosticReport", "Goal", "Observation", "Provenance"),
    *("RiskAssessment", "ServiceRequest", "AuditEvent", "DocumentReference"),
)


class Writers:
    """A parent of writers that live or die as a test wants."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def write(self, *, step: int = 0) -> bool:
        """Run one; tell whether it was killed at that step."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{step}\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        assert code in {0, -signal.SIGKILL}
        return code != 0


@contextmanager
def running_writers(env: dict[str, str]) -> Iterator[Writers]:
    command = [sys.executable, "-m", "tests.smart_app.killed_writer"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Writers(process)
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def env(tmp_path: Path, issuers: Path, clinic_port: int) -> dict[str, str]:
    """The variables of an installation whose locks end soon after their process."""
    shared = environment(tmp_path / "data", issuers, app_url(clinic_port))
    return {**shared, "SPOILS_LEASE_S": str(LEASE_S)}


@pytest.fixture
def clinic(env: dict[str, str]) -> Clinic:
    """The application, with these variables."""
    return Clinic(Settings.from_env(env))


@pytest.fixture
def launch_id(hospital: Ehr, clinic: Clinic, browser: Browser) -> str:
    """A small report that is signed and not written."""
    del hospital
    launch = browser.open(patient="ada").strip("/").split("/")[-1]
    clinic.work()
    case = kept_case(clinic.services, launch)
    assert case
    levels = tuple(item for item in case.report.levels if item.disc_height_mm)[:1]
    small = replace(case.report, levels=levels, vertebrae=(), gradings=(), outcomes=())
    keep_case(clinic.services, launch, replace(case, report=small))
    return launch


def sign_anew(clinic: Clinic, ehr: Ehr, launch_id: str) -> None:
    """Sign, in a chart and a database that know of no earlier writing."""
    written = [
        f"{name}/{item['id']}"
        for name in TYPES
        for item in ehr.resources(name)
        if key(item)
    ]
    requests = [{"request": {"method": "DELETE", "url": url}} for url in written]
    if requests:
        ehr.load({"resourceType": "Bundle", "type": "batch", "entry": requests})
    with clinic.services.sessions.begin() as session:
        for table in (JournalEntry, Run, Write, Lock):
            session.execute(delete(table))
    plan = current_plan(clinic.services, launch_of_job(clinic.services, launch_id))
    sign(clinic.services, launch_id, "Practitioner/doc", plan=plan.fingerprint)
    time.sleep(LEASE_S)  # younger signatures are left to the process that took them


def state(clinic: Clinic, launch_id: str) -> WriteState:
    signed = signature(clinic.services, launch_id)
    assert signed
    return signed.state


def keys(ehr: Ehr) -> list[str]:
    stored = [item for name in TYPES for item in ehr.resources(name)]
    return sorted(key(resource) for resource in stored if key(resource))


@pytest.mark.parametrize("has_transactions", [True, False])
def test_whatever_step_a_writer_dies_at_the_next_one_completes_one_set(
    hospital: Ehr,
    clinic: Clinic,
    env: dict[str, str],
    launch_id: str,
    *,
    has_transactions: bool,
) -> None:
    hospital.play("open", transactions=has_transactions)
    with running_writers(env) as writers:
        sign_anew(clinic, hospital, launch_id)
        assert not writers.write()
        one_set = keys(hospital)
        assert len({*one_set}) == len(one_set) > 3
        step, was_killed = 0, True
        while was_killed:
            step += 1 if step < ALL_STEPS else STRIDE
            sign_anew(clinic, hospital, launch_id)
            was_killed = writers.write(step=step)
            for _ in range(RESTARTS):
                if state(clinic, launch_id) == WriteState.WRITTEN:
                    break
                time.sleep(LEASE_S)
                writers.write()
            assert state(clinic, launch_id) == WriteState.WRITTEN, step
            assert keys(hospital) == one_set, step
            sent = entries(clinic.services, launch_id)
            assert {entry.identifier for entry in sent} == {*one_set}, step
            assert all(entry.reference for entry in sent if entry.status), step
    # a transaction has few moments, single creates have some for every resource
    assert step > (ALL_STEPS if has_transactions else len(one_set))


def test_a_writer_that_lives_is_left_alone(
    clinic: Clinic, hospital: Ehr, env: dict[str, str], launch_id: str
) -> None:
    sign_anew(clinic, hospital, launch_id)
    issuer = hospital.fhir_base
    with (
        running_writers(env) as writers,
        exclusive(clinic.services, write_lock(issuer)),
    ):
        time.sleep(2 * LEASE_S)  # the lock is renewed
        writers.write()
        with clinic.services.sessions() as session:
            assert session.scalar(select(func.count()).select_from(JournalEntry)) == 0
    assert state(clinic, launch_id) == WriteState.SIGNED
