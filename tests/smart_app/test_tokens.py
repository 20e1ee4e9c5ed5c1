"""Tokens are refreshed ahead of time, by one at a time, and never lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from sandbox.services import Ehr
from smart_app.launch.tokens import access_token
from smart_app.tables import Launch
from smart_app.upstream_errors import (
    DiscoveryError,
    SessionEndedError,
)
from tests.smart_app.clinic import Browser, Clinic

DEAD = timedelta(seconds=-1)
SOON = timedelta(seconds=10)


@pytest.fixture
def launch_id(hospital: Ehr, browser: Browser) -> str:
    """An open launch."""
    case = browser.open(patient="ada")
    hospital.log()
    return case.split("/")[2]


def change(clinic: Clinic, **values: Any) -> None:  # noqa: ANN401
    if left := values.pop("left", None):
        values["expires_at"] = clinic.services.clock() + left
    with clinic.services.sessions.begin() as session:
        session.execute(update(Launch).values(**values))


def kept(clinic: Clinic, launch_id: str) -> tuple[str | None, str | None]:
    with clinic.services.sessions() as session:
        row = session.get_one(Launch, launch_id)
    vault = clinic.services.vault
    return vault.open_text(row.access_token), vault.open_text(row.refresh_token)


def refreshes(ehr: Ehr) -> int:
    return sum(entry["url"].startswith("/oauth/token") for entry in ehr.log())


def test_a_fresh_token_is_used_as_it_is(
    clinic: Clinic, hospital: Ehr, launch_id: str
) -> None:
    assert access_token(clinic.services, launch_id) == kept(clinic, launch_id)[0]
    assert refreshes(hospital) == 0


@pytest.mark.parametrize("left", [DEAD, SOON])
def test_a_token_that_ends_soon_is_replaced_and_its_successor_is_kept(
    clinic: Clinic, hospital: Ehr, launch_id: str, left: timedelta
) -> None:
    before = kept(clinic, launch_id)
    change(clinic, left=left)
    fresh = access_token(clinic.services, launch_id)
    after = kept(clinic, launch_id)
    assert (after[0], refreshes(hospital)) == (fresh, 1)
    assert before[0] != after[0]
    assert before[1] != after[1]  # the EHR rotates refresh tokens


def test_of_many_that_need_a_token_one_refreshes(
    clinic: Clinic, hospital: Ehr, launch_id: str
) -> None:
    change(clinic, left=DEAD)
    with ThreadPoolExecutor(8) as pool:
        ask = [pool.submit(access_token, clinic.services, launch_id) for _ in range(8)]
    assert len({answer.result() for answer in ask}) == 1
    assert refreshes(hospital) == 1


def test_tokens_of_a_minute_serve_a_whole_case_with_few_refreshes(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    hospital.play("open", accessTokenTtlS=60)
    case = browser.open(patient="ada", encounter="visit")
    hospital.log()
    clinic.work()
    assert browser.status(case)["state"] == "done"
    assert refreshes(hospital) == 0  # not one per request
    change(clinic, left=DEAD)
    hospital.expire_tokens()
    assert browser.sign(case)["state"] == "written"
    assert refreshes(hospital) == 1


def test_a_refresh_token_stays_when_the_answer_brings_none(
    clinic: Clinic, hospital: Ehr, launch_id: str
) -> None:
    before = kept(clinic, launch_id)
    answer = {"access_token": "fresh", "token_type": "Bearer", "expires_in": 300}
    hospital.fault(path="/oauth/token", status=200, body=answer)
    change(clinic, left=DEAD)
    assert access_token(clinic.services, launch_id) == "fresh"
    assert kept(clinic, launch_id) == ("fresh", before[1])


def test_an_old_token_serves_while_the_ehr_cannot_refresh(
    clinic: Clinic, hospital: Ehr, launch_id: str
) -> None:
    hospital.fault(path="/oauth/token", status=500, times=2)
    change(clinic, left=SOON)
    assert access_token(clinic.services, launch_id) == kept(clinic, launch_id)[0]
    change(clinic, left=DEAD)
    with pytest.raises(DiscoveryError, match="500"):
        access_token(clinic.services, launch_id)
    assert access_token(clinic.services, launch_id)  # the lock was given back


def test_a_refused_refresh_ends_the_session(
    clinic: Clinic, hospital: Ehr, launch_id: str
) -> None:
    refusal = {"error": "invalid_grant", "error_description": "of Ada Example"}
    hospital.fault(path="/oauth/token", status=400, body=refusal)
    change(clinic, left=DEAD)
    with pytest.raises(SessionEndedError, match="invalid_grant") as raised:
        access_token(clinic.services, launch_id)
    assert "Ada" not in str(raised.value)


def test_a_refusal_that_may_pass_keeps_the_refresh_token(
    clinic: Clinic, hospital: Ehr, launch_id: str
) -> None:
    hospital.fault(path="/oauth/token", status=401, body={"error": "invalid_client"})
    change(clinic, left=DEAD)
    with pytest.raises(DiscoveryError, match="invalid_client"):
        access_token(clinic.services, launch_id)
    assert access_token(clinic.services, launch_id)


def test_a_dead_token_without_a_successor_ends_the_session(
    clinic: Clinic, launch_id: str
) -> None:
    change(clinic, refresh_token=None)
    assert access_token(clinic.services, launch_id)
    change(clinic, left=DEAD)
    with pytest.raises(SessionEndedError, match="no refresh token"):
        access_token(clinic.services, launch_id)


def test_a_closed_launch_has_no_token(clinic: Clinic) -> None:
    with pytest.raises(SessionEndedError, match="closed"):
        access_token(clinic.services, "absent")
