"""Images go into a real Orthanc, and the chart says what is there."""

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from pydicom.uid import generate_uid

from sandbox import services
from sandbox.charts import CLINIC_TIME, batch
from sandbox.services import Archive, Ehr
from sandbox.studies import archive_client, imaging_study, store
from tests.sandbox.smart_client import TIMEOUT_S
from tests.sandbox.tiny_dicom import tiny_series


def test_stored_pixels_come_back(archive: Archive) -> None:
    study_uid = generate_uid()
    sent = tiny_series(study_uid=study_uid, description="T2")
    store(archive, sent)
    received = archive_client(archive).retrieve_study(study_uid)
    assert {item.PixelData for item in received} == {item.PixelData for item in sent}


def test_archive_needs_its_password(archive: Archive) -> None:
    wrong = archive_client(replace(archive, password="wrong"))  # noqa: S106 - wrong
    with pytest.raises(requests.HTTPError, match="401"):
        wrong.search_for_studies()


def test_archive_refuses_other_machines(archive: Archive, services_dir: Path) -> None:
    settings = (services_dir / "orthanc.json").read_text()
    assert '"RemoteAccessAllowed": false' in settings
    assert '"DicomServerEnabled": false' in settings
    assert archive.password in settings
    mode = (services_dir / "orthanc.json").stat().st_mode
    assert mode & 0o077 == 0


def test_password_is_not_in_the_repr(archive: Archive) -> None:
    assert archive.password not in repr(archive)


def test_existing_archive_is_used_instead_of_a_new_one(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "DICOMWEB_URL", archive.dicomweb_url)
    monkeypatch.setitem(os.environ, "DICOMWEB_USER", archive.user)
    monkeypatch.setitem(os.environ, "DICOMWEB_PASSWORD", archive.password)
    with services.archive(tmp_path) as found:
        assert found == archive
    assert list(tmp_path.iterdir()) == []
    host = urlsplit(archive.dicomweb_url).netloc
    auth = (archive.user, archive.password)
    answer = requests.get(f"http://{host}/system", auth=auth, timeout=TIMEOUT_S)
    assert answer.ok


def test_imaging_study_describes_the_series(ehr: Ehr) -> None:
    study_uid = generate_uid()
    datasets = [
        *tiny_series(study_uid=study_uid, description="Sagittal T2", slices=3),
        *tiny_series(study_uid=study_uid, description="Sagittal T1", slices=2),
    ]
    study = imaging_study(
        datasets,
        patient_id="ada",
        started=datetime(2026, 3, 2, 9, 30, tzinfo=CLINIC_TIME),
        description="MR lumbar spine",
    )
    ehr.load(batch([study]))
    [stored] = ehr.resources("ImagingStudy")
    counts = {s["description"]: s["numberOfInstances"] for s in stored["series"]}
    assert counts == {"Sagittal T2": 3, "Sagittal T1": 2}
    assert stored["started"] == "2026-03-02T09:30:00-05:00"
    assert stored["identifier"][0]["value"] == f"urn:oid:{study_uid}"
