"""Images are found where the chart, the imaging server or the archive has them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests

from sandbox.services import Archive as Orthanc
from sandbox.services import Ehr
from smart_app.ehrs.issuers import Issuer, Issuers
from tests.smart_app.archive_proxy import (
    Answer,
    Fault,
    Forward,
    Request,
    honest,
    proxy,
)
from tests.smart_app.charts import (
    ADA,
    CHART,
    images,
    imaging_study,
    load,
    renumbered,
)
from tests.smart_app.clinic import Browser, Clinic
from tests.smart_app.conftest import Store

Resource = dict[str, Any]

WADO = {
    "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
    "code": "dicom-wado-rs",
}
FLAG = (
    "http://fhir.org/argonaut/smart-imaging/StructureDefinition/requires-access-token"
)
IMAGING_ACCESS = [
    "smart-imaging-access",
    "http://fhir.org/argonaut/smart-imaging/capabilities/app-launch",
]


def endpoint(address: str, *, needs_token: bool | None) -> Resource:
    said = [] if needs_token is None else [{"url": FLAG, "valueBoolean": needs_token}]
    return {
        "resourceType": "Endpoint",
        "id": "wado",
        "extension": said,
        "status": "active",
        "connectionType": WADO,
        "payloadType": [{"text": "DICOM"}],
        "address": address,
    }


def with_endpoint(study: Resource, one: Resource, *, is_contained: bool) -> Resource:
    reference = "#wado" if is_contained else "Endpoint/wado"
    contained = {"contained": [one]} if is_contained else {}
    return study | contained | {"endpoint": [{"reference": reference}]}


@dataclass(kw_only=True)
class Site:
    """A clinic whose images are somewhere else than in its configured archive."""

    clinic: Clinic
    ehr: Ehr
    browser: Browser
    orthanc: Orthanc
    seen: list[Request] = field(default_factory=list)

    @contextmanager
    def image_server(self, fault: Fault = honest) -> Iterator[str]:
        """Serve Orthanc's images under another address, as an imaging server would.

        Whoever is let in by ``fault`` is let into Orthanc.
        """
        login = requests.auth._basic_auth_str(self.orthanc.user, self.orthanc.password)  # noqa: SLF001

        def noted(request: Request, forward: Forward) -> Answer:
            self.seen.append(request)
            return fault(request, lambda **changes: forward(login=login, **changes))

        with proxy(self.orthanc, noted) as url:
            yield url

    @contextmanager
    def listing(self, *urls: str, **changes: Any) -> Iterator[None]:  # noqa: ANN401
        """Let the list of EHRs name other servers of images."""
        before = self.clinic.services
        origins = tuple(url.removesuffix(urlsplit(url).path) for url in urls)
        issuers: dict[str, Issuer] = {
            name: replace(issuer, imaging_origins=origins, **changes)
            for name, issuer in before.issuers.by_url.items()
        }
        self.clinic.services = replace(before, issuers=Issuers(issuers))
        yield
        self.clinic.services = before

    def analyzed(self, **context: Any) -> str:  # noqa: ANN401
        """Launch, analyze, and return the path of the case."""
        path = self.browser.open(patient="ada", encounter="visit", **context)
        self.clinic.work()
        return path

    def state(self, path: str) -> str:
        """Return the state of the analysis, with its advice."""
        status = self.browser.status(path)
        return f"{status['state']} {status['advice'] or ''}".strip()

    @property
    def logins(self) -> set[str]:
        """Kinds of authorization that the image server saw."""
        sent = (request.headers.get("Authorization", "none") for request in self.seen)
        return {value.split()[0] for value in sent}


@pytest.fixture
def site(ehr: Ehr, archive: Orthanc, clinic: Clinic, browser: Browser) -> Site:
    """A clinic with an empty chart."""
    load(ehr, *CHART)
    return Site(clinic=clinic, ehr=ehr, browser=browser, orthanc=archive)


@pytest.mark.parametrize("is_contained", [True, False])
@pytest.mark.parametrize(("needs_token", "login"), [(True, "Bearer"), (False, "none")])
def test_an_endpoint_of_a_listed_server_is_used(
    site: Site,
    store: Store,
    is_contained: bool,  # noqa: FBT001 - a parameter of the test
    needs_token: bool,  # noqa: FBT001 - idem
    login: str,
) -> None:
    study = imaging_study(store(images()))
    with site.image_server() as url, site.listing(url):
        one = endpoint(f"{url}/", needs_token=needs_token)
        load(site.ehr, one, with_endpoint(study, one, is_contained=is_contained))
        case = site.analyzed()
    assert site.state(case) == "done"
    assert site.logins == {login}


def test_an_endpoint_of_a_server_that_is_not_listed_is_never_asked(
    site: Site, store: Store
) -> None:
    study = imaging_study(store(images()))
    with site.image_server() as url:
        one = endpoint(url, needs_token=True)
        load(site.ehr, with_endpoint(study, one, is_contained=True))
        case = site.analyzed()
    assert site.state(case) == "done"  # from the configured archive
    assert site.seen == []


def test_an_endpoint_that_does_not_ask_for_the_token_gets_none(
    site: Site, store: Store
) -> None:
    study = imaging_study(store(images()))
    with site.image_server() as url, site.listing(url):
        one = endpoint(url, needs_token=None)
        load(site.ehr, with_endpoint(study, one, is_contained=True))
        site.analyzed()
    assert site.logins == {"none"}


def test_a_download_goes_on_after_its_token_expired(site: Site, store: Store) -> None:
    study = imaging_study(store(images(slices=4)))
    dead: set[str] = set()

    def expiring(request: Request, forward: Forward) -> Answer:
        token = request.headers["Authorization"]
        if token in dead:
            return Answer(status=401, body=b"")
        answer = forward()
        if request.is_retrieve and "/instances/" not in request.path:
            dead.add(token)
            return replace(answer, body=answer.body[: len(answer.body) // 2])
        return answer

    with site.image_server(expiring) as url, site.listing(url):
        one = endpoint(url, needs_token=True)
        load(site.ehr, with_endpoint(study, one, is_contained=True))
        case = site.analyzed()
    assert site.state(case) == "done"
    again = [item.path for item in site.seen if item.is_retrieve][1:]
    # the first is asked for twice: the answer to the dead token was 401
    assert len(again) - 1 == len({*again}) < 4


@contextmanager
def imaging_access(site: Site, bundle: Resource, *, busy: int = 0) -> Iterator[Site]:
    """Let the EHR announce an imaging server that answers with a Bundle."""
    waits = [503] * busy

    def answered(request: Request, _: Forward) -> Answer:
        site.seen.append(request)
        if waits:
            return Answer(status=waits.pop(), body=b"", headers={"Retry-After": "1"})
        return Answer(status=200, body=json.dumps(bundle).encode(), headers=FHIR_JSON)

    with proxy(site.orthanc, answered) as imaging:
        announced = {
            "associated_endpoints": [
                {"url": f"{imaging}/fhir", "capabilities": IMAGING_ACCESS}
            ]
        }

        def discovery(_: Request, forward: Forward) -> Answer:
            answer = forward()
            document = json.loads(answer.body) | announced
            return replace(answer, body=json.dumps(document).encode())

        behind = replace(site.orthanc, dicomweb_url=site.ehr.fhir_base)
        with proxy(behind, discovery) as ehr, site.listing(imaging, url=ehr):
            yield site


FHIR_JSON = {"Content-Type": "application/fhir+json"}


def searchset(*resources: tuple[Resource, str]) -> Resource:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [
            {"resource": resource, "search": {"mode": mode}}
            for resource, mode in resources
        ],
    }


def only_whole_studies(request: Request, forward: Forward) -> Answer:
    """Be an imaging server that does no more than it must."""
    is_study = request.path.count("/") == 2 and request.is_retrieve
    return forward() if is_study else Answer(status=404, body=b"")


def test_an_imaging_server_is_asked_where_the_chart_has_no_study(
    site: Site, store: Store
) -> None:
    series = images()
    study_uid = store(series)
    with site.image_server(only_whole_studies) as wado:
        one = endpoint(wado, needs_token=True)
        study = imaging_study(study_uid) | {
            "subject": {"reference": f"{site.ehr.fhir_base}/Patient/ada"}
        }
        study = with_endpoint(study, one, is_contained=False)
        bundle = searchset((study, "match"), (one, "include"))
        with imaging_access(site, bundle, busy=1):
            listed = site.clinic.services.issuers
            (issuer,) = listed.by_url.values()
            both = (*issuer.imaging_origins, wado)
            with site.listing(*both, url=issuer.url):
                case = site.analyzed()
    assert site.state(case) == "done"
    search = site.seen[0]
    assert search.path.startswith("/fhir/ImagingStudy?patient=ada&_include=")
    assert site.logins == {"Bearer"}
    assert site.clinic.kept(case).imaging_study == f"urn:oid:{study_uid}"


def test_a_study_of_somebody_else_from_an_imaging_server_is_not_used(
    site: Site, store: Store
) -> None:
    load(site.ehr, renumbered())
    study = imaging_study(store(images()), patient="bob")
    with imaging_access(site, searchset((study, "match"))):
        case = site.analyzed()
    assert site.state(case).startswith("failed The chart has no available MRI")


def test_the_archive_is_searched_by_record_number(site: Site, store: Store) -> None:
    patient = renumbered()
    lumbar, head = images(patient), images(patient)
    for dataset in lumbar:
        dataset.StudyDescription, dataset.StudyDate = "MR lumbar spine", "20260101"
    for dataset in head:
        dataset.StudyDescription, dataset.StudyDate = "MR head", "20260201"
    store(head)
    study_uid = store(lumbar)
    load(site.ehr, patient)
    case = site.analyzed()
    assert site.state(case) == "done"
    assert site.browser.sign(case)["differences"] == []
    observations = site.ehr.resources("Observation")
    derived = [item["derivedFrom"] for item in observations if "derivedFrom" in item]
    expected = {
        "type": "ImagingStudy",
        "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{study_uid}"},
    }
    assert derived
    assert all(item == [expected] for item in derived)


def test_images_of_somebody_else_under_the_number_are_refused(
    site: Site, store: Store
) -> None:
    patient = renumbered()
    series = images(patient)
    for dataset in series:
        dataset.StudyDescription = "MR lumbar spine"
        dataset.PatientName, dataset.PatientBirthDate = "Other^Eve", "19800101"
    store(series)
    load(site.ehr, patient)
    assert "contradicts the chart" in site.state(site.analyzed())


def test_a_study_without_its_uid_is_found_by_accession(
    site: Site, store: Store
) -> None:
    accession = uuid4().hex[:16].upper()
    series = images()
    for dataset in series:
        dataset.AccessionNumber = accession
    study_uid = store(series)
    numbered = {"type": {"coding": [{"code": "ACSN"}]}, "value": accession}
    load(site.ehr, imaging_study(study_uid) | {"identifier": [numbered]})
    case = site.analyzed()
    assert site.state(case) == "done"
    assert site.clinic.kept(case).imaging_study == "ImagingStudy/mri-ada"


@pytest.mark.parametrize("number", ["*", "SB?", "a\\b"])
def test_a_record_number_is_never_a_pattern(site: Site, number: str) -> None:
    identifiers = [ADA["identifier"][0] | {"value": number}]
    load(site.ehr, ADA | {"identifier": identifiers})
    with site.image_server() as url, site.listing(dicomweb_url=url):
        site.analyzed()
    assert [item for item in site.seen if "PatientID" in item.path] == []
