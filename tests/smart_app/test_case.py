"""From the button in the EHR to resources in the chart, on real servers."""

from sandbox.services import Ehr
from tests.smart_app.clinic import Browser, Clinic


def test_a_signed_report_is_in_the_chart(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    case = browser.open(patient="ada", encounter="visit")
    clinic.work()
    assert browser.status(case)["state"] == "done", browser.status(case)
    write = browser.sign(case)
    assert (write["state"], write["differences"]) == ("written", []), write
    assert len(hospital.resources("CarePlan")) == 1
