"""Every request that goes out x every way to fail, and what must hold after each.

Never two finals for one identifier; never a write to another patient; never a number
without a mask, which here is: a report was made of the whole series, or there is none.
And the user is told what happened, and can go on when the other server is well again.
Nothing, and no token, ever goes to a server that another one points to.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import delete, update
from werkzeug.test import TestResponse

from fhir_mappings.codes import IDENTIFIER_SYSTEM
from inference.phantom.mr_series import mr_series
from sandbox.services import Archive, Ehr, app_url
from sandbox.studies import archive_client
from smart_app import http
from smart_app.archive.writes import reap_archive_writes
from smart_app.cases.job_rows import ORPHAN_AGE
from smart_app.cases.store import kept_case
from smart_app.errors import AppError
from smart_app.tables import ArchiveWrite, ServerStatement
from tests.inference.series import INVENTED, small_volume
from tests.smart_app.charts import CHART, imaging_study, load, pain
from tests.smart_app.clinic import Browser, Clinic, settings_in
from tests.smart_app.elsewhere import elsewhere
from tests.smart_app.faults import (
    ENDS_SESSION,
    ENDS_STEP,
    FAULTS,
    LATE_MS,
    PAINS,
    REQUESTS,
    SLICES,
    TIMEOUT_S,
    Place,
    Request,
    Setting,
)
from tests.smart_app.faulty_archive import faulty
from tests.smart_app.test_archive_store import MaskedAnalysis

CASES = [
    pytest.param(request, name, id=f"{kind} - {name}")
    for kind, request in REQUESTS.items()
    for name in FAULTS
]


def new_study(archive: Archive) -> str:
    """Put a series of the patient into the archive."""
    ada = replace(
        INVENTED,
        patient_id="SB-1",
        patient_name="Example^Ada",
        birth_date=date(1961, 4, 12),
        study_uid=generate_uid(),
    )
    archive_client(archive).store_instances(mr_series(small_volume(), ada))
    return ada.study_uid


@pytest.fixture(scope="module")
def setting(
    running_ehr: Ehr,
    archive: Archive,
    clinic_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Setting]:
    """One application for all cases: each has its own browser and chart."""
    folder = tmp_path_factory.mktemp("matrix")
    issuers = folder / "issuers.json"
    with (
        pytest.MonkeyPatch.context() as patch,
        faulty(archive) as door,
        elsewhere() as there,
    ):
        patch.setenv("TEST_ARCHIVE_PASSWORD", archive.password)
        patch.setattr(http, "BACKOFF_S", 0.01)
        entry = {
            "issuer": running_ehr.fhir_base,
            "name": "Test hospital",
            "client_id": "spoils",
            "dicomweb_url": door.url,
            "dicomweb_user": archive.user,
            "dicomweb_password_env": "TEST_ARCHIVE_PASSWORD",
        }
        issuers.write_text(json.dumps([entry]))
        address = app_url(clinic_port)
        settings = settings_in(folder / "data", issuers=issuers, base_url=address)
        clinic = Clinic(replace(settings, http_timeout_s=TIMEOUT_S))
        yield Setting(clinic, archive, door, there, new_study(archive))
        clinic.close()


@pytest.fixture
def place(ehr: Ehr, setting: Setting) -> Place:
    """A chart with a lumbar MRI, and a browser that nobody has used."""
    clinic = setting.clinic
    clinic.sent.clear()
    clinic.to_store.clear()
    with clinic.services.sessions.begin() as session:
        session.execute(delete(ServerStatement))  # of the EHR as it was before
    setting.door.mend()
    load(ehr, *CHART, *map(pain, range(PAINS)), imaging_study(setting.study_uid))
    return Place(ehr, Browser(clinic, ehr), setting)


@pytest.mark.parametrize(("request_", "fault"), CASES)
def test_nothing_is_doubled_or_lost_and_the_user_can_go_on(
    place: Place, request_: Request, fault: str
) -> None:
    if request_.personality:
        place.ehr.play("open", **dict(request_.personality))
    STEPS[request_.step](place, request_, fault)
    if fault == "timeout" and request_.method == "POST":
        time.sleep(LATE_MS / 1000)  # what came late is carried out by now
    no_identifier_has_two_finals(place.ehr)
    nothing_is_of_another_patient(place.ehr)
    assert place.setting.elsewhere.seen == []


def launch(place: Place, request: Request, fault: str) -> None:
    handle = place.ehr.launch(patient="ada", user="Practitioner/doc")
    with place.broken(request, fault):
        is_told(place.browser.client.get("/launch", query_string=handle))
    assert place.browser.client.get("/launch", query_string=handle).status_code == 302


def callback(place: Place, request: Request, fault: str) -> None:
    path = place.browser.callback_path(patient="ada")
    with place.broken(request, fault):
        answer = place.browser.client.get(path)
    if request.is_optional and fault not in ENDS_STEP:
        assert answer.status_code == 303, answer.text
    elif answer.status_code != 303 or not request.is_optional:
        is_told(answer)
    place.browser.open(patient="ada")


def work(place: Place, request: Request, fault: str) -> None:
    case = place.browser.open(patient="ada")
    if request.expires:
        place.ehr.expire_tokens()
    with place.broken(request, fault):
        place.clinic.work()
    status = place.browser.status(case)
    numbers_have_masks(place, case, status)
    if status["state"] == "done":
        assert request.is_optional or request.can_recover
        return
    assert not request.is_optional or fault in ENDS_STEP
    assert status["state"] == "failed", status
    assert AppError.advice not in status["advice"]
    again(place, case, request, fault)


def again(place: Place, case: str, request: Request, fault: str) -> None:
    """Press the button that the page of a failed analysis has."""
    assert place.browser.post(case, "retry").status_code == 303
    place.clinic.work()
    status = place.browser.status(case)
    if request.expires and fault in ENDS_SESSION and status["state"] == "failed":
        assert "Open the application again" in status["advice"]
        case = place.browser.open(patient="ada")
        place.clinic.work()
        status = place.browser.status(case)
    assert status["state"] == "done", status
    numbers_have_masks(place, case, status)


def sign(place: Place, request: Request, fault: str) -> None:
    case = place.browser.open(patient="ada")
    place.clinic.work()
    assert "Sign and write" in place.browser.client.get(case).text
    if request.expires:
        place.ehr.expire_tokens()
    with place.broken(request, fault):
        write = place.browser.sign(case)
    assert write["state"] in {"written", "failed"}, write
    if write["state"] == "failed":
        assert AppError.advice not in write["advice"]
        write = place.browser.sign(case)
    if request.expires and fault in ENDS_SESSION and write["state"] == "failed":
        assert "Open the application again" in write["advice"]
        case = place.browser.open(patient="ada")
        place.clinic.work()
        write = place.browser.sign(case)
    assert write["state"] == "written", write
    assert len(place.ehr.resources("CarePlan")) == 1


def store(place: Place, request: Request, fault: str) -> None:
    study_uid = new_study(place.setting.archive)
    load(place.ehr, imaging_study(study_uid))
    case = place.browser.open(patient="ada")
    place.clinic.work(MaskedAnalysis())
    assert place.browser.sign(case)["state"] == "written"
    with place.broken(request, fault):
        place.clinic.store()
    status = place.browser.status(case)["archive"]
    assert place.browser.status(case)["write"]["state"] == "written"
    if status["state"] == "failed":
        assert place.browser.post(case, "archive").status_code == 303
    elif status["state"] == "queued":  # asked again when it has waited long enough
        long_ago = place.clinic.services.clock() - 2 * ORPHAN_AGE
        with place.clinic.services.sessions.begin() as session:
            session.execute(update(ArchiveWrite).values(sent_at=long_ago))
        reap_archive_writes(place.clinic.services)
    place.clinic.store()
    assert place.browser.status(case)["archive"]["state"] == "stored"
    assert place.setting.objects(study_uid) == {"MR": SLICES, "SEG": 1, "SR": 1}


def undo(place: Place, request: Request, fault: str) -> None:
    case = place.browser.open(patient="ada")
    place.clinic.work()
    assert place.browser.sign(case)["state"] == "written"
    form = {"confirm": "yes", "run": case.split("/")[2]}
    with place.broken(request, fault):
        answer = place.browser.post(case, "undo", form)
    if answer.status_code != 303:
        is_told(answer)
        again = place.browser.post(case, "undo", form)
        assert again.status_code == 303, again.text
    marked = [*place.ehr.resources("CarePlan"), *place.ehr.resources("ServiceRequest")]
    assert {resource["status"] for resource in marked} == {"entered-in-error"}


def close(place: Place, request: Request, fault: str) -> None:
    case = place.browser.open(patient="ada")
    with place.broken(request, fault):
        assert place.browser.post(case, "/logout").status_code == 200
    assert place.browser.client.get(case).status_code == 401


STEPS: dict[str, Callable[[Place, Request, str], None]] = {
    "launch": launch,
    "callback": callback,
    "work": work,
    "sign": sign,
    "store": store,
    "undo": undo,
    "close": close,
}


def is_told(answer: TestResponse) -> None:
    """Check that a page says what went wrong, in words that are made for it."""
    assert answer.status_code in {400, 401, 502, 504}, answer.text
    assert AppError.title not in answer.text
    assert "Traceback" not in answer.text


WRITTEN_TYPES = (
    *("Device", "Observation", "RiskAssessment", "CarePlan", "Provenance", "Goal"),
    *("DiagnosticReport", "DocumentReference", "ServiceRequest", "AuditEvent"),
    "QuestionnaireResponse",
)


def no_identifier_has_two_finals(ehr: Ehr) -> None:
    finals = Counter(
        (kind, token["value" if "value" in token else "code"])
        for kind in WRITTEN_TYPES
        for resource in ehr.resources(kind)
        if resource.get("status") != "entered-in-error"
        for token in [
            *resource.get("identifier", []),
            *resource.get("meta", {}).get("tag", []),
        ]
        if token.get("system") == IDENTIFIER_SYSTEM
    )
    assert [key for key, count in finals.items() if count > 1] == []


def nothing_is_of_another_patient(ehr: Ehr) -> None:
    for kind in WRITTEN_TYPES:
        for resource in ehr.resources(kind):
            assert "Patient/bob" not in json.dumps(resource)
            subject = resource.get("subject", {"reference": "Patient/ada"})
            assert subject["reference"] == "Patient/ada"


def numbers_have_masks(place: Place, case: str, status: dict[str, Any]) -> None:
    report = kept_case(place.clinic.services, case.strip("/").split("/")[-1])
    if status["state"] == "done":
        assert report
        assert report.report.study.slice_count == SLICES
        return
    assert report is None
    page = place.browser.client.get(case).text
    assert "<table" not in page
    assert " mm" not in page
