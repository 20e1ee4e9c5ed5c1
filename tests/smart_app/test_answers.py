"""What the chart does not hold can be typed in, and is written at the signature."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium

from inference.judgement.questions import QUESTIONS
from inference.manifest import TREATMENT_MANIFEST, WEIGHTS
from inference.treatment.model import load_treatment_model
from sandbox.services import Ehr
from smart_app.cases.answers import read_form
from smart_app.cases.store import Case
from smart_app.tables import Job, JobState, Report
from tests.fhir_mappings.reports import ANSWERS, REPORT
from tests.smart_app.clinic import Browser, Clinic
from tests.smart_app.test_identity import CHART as ADA
from tests.validation import errors

NUMBERS = {
    "leg_pain_nrs": "8",
    "back_pain_nrs": "3",
    "odi_percent": "46",
    "leg_pain_weeks": "20",
    "tried_exercise": "10",
}
SCIATICA = {**NUMBERS, "is_radiculopathy": "yes", "is_pregnancy": "no"}


def typed(ehr: Ehr) -> list[dict[str, object]]:
    return [o for o in ehr.resources("Observation") if "Typed in" in str(o.get("note"))]


def test_answers_are_judged_at_once_and_nothing_is_written(
    hospital: Ehr, clinic: Clinic, browser: Browser, case: str
) -> None:
    before = clinic.kept(case)
    answer = browser.post(case, "answers", SCIATICA)
    assert (answer.status_code, answer.location) == (303, f"{case}#suggestion")
    assert clinic.sent == []
    after = clinic.kept(case)
    assert after.report.suggestion != before.report.suggestion
    assert after.chart == before.chart
    assert after.report.levels == before.report.levels
    assert len(after.report.answers) == len(SCIATICA)
    assert typed(hospital) == []
    page = browser.client.get(case).text
    assert "added referral for a surgical opinion" in page
    assert "typed in by Doctor, " in page


def test_they_are_written_as_the_clinicians_own_once_and_are_valid(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    browser.post(case, "answers", SCIATICA)
    write = browser.sign(case)
    assert (write["state"], write["differences"]) == ("written", [])
    assert browser.sign(case)["state"] == "written"
    found = typed(hospital)
    assert len(found) == len(SCIATICA)
    for observation in found:
        assert observation["performer"] == [
            {"reference": "Practitioner/doc", "display": "Doctor"}
        ]
        assert "AIAST" not in str(observation)
        assert not {"device", "derivedFrom"} & observation.keys()
    assert not errors(*found)
    (origin,) = hospital.resources("Provenance")
    covered = {target["reference"] for target in origin["target"]}
    assert not covered & {f"Observation/{o['id']}" for o in found}
    (plan,) = hospital.resources("CarePlan")
    supporting = {item["reference"] for item in plan["supportingInfo"]}
    assert supporting >= {f"Observation/{o['id']}" for o in found}


def test_the_estimate_follows_the_answers_and_is_written_apart_and_valid(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    browser.post(case, "answers", SCIATICA)
    page = browser.client.get(case).text
    needed = "No estimate. Not known, and needed: conservative care without lasting"
    assert needed in page
    browser.post(case, "answers", SCIATICA | {"is_conservative_care_failed": "yes"})
    page = browser.client.get(case).text
    words = "rained on a synthetic cohort; retrain on local data before relying on it."
    assert words in page
    assert "leg pain outweighs back pain (8 and 3 of 10): raises" in page
    assert browser.sign(case)["differences"] == []
    (written,) = [
        r for r in hospital.resources("RiskAssessment") if words in str(r["note"])
    ]
    assert len(written["prediction"]) == 4
    assert all(words in item["rationale"] for item in written["prediction"])
    assert not errors(written)
    orders = str(hospital.resources("ServiceRequest"))
    assert "synthetic" not in orders
    assert f"RiskAssessment/{written['id']}" not in orders


def test_the_next_launch_finds_them_in_the_chart(
    clinic: Clinic, browser: Browser, case: str
) -> None:
    browser.post(case, "answers", SCIATICA)
    browser.sign(case)
    second = browser.open(patient="ada", encounter="visit")
    clinic.work()
    chart = clinic.kept(second).chart
    assert chart.leg_pain_nrs
    assert chart.leg_pain_nrs.value == 8
    assert chart.leg_pain_nrs.source.startswith("Observation/")
    assert not clinic.kept(second).report.answers


def test_one_impossible_answer_keeps_none_and_shows_all_again(
    clinic: Clinic, browser: Browser, case: str
) -> None:
    answer = browser.post(case, "answers", {**NUMBERS, "leg_pain_nrs": "11"})
    assert answer.status_code == 400
    assert "Enter a number from 0 to 10 without decimals." in answer.text
    assert 'name="odi_percent" type="number"' in answer.text
    assert 'value="46"' in answer.text
    assert clinic.kept(case).report.answers == ()


def test_an_answer_that_does_not_change_keeps_its_time(
    clinic: Clinic, browser: Browser, case: str
) -> None:
    browser.post(case, "answers", {"odi_percent": "46", "leg_pain_nrs": "8"})
    first = {a.question: a for a in clinic.kept(case).report.answers}
    browser.post(case, "answers", {"odi_percent": "46", "leg_pain_nrs": "6"})
    second = {a.question: a for a in clinic.kept(case).report.answers}
    assert second["odi_percent"] == first["odi_percent"]
    assert second["leg_pain_nrs"].entered.at > first["leg_pain_nrs"].entered.at
    browser.post(case, "answers", {})
    assert clinic.kept(case).report == replace_answers(clinic.kept(case))


def replace_answers(case: Case) -> object:
    return case.with_answers([], load_treatment_model()).report


def test_answers_are_judged_by_the_model_of_the_site(
    clinic: Clinic, tmp_path: Path
) -> None:
    shutil.copy(WEIGHTS / "treatment.txt", tmp_path)
    manifest = json.loads((WEIGHTS / TREATMENT_MANIFEST).read_text())
    own = manifest | {"version": "own", "cohort": None, "trained_on": "own patients"}
    (tmp_path / TREATMENT_MANIFEST).write_text(json.dumps(own))
    settings = replace(clinic.services.settings, treatment_model=tmp_path)
    services = replace(clinic.services, settings=settings)
    judged = Case(
        report=REPORT, chart=REPORT.features, identity=ADA, imaging_study="x"
    ).with_answers(ANSWERS, services.treatment_model())
    assert judged.report.treatment
    assert judged.report.treatment.model.version == "own"
    assert judged.report.treatment.trained_on == "own patients"


def test_answers_are_kept_sealed(clinic: Clinic, browser: Browser, case: str) -> None:
    browser.post(case, "answers", SCIATICA)
    with clinic.services.sessions() as session:
        (row,) = session.query(Report).all()
    assert b"leg_pain_nrs" not in row.case


def test_a_new_analysis_keeps_what_was_typed_in(
    clinic: Clinic, browser: Browser, case: str
) -> None:
    browser.post(case, "answers", SCIATICA)
    suggestion = clinic.kept(case).report.suggestion
    with clinic.services.sessions.begin() as session:
        job = session.query(Job).one()
        job.state = JobState.QUEUED
        clinic.sent.append(job.id)
    clinic.work()
    assert clinic.kept(case).report.suggestion == suggestion


def test_a_signature_is_of_the_report_that_was_seen(
    hospital: Ehr, clinic: Clinic, browser: Browser, case: str
) -> None:
    seen = clinic.kept(case).fingerprint
    browser.post(case, "answers", SCIATICA)
    answer = browser.post(case, "sign", {"confirm": "yes", "seen": seen})
    assert answer.status_code == 409
    assert "has changed since you saw it" in answer.text
    assert hospital.resources("CarePlan") == []
    assert browser.sign(case)["state"] == "written"


def test_a_signed_report_takes_no_answers(
    clinic: Clinic, browser: Browser, case: str
) -> None:
    browser.sign(case)
    answer = browser.post(case, "answers", SCIATICA)
    assert answer.status_code == 409
    assert "what you typed in or moved was not kept" in answer.text
    assert clinic.kept(case).report.answers == ()
    assert 'id="answers"' not in browser.client.get(case).text


def test_answers_and_signatures_at_once_end_in_one_consistent_report(
    hospital: Ehr, clinic: Clinic, browser: Browser, case: str
) -> None:
    token = {"csrf_token": csrf(browser, case)}
    seen = clinic.kept(case).fingerprint
    client = browser.client

    def send(action: str) -> int:
        form = {**SCIATICA} if action == "answers" else {"confirm": "yes", "seen": seen}
        other = clinic.app.test_client()
        for cookie in [client.get_cookie("spoils")]:
            assert cookie
            other.set_cookie("spoils", cookie.value)
        return other.post(f"{case}{action}", data={**token, **form}).status_code

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(send, ["answers", "sign"] * 2))
    assert set(codes) <= {303, 409}
    report = clinic.kept(case).report
    browser.sign(case)
    assert len(typed(hospital)) == len(report.answers)


def csrf(browser: Browser, case: str) -> str:
    page = browser.client.get(case).text
    return page.split('name="csrf_token" value="')[1].split('"')[0]


def test_a_form_without_its_token_is_refused(
    clinic: Clinic, browser: Browser, case: str
) -> None:
    browser.client.get(case)
    answer = browser.client.post(f"{case}answers", data=SCIATICA)
    assert answer.status_code == 400
    assert clinic.kept(case).report.answers == ()


def test_another_browser_cannot_answer(
    hospital: Ehr, clinic: Clinic, browser: Browser, case: str
) -> None:
    other = Browser(clinic, hospital)
    own = other.open(patient="ada", encounter="visit")
    clinic.work()
    token = csrf(other, own)
    answer = other.client.post(f"{case}answers", data={"csrf_token": token, **SCIATICA})
    assert answer.status_code == 404
    assert clinic.kept(case).report.answers == ()
    del browser


def test_answers_need_a_report(clinic: Clinic, browser: Browser, hospital: Ehr) -> None:
    path = browser.open(patient="ada")
    answer = browser.post(path, "answers", SCIATICA)
    assert answer.status_code == 409
    del clinic, hospital


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("leg_pain_nrs", " 8 ", 8.0),
        ("eq5d_index", "-0.125", -0.125),
        ("is_pacemaker", "no", False),
        ("smoking", "never smoked", "never smoked"),
    ],
)
def test_a_form_is_read(name: str, text: str, value: object) -> None:
    assert read_form({name: text, "other": "x"}) == ({name: value}, {})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("leg_pain_nrs", "7.5"),
        ("leg_pain_nrs", "-1"),
        ("leg_pain_nrs", "nan"),
        ("leg_pain_nrs", "seven"),
        ("eq5d_index", "0.1234"),
        ("tried_nsaid", "1e9"),
        ("is_pacemaker", "maybe"),
        ("smoking", "sometimes"),
    ],
)
def test_an_impossible_answer_is_named(name: str, text: str) -> None:
    values, problems = read_form({name: text})
    assert values == {}
    assert list(problems) == [name]


def test_no_answer_is_no_answer() -> None:
    assert read_form(dict.fromkeys(QUESTIONS, "")) == ({}, {})


def test_a_clinician_answers_in_a_browser_and_signs(
    chromium: Chromium, hospital: Ehr, url: str
) -> None:
    page = chromium.new_page()
    handle = hospital.launch(user="Practitioner/doc", patient="ada")
    page.goto(f"{url}/launch?iss={handle['iss']}&launch={handle['launch']}")
    page.wait_for_selector(".asked", timeout=20_000)
    page.click("#answers-title")
    page.get_by_label("Leg pain now").fill("8")
    assert page.locator(".signature button").is_disabled()
    assert page.locator(".unsaved").is_visible()
    page.get_by_role("button", name="No to all that were not asked").first.click()
    page.get_by_role("button", name="Use these answers").click()
    page.wait_for_selector("text=answers that were typed in")
    assert page.get_by_label("Leg pain now").input_value() == "8"
    page.check("input[name=confirm]")
    page.click(".signature button")
    page.wait_for_selector("text=The EHR returns exactly what was sent")
    assert len(typed(hospital)) == 8
    page.close()
