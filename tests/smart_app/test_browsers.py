"""A browser is signed in for as long as somebody uses it, and no longer than a day."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from sandbox.services import Ehr, app_url
from smart_app.cases.store import sign
from smart_app.launch.launches import launch_of_job, purge
from smart_app.tables import SignedIn
from smart_app.writing.outgoing import current_plan
from smart_app.writing.signed_report import recover_writes
from tests.smart_app.clinic import Browser, Clinic, settings_in

IDLE = timedelta(minutes=30)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def clinic(tmp_path: Path, issuers: Path, clinic_port: int, clock: Clock) -> Clinic:
    """The application, whose clock can be moved."""
    base_url = app_url(clinic_port)
    settings = settings_in(tmp_path / "data", issuers=issuers, base_url=base_url)
    return Clinic(settings, clock=clock)


def leave(clinic: Clinic) -> None:
    """Do nothing for longer than the idle time-out."""
    long_ago = clinic.services.clock() - 2 * IDLE
    with clinic.services.sessions.begin() as session:
        session.execute(update(SignedIn).values(seen_at=long_ago))


def test_a_browser_that_was_left_is_signed_out_and_its_token_given_back(
    hospital: Ehr, browser: Browser, clock: Clock
) -> None:
    case = browser.open(patient="ada")
    clock.ahead += IDLE - timedelta(minutes=1)
    assert browser.client.get(case).status_code == 200
    clock.ahead += IDLE - timedelta(minutes=1)
    assert browser.client.get(f"{case}status").status_code == 200  # the page itself
    hospital.log()
    clock.ahead += timedelta(minutes=2)
    answer = browser.client.get(case)
    assert (answer.status_code, "You were signed out" in answer.text) == (401, True)
    revoked = [e for e in hospital.log() if e["url"].startswith("/oauth/revoke")]
    assert [entry["status"] for entry in revoked] == [200]
    assert browser.client.get(case).status_code == 401


def test_a_browser_that_is_used_all_the_time_is_signed_out_in_the_end(
    hospital: Ehr, browser: Browser, clock: Clock
) -> None:
    case = browser.open(patient="ada")
    pages = []
    for _ in range(25):
        clock.ahead += IDLE - timedelta(minutes=1)
        pages.append(browser.client.get(case).status_code)
    assert pages == [*[200] * 24, 401]
    del hospital


def test_a_launch_after_the_time_out_begins_anew(
    hospital: Ehr, browser: Browser, clinic: Clinic
) -> None:
    old = browser.open(patient="ada")
    leave(clinic)
    new = browser.open(patient="ada")
    assert browser.client.get(new).status_code == 200
    assert browser.client.get(old).status_code == 404
    del hospital


def test_the_worker_deletes_what_was_left(
    hospital: Ehr, browser: Browser, clinic: Clinic
) -> None:
    browser.open(patient="ada")
    assert purge(clinic.services) == 0
    leave(clinic)
    assert purge(clinic.services) == 1
    assert browser.client.get(browser.open(patient="bob")).status_code == 200
    del hospital


def test_what_was_signed_and_not_yet_written_outlives_its_browser(
    hospital: Ehr, browser: Browser, clinic: Clinic, clock: Clock, case: str
) -> None:
    launch_id = case.split("/")[2]
    plan = current_plan(clinic.services, launch_of_job(clinic.services, launch_id))
    sign(clinic.services, launch_id, "Practitioner/doc", plan=plan.fingerprint)
    browser.post(case, "/logout")
    clock.ahead += 2 * IDLE
    purge(clinic.services)
    assert browser.client.get(case).status_code == 401
    recover_writes(clinic.services)
    assert len(hospital.resources("CarePlan")) == 1
    clinic.store()
    assert purge(clinic.services) == 1
