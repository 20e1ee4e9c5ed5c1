"""The whole way of a case, for tests of other installations."""

from sandbox.services import Ehr
from tests.smart_app.charts import CHART, images, imaging_study, load
from tests.smart_app.clinic import Browser, Clinic
from tests.smart_app.conftest import Store


def walk(clinic: Clinic, ehr: Ehr, store: Store) -> None:
    """Launch, analyze, sign, let the token die, sign again."""
    load(ehr, *CHART, imaging_study(store(images())))
    browser = Browser(clinic, ehr)
    case = browser.open(patient="ada")
    clinic.work()
    assert browser.status(case)["state"] == "done"
    ehr.expire_tokens()
    assert browser.sign(case)["state"] == "written"
    assert browser.sign(case)["state"] == "written"
    assert len(ehr.resources("CarePlan")) == 1
