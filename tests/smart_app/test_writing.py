"""Exactly one set of resources in the chart, whatever happens on the way."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from fhir_mappings.bundle import report_resources
from fhir_mappings.write_context import NEEDED_TYPES, OPTIONAL_TYPES
from inference.results import ClinicalFeatures
from sandbox.services import Ehr
from smart_app.launch.smart import needed_permissions
from tests.fhir_mappings.reports import CONTEXT
from tests.smart_app.charts import ADA, load
from tests.smart_app.clinic import Browser, Clinic
from tests.smart_app.reports import REPORT

TYPES = (*NEEDED_TYPES, *OPTIONAL_TYPES)
TRANSACTION = "^/fhir/R4/?$"


def counts(ehr: Ehr) -> dict[str, int]:
    return {name: len(ehr.resources(name)) for name in TYPES}


NOTHING = dict.fromkeys(TYPES, 0) | {"Observation": 1}  # 1 is pain
JUDGED = replace(REPORT, features=ClinicalFeatures())  # the pain is too old to be used
WRITTEN = Counter(r["resourceType"] for r in report_resources(JUDGED, CONTEXT))
ONE_SET = {name: NOTHING[name] + WRITTEN[name] for name in TYPES}


def test_nothing_is_written_before_the_signature(hospital: Ehr, case: str) -> None:
    del case
    assert counts(hospital) == NOTHING
    assert {entry["method"] for entry in hospital.log() if "/R4/" in entry["url"]} == {
        "GET"
    }


def test_the_signer_and_the_visit_are_in_the_plan(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    browser.sign(case)
    (plan,) = hospital.resources("CarePlan")
    assert plan["author"]["reference"] == "Practitioner/doc"
    assert plan["encounter"]["reference"] == "Encounter/visit"


def test_signing_needs_the_confirmation(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    answer = browser.post(case, "sign")
    assert (answer.status_code, "Nothing was signed" in answer.text) == (400, True)
    assert counts(hospital) == NOTHING


def test_signing_twice_writes_once(hospital: Ehr, browser: Browser, case: str) -> None:
    browser.sign(case)
    again = browser.post(case, "sign", {"confirm": "yes"})
    assert again.status_code == 303
    assert counts(hospital) == ONE_SET


def test_a_second_launch_of_the_same_study_finds_what_is_there(
    hospital: Ehr, clinic: Clinic, browser: Browser, case: str
) -> None:
    browser.sign(case)
    second = browser.open(patient="ada", encounter="visit")
    clinic.work()
    write = browser.sign(second)
    assert (write["state"], write["written"]) == ("written", [])
    assert counts(hospital) == ONE_SET


def test_parallel_signers_write_one_set(
    hospital: Ehr, clinic: Clinic, case: str
) -> None:
    del case
    browsers = [Browser(clinic, hospital) for _ in range(4)]
    cases = [b.open(patient="ada", encounter="visit") for b in browsers]
    clinic.work()
    with ThreadPoolExecutor(4) as pool:
        writes = list(pool.map(Browser.sign, browsers, cases))
    assert [write["state"] for write in writes] == ["written"] * 4
    assert counts(hospital) == ONE_SET


def test_a_lost_answer_is_noticed_and_nothing_is_written_twice(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    hospital.fault(method="POST", path=TRANSACTION, lose_answer=True)
    assert browser.sign(case)["state"] == "written"
    assert counts(hospital) == ONE_SET


def test_an_ehr_that_fails_while_writing_keeps_nothing_and_can_be_tried_again(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    hospital.fault(method="POST", path=TRANSACTION, status=500)
    assert browser.sign(case)["state"] == "failed"
    assert counts(hospital) == NOTHING
    page = browser.client.get(case).text
    assert 'id="write-failed"' in page
    assert "Try again" in page
    assert browser.sign(case)["state"] == "written"
    assert counts(hospital) == ONE_SET


def test_a_refused_entry_rolls_everything_back(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    refused = {"status": 422, "body": {"resourceType": "OperationOutcome"}}
    hospital.fault(method="POST", path=TRANSACTION, **refused)
    assert browser.sign(case)["state"] == "failed"
    assert counts(hospital) == NOTHING


def test_without_transactions_the_resources_go_one_by_one(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    hospital.play("open", transactions=False)
    write = browser.sign(case)
    assert (write["state"], write["differences"]) == ("written", [])
    assert counts(hospital) == ONE_SET


def test_a_chain_of_single_writes_that_breaks_is_completed_by_the_retry(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    hospital.play("open", transactions=False)
    hospital.fault(method="POST", path="/Observation", skip=4, status=500)
    assert browser.sign(case)["state"] == "failed"
    assert browser.sign(case)["state"] == "written"
    assert counts(hospital) == ONE_SET


def test_what_the_server_changed_is_shown(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    hospital.fault(method="GET", path="/Provenance", skip=1, status=500)
    assert browser.sign(case)["state"] == "failed"  # written, but not read back
    observation = next(o for o in hospital.resources("Observation") if "device" in o)
    observation.pop("device")
    load(hospital, observation)
    write = browser.sign(case)
    assert write["state"] == "written"
    assert [path.split(": ")[1] for path in write["differences"]] == [
        "Observation.device"
    ]
    assert f"Observation/{observation['id']}" in browser.client.get(case).text


def test_a_patient_whose_record_changed_is_not_written_to(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    load(hospital, {**ADA, "birthDate": "1999-09-09"})
    write = browser.sign(case)
    assert write["state"] == "failed"
    assert "names the patient differently" in write["advice"]
    assert counts(hospital) == NOTHING


def test_nobody_signs_without_a_known_professional(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    path = browser.open(patient="ada", refuseScopes=["fhirUser"])
    clinic.work()
    assert "read and printed only" in browser.client.get(path).text
    answer = browser.post(path, "sign", {"confirm": "yes"})
    assert answer.status_code == 403
    assert counts(hospital) == NOTHING


def test_an_ehr_that_takes_less_gets_the_rest(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    asked = needed_permissions()
    refused = [f"patient/{name}.{asked[name]}" for name in OPTIONAL_TYPES]
    path = browser.open(patient="ada", refuseScopes=refused)
    clinic.work()
    write = browser.sign(path)
    assert (write["state"], write["differences"]) == ("written", [])
    context = replace(CONTEXT, takes=frozenset(NEEDED_TYPES))
    least = Counter(r["resourceType"] for r in report_resources(JUDGED, context))
    assert not least.keys() & {*OPTIONAL_TYPES}
    assert counts(hospital) == {name: NOTHING[name] + least[name] for name in TYPES}


def test_a_token_that_died_since_the_launch_is_refreshed(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    hospital.expire_tokens()
    assert browser.sign(case)["state"] == "written"
