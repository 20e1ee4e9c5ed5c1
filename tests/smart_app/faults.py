"""The tables of the fault matrix: what is asked, how it fails, and where that plays."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sandbox.services import Archive, Ehr
from sandbox.studies import archive_client
from tests.inference.series import SMALL_SHAPE
from tests.smart_app.clinic import Browser, Clinic
from tests.smart_app.elsewhere import Elsewhere
from tests.smart_app.faulty_archive import Door

Fault = dict[str, Any]
SLICES = SMALL_SHAPE[0]
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

    @property
    def is_for_archive(self) -> bool:
        """Whether it goes to the archive and not to the EHR."""
        return self.path.startswith(STUDY)


STUDY = "^/studies/[^/]+"
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
    "search of images": Request(
        step="work", path=f"{BASE}/ImagingStudy", can_recover=True
    ),
    "search of an optional type": Request(
        step="work", path=f"{BASE}/Procedure", is_optional=True
    ),
    "refresh while reading": Request(
        step="work", path=TOKEN, method="POST", expires=True
    ),
    "QIDO series": Request(step="work", path=f"{STUDY}/series[?]"),
    "QIDO instances": Request(step="work", path=f"{STUDY}/.*/instances([?]|$)"),
    "WADO metadata": Request(step="work", path=f"{STUDY}/.*/metadata$"),
    "WADO series": Request(
        step="work", path=f"{STUDY}/series/[^/?]+$", can_recover=True
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
    "read-back": Request(step="sign", path=f"{BASE}/CarePlan[?]identifier", skip=1),
    "refresh while writing": Request(
        step="sign", path=TOKEN, method="POST", expires=True
    ),
    "update": Request(step="undo", path=f"{BASE}/CarePlan/", method="PUT"),
    "STOW": Request(step="store", path=f"{STUDY}$", method="POST"),
    "revocation": Request(
        step="close", path="^/oauth/revoke", method="POST", is_optional=True
    ),
}


@dataclass(slots=True)
class Setting:
    """What all cases share.

    Attributes:
        clinic: The application.
        archive: Orthanc.
        door: What stands before it.
        elsewhere: A server that is never asked.
        study_uid: The images of the patient.

    """

    clinic: Clinic
    archive: Archive
    door: Door
    elsewhere: Elsewhere
    study_uid: str

    def objects(self, study_uid: str) -> Counter[str]:
        """Return how many objects of each modality are in a study."""
        found = archive_client(self.archive).search_for_instances(study_uid)
        return Counter(str(item["00080060"]["Value"][0]) for item in found)


@dataclass(slots=True)
class Place:
    """Where one case plays: a chart, a browser that nobody has used, and the rest."""

    ehr: Ehr
    browser: Browser
    setting: Setting

    @property
    def clinic(self) -> Clinic:
        """The application."""
        return self.setting.clinic

    @contextmanager
    def broken(self, request: Request, fault: str) -> Iterator[None]:
        """Let one kind of request fail, again and again, until the block ends."""
        how = FAULTS[fault]
        if fault == "redirect":
            how = how | {
                "headers": {"Location": f"{self.setting.elsewhere.origin}/taken"}
            }
        if request.is_for_archive:
            self.setting.door.jam(request.method, request.path, how)
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
        self.setting.door.mend()

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
