"""A clinician can move all level names by one before signing, and the chart says so."""

from dataclasses import replace

import pytest

from sandbox.services import Ehr
from smart_app.cases.store import Case, keep_case
from tests.fhir_mappings.charts import Resource
from tests.smart_app.clinic import Browser, Clinic
from tests.validation import errors


def keep(clinic: Clinic, path: str, case: Case) -> None:
    keep_case(clinic.services, path.strip("/").split("/")[-1], case)


def move(browser: Browser, clinic: Clinic, case: str, way: str) -> int:
    seen = clinic.kept(case).fingerprint
    return browser.post(case, "names", {"move": way, "seen": seen}).status_code


def measured(ehr: Ehr) -> list[Resource]:
    return [item for item in ehr.resources("Observation") if "device" in item]


def test_moved_names_are_analyzed_again_and_the_report_says_so(
    browser: Browser, clinic: Clinic, case: str
) -> None:
    assert move(browser, clinic, case, "higher") == 303
    assert browser.status(case)["state"] == "queued"
    clinic.work()
    assert clinic.kept(case).report.level_shift == 1
    page = browser.client.get(case).text
    assert "Level names were moved by the clinician, one higher" in page
    assert "its L5 is L4 here" in page
    assert move(browser, clinic, case, "lower") == 303
    clinic.work()
    assert clinic.kept(case).report.level_shift == 0
    assert "moved by the clinician" not in browser.client.get(case).text


def test_a_second_press_does_not_move_them_twice(
    browser: Browser, clinic: Clinic, case: str
) -> None:
    form = {"move": "lower", "seen": clinic.kept(case).fingerprint}
    assert browser.post(case, "names", form).status_code == 303
    clinic.work()
    assert browser.post(case, "names", form).status_code == 409
    assert clinic.kept(case).report.level_shift == -1


def test_what_was_typed_in_stays(browser: Browser, clinic: Clinic, case: str) -> None:
    browser.post(case, "answers", {"leg_pain_nrs": "8"})
    move(browser, clinic, case, "higher")
    clinic.work()
    (answer,) = clinic.kept(case).report.answers
    assert answer.question == "leg_pain_nrs"


def test_nothing_can_be_signed_while_the_names_are_moved(
    hospital: Ehr, browser: Browser, clinic: Clinic, case: str
) -> None:
    seen = clinic.kept(case).fingerprint
    move(browser, clinic, case, "higher")
    answer = browser.post(case, "sign", {"confirm": "yes", "seen": seen})
    assert answer.status_code == 409
    assert not hospital.resources("CarePlan")


def test_a_signed_case_is_not_moved(
    browser: Browser, clinic: Clinic, case: str
) -> None:
    seen = clinic.kept(case).fingerprint
    browser.sign(case)
    answer = browser.post(case, "names", {"move": "higher", "seen": seen})
    assert (answer.status_code, "The report is signed" in answer.text) == (409, True)
    assert clinic.sent == []
    assert 'name="move"' not in browser.client.get(case).text


@pytest.mark.parametrize("way", ["", "sideways"])
def test_only_up_and_down_are_moves(
    browser: Browser, clinic: Clinic, case: str, way: str
) -> None:
    assert move(browser, clinic, case, way) == 409
    assert browser.status(case)["state"] == "done"


def test_names_move_by_three_at_most(
    browser: Browser, clinic: Clinic, case: str
) -> None:
    found = clinic.kept(case)
    keep(clinic, case, replace(found, report=replace(found.report, level_shift=3)))
    assert 'value="higher"' not in browser.client.get(case).text
    assert move(browser, clinic, case, "higher") == 409


def test_the_chart_says_that_a_person_moved_the_names_and_is_valid(
    hospital: Ehr, browser: Browser, clinic: Clinic, case: str
) -> None:
    move(browser, clinic, case, "higher")
    clinic.work()
    assert browser.sign(case)["state"] == "written"
    found = measured(hospital)
    assert found
    for observation in found:
        notes = " ".join(note["text"] for note in observation["note"])
        assert "Level names were moved by the clinician, one higher" in notes
    (plan,) = hospital.resources("CarePlan")
    assert "moved by the clinician" in str(plan["note"])
    assert not errors(*found, plan)


def test_values_at_other_names_are_other_observations(
    hospital: Ehr, browser: Browser, clinic: Clinic, case: str
) -> None:
    """A second launch of the study, named otherwise, does not find the first one's."""
    browser.sign(case)
    before = len(measured(hospital))
    second = browser.open(patient="ada", encounter="visit")
    clinic.work()
    move(browser, clinic, second, "lower")
    clinic.work()
    written = browser.sign(second)
    assert written["state"] == "written"
    assert len(measured(hospital)) == 2 * before
    assert len(hospital.resources("CarePlan")) == 2


def unsure(clinic: Clinic, path: str) -> Case:
    found = clinic.kept(path)
    report = replace(found.report, level_confidence=0.62)
    keep(clinic, path, replace(found, report=report))
    return clinic.kept(path)


def test_names_that_are_a_proposal_must_be_confirmed_to_sign(
    hospital: Ehr, browser: Browser, clinic: Clinic, case: str
) -> None:
    found = unsure(clinic, case)
    page = browser.client.get(case).text
    assert "only a proposal (confidence 62%)" in page
    form = {"confirm": "yes", "seen": found.fingerprint}
    assert browser.post(case, "sign", form).status_code == 400
    assert not hospital.resources("CarePlan")
    assert browser.post(case, "sign", {**form, "levels": "yes"}).status_code == 303
    note = str(measured(hospital)[0]["note"])
    assert "proposed with a confidence of 62% and confirmed" in note


def test_names_that_a_person_moved_need_no_second_confirmation(
    clinic: Clinic, case: str, browser: Browser
) -> None:
    found = unsure(clinic, case)
    moved = replace(found.report, level_shift=1)
    keep(clinic, case, replace(found, report=moved))
    assert browser.sign(case)["state"] == "written"
