"""A clinic on real servers: the local EHR and Orthanc."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dicomweb_client import DICOMwebClient
from pydicom import Dataset
from requests import Session

from sandbox.services import Archive, Ehr, app_url
from tests.smart_app.charts import CHART, images, imaging_study, load, pain
from tests.smart_app.clinic import Browser, Clinic, settings_in
from tests.smart_app.live import served

Store = Callable[[list[Dataset]], str]


@pytest.fixture
def issuers(
    tmp_path: Path, ehr: Ehr, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The list of EHRs: the local one."""
    monkeypatch.setenv("TEST_ARCHIVE_PASSWORD", archive.password)
    entry = {
        "issuer": ehr.fhir_base,
        "name": "Test hospital",
        "client_id": "spoils",
        "dicomweb_url": archive.dicomweb_url,
        "dicomweb_user": archive.user,
        "dicomweb_password_env": "TEST_ARCHIVE_PASSWORD",
    }
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps([entry]))
    return path


@pytest.fixture
def clinic(tmp_path: Path, issuers: Path, clinic_port: int) -> Clinic:
    """The application in this process."""
    base_url = app_url(clinic_port)
    return Clinic(settings_in(tmp_path / "data", issuers=issuers, base_url=base_url))


@pytest.fixture
def browser(clinic: Clinic, ehr: Ehr) -> Browser:
    """A browser without cookies."""
    return Browser(clinic, ehr)


@pytest.fixture
def store(archive: Archive) -> Store:
    """Put images into the archive and return their StudyInstanceUID."""
    session = Session()
    session.auth = (archive.user, archive.password)
    client = DICOMwebClient(archive.dicomweb_url, session)

    def put(datasets: list[Dataset]) -> str:
        client.store_instances(datasets)
        return str(datasets[0].StudyInstanceUID)

    return put


@pytest.fixture
def hospital(ehr: Ehr, store: Store) -> Ehr:
    """An EHR with Ada, her pain, her visit and her lumbar MRI."""
    load(ehr, *CHART, pain(7), imaging_study(store(images())))
    return ehr


@pytest.fixture
def url(clinic: Clinic, clinic_port: int) -> Iterator[str]:
    """The address of the running application."""
    with served(clinic, clinic_port) as address:
        yield address


@pytest.fixture
def case(hospital: Ehr, clinic: Clinic, browser: Browser) -> str:
    """A case whose report is ready to be signed."""
    path = browser.open(patient="ada", encounter="visit")
    clinic.work()
    assert browser.status(path)["state"] == "done"
    del hospital
    return path
