"""What a hostile EHR tries is refused in clear words, runs nowhere, leaks nothing."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as Chromium

from sandbox.services import Ehr
from smart_app.errors import AppError
from tests.fhir_mappings import charts
from tests.smart_app.charts import load
from tests.smart_app.clinic import Browser, Clinic
from tests.smart_app.elsewhere import Elsewhere, elsewhere
from tests.smart_app.test_pages import WAIT_MS, launch

SCRIPT = "<script>document"
ADA = {"reference": "Patient/ada"}
FOREIGN = "EHR points to another server"
FAILS = "The EHR did not answer properly"


@pytest.fixture
def there() -> Iterator[Elsewhere]:
    """A server that no request and no token may reach."""
    with elsewhere() as listening:
        yield listening
    assert listening.seen == []


@pytest.mark.parametrize("trick", ["insecure-endpoints", "redirected-discovery"])
def test_a_discovery_that_leads_astray_ends_before_the_sign_in(
    browser: Browser, hospital: Ehr, there: Elsewhere, trick: str
) -> None:
    handle = hospital.launch(patient="ada")
    hospital.play("hostile", trick=trick, elsewhere=there.origin)
    answer = browser.client.get("/launch", query_string=handle)
    assert (answer.status_code, AppError.title in answer.text) == (502, False)
    hospital.play("open")
    assert browser.client.get("/launch", query_string=handle).status_code == 302


@pytest.mark.parametrize("trick", ["wrong-issuer", "mix-up", "mix-up-unnamed"])
def test_no_code_is_spent_on_an_answer_under_another_name(
    browser: Browser, hospital: Ehr, trick: str
) -> None:
    hospital.play("hostile", trick=trick)
    path = browser.callback_path(patient="ada")
    hospital.log()
    answer = browser.client.get(path)
    assert (answer.status_code, "does not belong" in answer.text) == (400, True)
    assert not [e for e in hospital.log() if e["url"].startswith("/oauth/token")]
    hospital.play("open")
    browser.open(patient="ada")


@pytest.mark.parametrize(
    ("trick", "words"),
    [
        ("redirect", FOREIGN),
        ("html", FAILS),
        ("oversized", FAILS),
        ("another-patient", FAILS),
    ],
)
def test_a_patient_that_cannot_be_trusted_is_not_shown(
    browser: Browser, hospital: Ehr, there: Elsewhere, *, trick: str, words: str
) -> None:
    path = browser.callback_path(patient="ada")
    hospital.play("hostile", trick=trick, elsewhere=there.origin)
    answer = browser.client.get(path)
    assert (answer.status_code, words in answer.text) == (502, True), answer.text
    assert "Other" not in answer.text
    assert SCRIPT not in answer.text
    hospital.play("open")
    browser.open(patient="ada")


@pytest.mark.parametrize(
    ("trick", "words"),
    [
        ("redirect", "wanted this application to ask another server"),
        ("next-elsewhere", "wanted this application to ask another server"),
        ("html", "The EHR failed"),
        ("oversized", "The EHR failed"),
        ("another-patient", "The EHR failed"),
        ("scripts-in-outcome", "The EHR failed"),
    ],
)
def test_a_chart_that_cannot_be_trusted_is_not_analyzed(  # noqa: PLR0913, PLR0917
    browser: Browser,
    clinic: Clinic,
    hospital: Ehr,
    there: Elsewhere,
    trick: str,
    words: str,
) -> None:
    case = browser.open(patient="ada")
    hospital.play("hostile", trick=trick, elsewhere=there.origin)
    clinic.work()
    status = browser.status(case)
    assert (status["state"], words in status["advice"]) == ("failed", True), status
    assert SCRIPT not in browser.client.get(case).text
    hospital.play("open")
    browser.post(case, "retry")
    clinic.work()
    assert browser.status(case)["state"] == "done"


@pytest.mark.parametrize("trick", ["redirect", "html", "scripts-in-outcome"])
def test_a_signature_survives_an_ehr_that_turns_hostile(
    browser: Browser, hospital: Ehr, case: str, there: Elsewhere, trick: str
) -> None:
    hospital.play("hostile", trick=trick, elsewhere=there.origin)
    assert browser.sign(case)["state"] == "failed"
    assert SCRIPT not in browser.client.get(case).text
    assert hospital.resources("CarePlan") == []
    hospital.play("open")
    assert browser.sign(case)["state"] == "written"
    assert len(hospital.resources("CarePlan")) == 1


def test_no_script_of_the_chart_runs_on_any_page(
    chromium: Chromium, hospital: Ehr, url: str
) -> None:
    load(hospital, charts.condition("279039007", id="pain", subject=ADA))
    hospital.play("hostile", trick="scripts")
    with chromium.new_context() as context:
        page = context.new_page()
        launch(page, hospital, url, patient="ada", encounter="visit")
        page.wait_for_selector(".viewer", timeout=WAIT_MS)
        assert SCRIPT in page.inner_text("body")  # shown as words
        page.check("input[name=confirm]")
        page.click(".signature button")
        page.wait_for_url("**#sign")
        page.wait_for_load_state()
        assert page.title() != "owned"
        assert page.locator("body img[src=x]").count() == 0
