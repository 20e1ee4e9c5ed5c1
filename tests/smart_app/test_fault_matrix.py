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
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from dicomweb_client import DICOMwebClient
from requests import Session
from sqlalchemy import delete
from werkzeug.test import TestResponse

from fhir_mappings.codes import IDENTIFIER_SYSTEM
from sandbox.services import Archive, Ehr, app_url
from smart_app import http
from smart_app.case_store import kept_case
from smart_app.errors import AppError
from smart_app.models import ServerStatement
from tests.smart_app.charts import CHART, images, imaging_study, load, pain
from tests.smart_app.clinic import Browser, Clinic, settings_in
from tests.smart_app.elsewhere import Elsewhere, elsewhere
from tests.smart_app.faulty_archive import Door, faulty

Fault = dict[str, Any]
SLICES = 3
PAINS = 3  # one more than a page holds where pages are tested
TIMEOUT_S = 3.0
SHORT_TIMEOUT_S = 0.4  # where the fault is that nobody answers
LATE_MS = 1000
FOREVER = 99

OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception"}],
}
FAULTS: dict[str, Fault] = {
    "timeout": {"delay_ms": LATE_MS},  # and then it is carried out all the same
    "reset": {"reset": True},
    **{str(n): {"status": n, "body": OUTCOME} for n in (401, 403, 409, 412, 500)},
    **{
        str(n): {"status": n, "body": OUTCOME, "headers": {"Retry-After": "0"}}
        for n in (429, 503)
    },
    "truncated body": {"truncate": True},
    "lost answer": {"lose_answer": True},
    "redirect": {"status": 307},  # to another server
}
#: What ends even a step that can do without the answer.
ENDS_STEP = {"401", "redirect"}
#: A refresh token whose answer was lost was used up by the EHR.
ENDS_SESSION = {"timeout", "truncated body", "lost answer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One kind of request that the application sends.

    Attributes:
        step: What the user or the worker does when it is sent.
        path: Regular expression on path and query.
        method: HTTP method.
        skip: How many requests like it are sent before.
        personality: What is different at the EHR.
        expires: Whether the token has expired before the step.
        is_optional: Whether the step goes on without the answer.
        can_recover: Whether the step can have the same by other requests.

    """

    step: str
    path: str
    method: str = "GET"
    skip: int = 0
    personality: tuple[tuple[str, object], ...] = ()
    expires: bool = False
    is_optional: bool = False
    can_recover: bool = False


BASE = "^/fhir/R4"
TOKEN = "^/oauth/token"  # noqa: S105 - a path
REQUESTS: dict[str, Request] = {
    "discovery": Request(step="launch", path="smart-configuration"),
    "discovery again": Request(step="callback", path="smart-configuration"),
    "code for token": Request(step="callback", path=TOKEN, method="POST"),
    "JWKS": Request(step="callback", path="^/oauth/jwks"),
    "patient of the banner": Request(step="callback", path=f"{BASE}/Patient/ada"),
    "name of the user": Request(
        step="callback", path=f"{BASE}/Practitioner/doc", is_optional=True
    ),
    "patient of the chart": Request(step="work", path=f"{BASE}/Patient/ada"),
    "search": Request(step="work", path=f"{BASE}/Condition"),
    "page of a search": Request(
        step="work",
        path=f"{BASE}/Observation.*_offset=",
        personality=(("maxCount", PAINS - 1),),
        is_optional=True,
    ),
    "search of images": Request(step="work", path=f"{BASE}/ImagingStudy"),
    "search of an optional type": Request(
        step="work", path=f"{BASE}/Procedure", is_optional=True
    ),
    "refresh while reading": Request(
        step="work", path=TOKEN, method="POST", expires=True
    ),
    "QIDO series": Request(step="work", path="^/studies/[^/]+/series[?]"),
    "QIDO instances": Request(step="work", path="/instances([?]|$)"),
    "WADO metadata": Request(step="work", path="/metadata$"),
    "WADO series": Request(
        step="work", path="^/studies/[^/]+/series/[^/?]+$", can_recover=True
    ),
    "patient before writing": Request(step="sign", path=f"{BASE}/Patient/ada"),
    "search before writing": Request(step="sign", path=f"{BASE}/Observation[?]"),
    "CapabilityStatement": Request(step="sign", path=f"{BASE}/metadata"),
    "transaction": Request(step="sign", path=f"{BASE}/?$", method="POST"),
    "single create": Request(
        step="sign",
        path=f"{BASE}/Observation$",
        method="POST",
        skip=2,
        personality=(("transactions", False),),
    ),
    "read-back": Request(step="sign", path=f"{BASE}/CarePlan[?]", skip=1),
    "refresh while writing": Request(
        step="sign", path=TOKEN, method="POST", expires=True
    ),
}
CASES = [
    pytest.param(request, name, id=f"{kind} - {name}")
    for kind, request in REQUESTS.items()
    for name in FAULTS
]


@dataclass(slots=True)
class Place:
    """The running parts of one case."""

    ehr: Ehr
    door: Door
    clinic: Clinic
    browser: Browser
    elsewhere: Elsewhere

    @contextmanager
    def broken(self, request: Request, fault: str) -> Iterator[None]:
        """Let one kind of request fail, again and again, until the block ends."""
        how = FAULTS[fault]
        if fault == "redirect":
            how = how | {"headers": {"Location": f"{self.elsewhere.origin}/taken"}}
        if request.path.startswith(("^/studies", "/instances", "/metadata$")):
            self.door.jam(request.path, how)
        else:
            self.ehr.fault(
                method=request.method,
                path=request.path,
                skip=request.skip,
                times=FOREVER,
                **how,
            )
        with self.patience(SHORT_TIMEOUT_S if fault == "timeout" else TIMEOUT_S):
            yield
        self.ehr.mend()
        self.door.mend()

    @contextmanager
    def patience(self, timeout_s: float) -> Iterator[None]:
        """Let the application wait so long for an answer."""
        whole = self.clinic.services
        settings = replace(whole.settings, http_timeout_s=timeout_s)
        self._serve(replace(whole, settings=settings))
        yield
        self._serve(whole)

    def _serve(self, services: Any) -> None:  # noqa: ANN401 - Services
        self.clinic.services = self.clinic.app.extensions["spoils"] = services


@pytest.fixture(scope="module")
def study_uid(archive: Archive) -> str:
    """A series in the archive."""
    session = Session()
    session.auth = (archive.user, archive.password)
    series = images(slices=SLICES)
    DICOMwebClient(archive.dicomweb_url, session).store_instances(series)
    return str(series[0].StudyInstanceUID)


@pytest.fixture(scope="module")
def door(archive: Archive) -> Iterator[Door]:
    with faulty(archive) as opened:
        yield opened


@pytest.fixture(scope="module")
def other_server() -> Iterator[Elsewhere]:
    with elsewhere() as there:
        yield there


@pytest.fixture(scope="module")
def shared_clinic(
    running_ehr: Ehr,
    archive: Archive,
    door: Door,
    clinic_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Clinic]:
    """One application for all cases: each has its own browser and chart."""
    folder = tmp_path_factory.mktemp("matrix")
    entry = {
        "issuer": running_ehr.fhir_base,
        "name": "Test hospital",
        "client_id": "spoils",
        "dicomweb_url": door.url,
        "dicomweb_user": archive.user,
        "dicomweb_password_env": "TEST_ARCHIVE_PASSWORD",
    }
    (folder / "issuers.json").write_text(json.dumps([entry]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_ARCHIVE_PASSWORD", archive.password)
        patch.setattr(http, "BACKOFF_S", 0.01)
        settings = settings_in(
            folder / "data",
            issuers=Path(folder / "issuers.json"),
            base_url=app_url(clinic_port),
        )
        clinic = Clinic(replace(settings, http_timeout_s=TIMEOUT_S))
        yield clinic
    clinic.close()


@pytest.fixture
def place(
    ehr: Ehr,
    door: Door,
    shared_clinic: Clinic,
    study_uid: str,
    other_server: Elsewhere,
) -> Place:
    """A chart with a lumbar MRI, and a browser that nobody has used."""
    shared_clinic.sent.clear()
    with shared_clinic.services.sessions.begin() as session:
        session.execute(delete(ServerStatement))  # of the EHR as it was before
    door.mend()
    load(ehr, *CHART, *map(pain, range(PAINS)), imaging_study(study_uid))
    browser = Browser(shared_clinic, ehr)
    return Place(ehr, door, shared_clinic, browser, other_server)


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
    assert place.elsewhere.seen == []


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


STEPS: dict[str, Callable[[Place, Request, str], None]] = {
    "launch": launch,
    "callback": callback,
    "work": work,
    "sign": sign,
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
