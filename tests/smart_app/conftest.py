"""A clinic on real servers: the local EHR and Orthanc."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
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


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for this machine, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")
