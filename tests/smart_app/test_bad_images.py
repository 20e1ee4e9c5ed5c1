"""Images that are absent, damaged or of somebody else end in a page that says so."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from pydicom import Dataset

from inference.dicom import select_series
from inference.errors import (
    MetalError,
    OtherImagesError,
    TooLittleSpineError,
    UnlikeSpineError,
    UnsuitableStudyError,
)
from inference.results import CaseReport, ClinicalFeatures, Identity, Stage
from sandbox.processes import free_port
from sandbox.services import Ehr, app_url
from tests.smart_app.charts import ADA, BOB, CHART, images, imaging_study, load
from tests.smart_app.clinic import Browser, Clinic, settings_in
from tests.smart_app.conftest import Store
from tests.smart_app.stub import StubAnalysis


class StrictAnalysis(StubAnalysis):
    """Chooses the series as the real analysis does."""

    def select_series(self, first_instances: Mapping[str, Dataset]) -> str:
        """Return the best sagittal series."""
        return select_series(first_instances)


def page_of_failure(
    browser: Browser, clinic: Clinic, analysis: StubAnalysis | None = None
) -> str:
    case = browser.open(patient="ada")
    clinic.work(analysis)
    assert browser.status(case)["state"] == "failed"
    page = browser.client.get(case).text
    assert 'id="job-failed"' in page
    assert "Try again" in page
    return page


def test_no_imaging_study(ehr: Ehr, clinic: Clinic, browser: Browser) -> None:
    # the archive keeps the studies of other tests under her usual number
    number = ADA["identifier"][0] | {"value": "SB-without-images"}
    load(ehr, *CHART, ADA | {"identifier": [number]})
    assert "no available MRI" in page_of_failure(browser, clinic)


def test_a_study_that_the_archive_does_not_hold(
    ehr: Ehr, clinic: Clinic, browser: Browser
) -> None:
    load(ehr, *CHART, imaging_study("1.2.3.4.5"))
    assert "does not hold" in page_of_failure(browser, clinic)


def test_no_sagittal_series(hospital: Ehr, clinic: Clinic, browser: Browser) -> None:
    del hospital
    page = page_of_failure(browser, clinic, StrictAnalysis())
    assert "no sagittal MR series" in page


def test_images_of_somebody_else(
    ehr: Ehr, clinic: Clinic, browser: Browser, store: Store
) -> None:
    load(ehr, *CHART, imaging_study(store(images(BOB))))
    assert "contradicts the chart" in page_of_failure(browser, clinic)


def test_one_slice_of_somebody_else(
    ehr: Ehr, clinic: Clinic, browser: Browser, store: Store
) -> None:
    series = images(ADA)
    stray = max(series, key=lambda dataset: str(dataset.SOPInstanceUID))
    stray.PatientBirthDate = "19990909"
    load(ehr, *CHART, imaging_study(store(series)))
    assert "contradicts the chart" in page_of_failure(browser, clinic)


def test_images_that_do_not_say_whose_they_are(
    ehr: Ehr, clinic: Clinic, browser: Browser, store: Store
) -> None:
    series = images(ADA)
    for dataset in series:
        dataset.PatientName = dataset.PatientBirthDate = ""
    load(ehr, *CHART, imaging_study(store(series)))
    assert "Fewer than two" in page_of_failure(browser, clinic)


def test_a_truncated_image(
    ehr: Ehr, clinic: Clinic, browser: Browser, store: Store
) -> None:
    series = images(ADA)
    series[1].PixelData = series[1].PixelData[:50]
    load(ehr, *CHART, imaging_study(store(series)))
    assert "damaged images" in page_of_failure(browser, clinic)


def test_an_image_without_pixels(
    ehr: Ehr, clinic: Clinic, browser: Browser, store: Store
) -> None:
    series = images(ADA)
    del series[1].PixelData
    load(ehr, *CHART, imaging_study(store(series)))
    assert "damaged images" in page_of_failure(browser, clinic)


def test_an_archive_that_is_down(
    ehr: Ehr, issuers: Path, tmp_path: Path, clinic_port: int
) -> None:
    (entry,) = json.loads(issuers.read_text())
    entry["dicomweb_url"] = f"http://127.0.0.1:{free_port()}/dicom-web"
    issuers.write_text(json.dumps([entry]))
    settings = settings_in(
        tmp_path / "down", issuers=issuers, base_url=app_url(clinic_port)
    )
    clinic = Clinic(settings)
    load(ehr, *CHART, imaging_study("1.2.3"))
    page = page_of_failure(Browser(clinic, ehr), clinic)
    assert "could not be reached" in page


def test_an_ehr_that_fails_while_it_is_read(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    hospital.fault(path="/Condition", status=500)
    assert "The EHR did not answer properly" in page_of_failure(browser, clinic)


def test_a_failed_job_can_be_tried_again(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    hospital.fault(path="/Condition", status=500)
    case = browser.open(patient="ada")
    clinic.work()
    assert browser.post(case, "retry").status_code == 303
    clinic.work()
    assert browser.status(case)["state"] == "done"
    assert browser.post(case, "retry").status_code == 409


class RefusingAnalysis(StubAnalysis):
    """Refuses every series in the same way."""

    def __init__(self, refusal: UnsuitableStudyError) -> None:
        self.refusal = refusal

    def run(
        self,
        datasets: Sequence[Dataset],
        *,
        features: ClinicalFeatures,
        progress: Callable[[Stage, float], None],
        level_shift: int,
        with_masks: bool,
    ) -> tuple[CaseReport, bytes | None]:
        """Raise."""
        del datasets, features, progress, level_shift, with_masks
        raise self.refusal


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (OtherImagesError("x"), "filed as something else"),
        (TooLittleSpineError("x"), "Too little of the lumbar spine"),
        (UnlikeSpineError("x"), "does not look like a lumbar spine"),
        (MetalError("x"), "extinguished at the spine as by metal"),
    ],
)
def test_a_refusal_says_what_was_wrong_with_the_images(
    hospital: Ehr,
    clinic: Clinic,
    browser: Browser,
    refusal: UnsuitableStudyError,
    words: str,
) -> None:
    del hospital
    assert words in page_of_failure(browser, clinic, RefusingAnalysis(refusal))


class BrokenAnalysis(StubAnalysis):
    """Fails as no analysis should, and quotes the patient while it does."""

    def identity_of(self, dataset: Dataset) -> Identity:
        """Raise."""
        raise RuntimeError(str(dataset.PatientName))


def test_an_unexpected_failure_is_shown_without_its_message(
    hospital: Ehr, clinic: Clinic, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    del hospital
    page = page_of_failure(browser, clinic, BrokenAnalysis())
    assert "finds the reason in its log" in page
    assert "failed unexpectedly" in caplog.text
    assert "RuntimeError" not in page


def test_a_failure_is_in_the_log_with_its_job_and_without_the_patient(
    ehr: Ehr,
    clinic: Clinic,
    browser: Browser,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    load(ehr, *CHART, imaging_study(store(images(BOB))))
    case = browser.open(patient="ada")
    job_id = clinic.sent[0]
    clinic.work()
    log = caplog.text
    assert f"job {job_id} failed: IdentityMismatchError" in log
    for secret in ("Example", "SB-1", "SB-2", "1961", "Bob"):
        assert secret not in log
    assert job_id in browser.client.get(case).text
