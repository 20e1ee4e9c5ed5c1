"""A signed report puts its masks and measurements into a real Orthanc, exactly once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from io import BytesIO
from threading import Thread
from typing import Any

import numpy as np
import pytest
from highdicom.seg import segread
from highdicom.sr import srread
from numpy.typing import NDArray
from pydicom import Dataset, dcmwrite
from pydicom.uid import generate_uid
from requests import Session
from sqlalchemy import delete, update

from inference.dicom import read_volume
from inference.levels.named_voxels import NAMES, NamedVoxels
from inference.outputs.kept_masks import pack_masks
from inference.outputs.source import source_series
from inference.phantom.mr_series import mr_series
from inference.results import CaseReport
from sandbox.services import Archive, Ehr
from sandbox.studies import archive_client
from smart_app.archive.links import link_objects
from smart_app.archive.store import store_objects
from smart_app.archive.writes import reap_archive_writes
from smart_app.cases.job_rows import ORPHAN_AGE
from smart_app.cases.store import signature
from smart_app.ehrs.issuers import Issuers
from smart_app.launch.launches import launch_of_job
from smart_app.tables import ArchiveWrite
from tests.inference.series import INVENTED, small_volume
from tests.smart_app.archive_proxy import Answer, Fault, Forward, Request, honest, proxy
from tests.smart_app.charts import imaging_study, load
from tests.smart_app.clinic import Browser, Clinic
from tests.smart_app.conftest import Store
from tests.smart_app.stub import StubAnalysis

JSON = {"Content-Type": "application/dicom+json"}


class MaskedAnalysis(StubAnalysis):
    """The stub, with masks of every structure on the images that came."""

    def run(
        self,
        datasets: Sequence[Dataset],
        **options: Any,  # noqa: ANN401 - those of the stub
    ) -> tuple[CaseReport, bytes | None]:
        """Return the report of these images, and stripes as masks."""
        report, _ = super().run(datasets, **options)
        first = datasets[0]
        study = replace(
            report.study,
            study_uid=str(first.StudyInstanceUID),
            series_uid=str(first.SeriesInstanceUID),
        )
        geometry = read_volume(datasets).geometry
        labels = np.zeros(geometry.shape, np.uint8)
        stripes = np.arange(geometry.shape[1]) % (len(NAMES) + 1)
        labels[2:4] = np.roll(stripes, report.level_shift)[None, :, None]
        voxels = NamedVoxels(labels=labels, geometry=geometry)
        masks = pack_masks(voxels, source_series(datasets))
        return replace(report, study=study), masks if options["with_masks"] else None


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Ada's visit: her images are in the archive and in her chart."""

    archive: Archive
    clinic: Clinic
    browser: Browser
    study_uid: str

    def open(self, browser: Browser | None = None) -> str:
        """Launch, analyze, and return the path of the case."""
        path = (browser or self.browser).open(patient="ada", encounter="visit")
        self.clinic.work(MaskedAnalysis())
        return path

    @contextmanager
    def archive_behind(
        self, fault: Fault, *, setting: bool | None = None
    ) -> Iterator[None]:
        """Let the worker meet an archive that misbehaves."""
        before = self.clinic.services
        with proxy(self.archive, fault) as url:
            issuers = {
                name: replace(issuer, dicomweb_url=url, dicomweb_store=setting)
                for name, issuer in before.issuers.by_url.items()
            }
            self.clinic.services = replace(before, issuers=Issuers(issuers))
            yield
            self.clinic.services = before

    def signed(self, fault: Fault) -> str:
        """Sign a case and store it in such an archive; return its path."""
        case = self.open()
        self.browser.sign(case)
        with self.archive_behind(fault):
            self.clinic.store()
        return case

    def state(self, case: str) -> str | None:
        """Return what the status says of the archive."""
        said = self.browser.status(case)["archive"]
        return said and str(said["state"])

    def page(self, case: str) -> str:
        """Return the page of a case."""
        return self.browser.client.get(case).text

    def objects(self) -> list[Dataset]:
        """Return the derived objects in the study, retrieved whole."""
        found = archive_client(self.archive).retrieve_study(self.study_uid)
        objects = [item for item in found if item.Modality != "MR"]
        return sorted(objects, key=lambda item: str(item.Modality))


@pytest.fixture
def visit(
    hospital: Ehr, store: Store, archive: Archive, clinic: Clinic, browser: Browser
) -> Visit:
    """Ada, before anything was analyzed."""
    ada = replace(
        INVENTED,
        patient_id="SB-1",
        patient_name="Example^Ada",
        birth_date=date(1961, 4, 12),
        study_uid=generate_uid(),
    )
    study_uid = store(mr_series(small_volume(), ada))
    load(hospital, imaging_study(study_uid))
    return Visit(archive=archive, clinic=clinic, browser=browser, study_uid=study_uid)


def as_file(dataset: Dataset) -> BytesIO:
    written = BytesIO()
    dcmwrite(written, dataset)
    written.seek(0)
    return written


def labels_of(masks: Dataset) -> NDArray[np.int_]:
    return segread(as_file(masks)).get_volume(combine_segments=True).array


def test_a_signature_puts_masks_and_measurements_into_the_study(visit: Visit) -> None:
    case = visit.open()
    assert "beside the images, if it takes them" in visit.page(case)
    visit.clinic.store()
    assert visit.objects() == []
    visit.browser.sign(case)
    assert "are being stored" in visit.page(case)
    visit.clinic.store()
    assert visit.state(case) == "stored"
    assert "are in the image archive, in the same study" in visit.page(case)
    masks, measurements = visit.objects()
    assert (masks.Modality, measurements.Modality) == ("SEG", "SR")
    assert masks.PatientID == "SB-1"
    assert set(np.unique(labels_of(masks))) == set(range(len(NAMES) + 1))
    report = srread(as_file(measurements))
    assert report.VerificationFlag == "VERIFIED"
    (observer,) = report.VerifyingObserverSequence
    assert str(observer.VerifyingObserverName) == "Doctor^"
    assert observer.VerifyingOrganization == "Test hospital"


def test_repeats_and_parallel_signers_leave_one_of_each(visit: Visit, ehr: Ehr) -> None:
    other = Browser(visit.clinic, ehr)
    first, second = visit.open(), visit.open(other)
    visit.browser.sign(first)
    visit.browser.sign(first)
    other.sign(second)
    waiting = visit.clinic.to_store * 2
    visit.clinic.to_store.clear()
    threads = [
        Thread(target=store_objects, args=(visit.clinic.services, launch_id))
        for launch_id in waiting
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert visit.state(first) == "stored"
    assert other.status(second)["archive"]["state"] == "stored"
    assert [item.Modality for item in visit.objects()] == ["SEG", "SR"]


def test_moved_names_are_those_of_the_masks(visit: Visit) -> None:
    case = visit.open()
    visit.browser.post(case, "names", {"move": "higher"})
    visit.clinic.work(MaskedAnalysis())
    visit.browser.sign(case)
    visit.clinic.store()
    masks, _ = visit.objects()
    rows = labels_of(masks).max(axis=(0, 2))
    # the stripes begin with label 0, and the move rolled them by one
    assert list(rows[1:4]) == [0, 1, 2]


def unsupported(request: Request, forward: Forward) -> Answer:
    if not request.is_store:
        return forward()
    item, answer = Dataset(), Dataset()
    item.FailureReason = 0x0122
    answer.FailedSOPSequence = [item]
    return Answer(status=409, body=answer.to_json().encode(), headers=JSON)


def forbidden(request: Request, forward: Forward) -> Answer:
    if not request.is_store:
        return forward()
    return Answer(status=403, body=b"<html>no</html>")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (unsupported, "kind of object not supported (0122)"),
        (forbidden, "HTTP status 403"),
    ],
)
def test_a_refusal_is_named_and_leaves_the_chart_as_it_is(
    visit: Visit, fault: Fault, reason: str
) -> None:
    case = visit.signed(fault)
    assert visit.state(case) == "failed"
    assert reason in visit.page(case)
    assert "The report in the chart is not affected" in visit.page(case)
    assert visit.browser.status(case)["write"]["state"] == "written"
    assert visit.objects() == []
    assert visit.browser.post(case, "archive").status_code == 303
    visit.clinic.store()
    assert visit.state(case) == "stored"
    assert len(visit.objects()) == 2


def test_a_lost_answer_is_looked_up(visit: Visit) -> None:
    def lost(request: Request, forward: Forward) -> Answer:
        answer = forward()
        return replace(answer, status=None) if request.is_store else answer

    assert visit.state(visit.signed(lost)) == "stored"
    assert len(visit.objects()) == 2


def test_an_archive_that_is_down_is_asked_again(visit: Visit) -> None:
    def down(_: Request, __: Forward) -> Answer:
        return Answer(status=None, body=b"")

    case = visit.signed(down)
    assert visit.state(case) == "queued"
    old = visit.clinic.services.clock() - ORPHAN_AGE - timedelta(seconds=1)
    with visit.clinic.services.sessions.begin() as session:
        session.execute(update(ArchiveWrite).values(sent_at=old))
    assert reap_archive_writes(visit.clinic.services)
    visit.clinic.store()
    assert visit.state(case) == "stored"


def test_what_the_archive_changed_is_named(visit: Visit) -> None:
    def coerced(request: Request, forward: Forward) -> Answer:
        answer = forward()
        if not request.is_store:
            return answer
        said = Dataset.from_json(answer.body.decode())
        said.ReferencedSOPSequence[0].WarningReason = 0xB000
        return replace(answer, status=202, body=said.to_json().encode())

    assert "elements were changed (B000)" in visit.page(visit.signed(coerced))


def test_what_is_taken_and_not_there_is_not_called_stored(visit: Visit) -> None:
    def swallowed(request: Request, forward: Forward) -> Answer:
        return Answer(status=200, body=b"") if request.is_store else forward()

    assert visit.state(visit.signed(swallowed)) == "queued"


def test_a_study_that_was_moved_to_another_patient_gets_nothing(visit: Visit) -> None:
    def moved(request: Request, forward: Forward) -> Answer:
        answer = forward()
        is_metadata = request.path.endswith("/metadata")
        body = answer.body.replace(b"SB-1", b"SB-9") if is_metadata else answer.body
        return replace(answer, body=body)

    case = visit.signed(moved)
    assert visit.state(case) == "failed"
    assert "may belong to somebody else" in visit.page(case)
    assert visit.objects() == []


def read_only(request: Request, forward: Forward) -> Answer:
    if request.method == "OPTIONS":
        return Answer(status=204, body=b"", headers={"Allow": "GET"})
    return forward()


@pytest.mark.parametrize(("fault", "setting"), [(read_only, None), (honest, False)])
def test_nothing_is_offered_where_the_archive_or_the_setting_says_no(
    visit: Visit,
    fault: Fault,
    setting: bool | None,  # noqa: FBT001 - a parameter of the test
) -> None:
    with visit.archive_behind(fault, setting=setting):
        case = visit.open()
    assert "Nothing is stored in the image archive" in visit.page(case)
    visit.browser.sign(case)
    assert visit.clinic.to_store == []
    assert "Nothing was stored in the image archive" in visit.page(case)


def test_a_report_that_is_not_in_the_chart_is_not_in_the_archive(
    visit: Visit, ehr: Ehr
) -> None:
    case = visit.open()
    ehr.fault(method="POST", path="", status=500, times=9)
    assert visit.browser.sign(case)["state"] == "failed"
    assert visit.clinic.to_store == []
    assert visit.state(case) is None


def test_what_a_worker_wrote_later_is_stored_too(visit: Visit) -> None:
    case = visit.open()
    visit.browser.sign(case)
    with visit.clinic.services.sessions.begin() as session:
        session.execute(delete(ArchiveWrite))
    visit.clinic.to_store.clear()
    reap_archive_writes(visit.clinic.services)
    visit.clinic.store()
    assert visit.state(case) == "stored"


def test_the_chart_leads_to_the_objects_once(visit: Visit, ehr: Ehr) -> None:
    other = Browser(visit.clinic, ehr)
    first, second = visit.open(), visit.open(other)
    visit.browser.sign(first)
    other.sign(second)
    visit.clinic.store()
    documents = ehr.resources("DocumentReference")
    links = {
        item["content"][0]["format"]["display"]: item["content"][0]["attachment"]["url"]
        for item in documents
    }
    assert len(documents) == 2
    assert links.keys() == {"Segmentation Storage", "Comprehensive 3D SR Storage"}
    session = Session()
    session.auth = (visit.archive.user, visit.archive.password)
    assert all(session.get(f"{url}/metadata").ok for url in links.values())
    assert {item["subject"]["reference"] for item in documents} == {"Patient/ada"}
    assert all(f"DocumentReference/{x['id']}" in visit.page(first) for x in documents)


def test_a_withdrawn_report_is_not_linked_and_its_links_are_withdrawn(
    visit: Visit, ehr: Ehr
) -> None:
    case = visit.open()
    visit.browser.sign(case)
    visit.clinic.store()
    assert len(ehr.resources("DocumentReference")) == 2
    assert visit.browser.post(case, "undo", {"confirm": "yes"}).status_code == 303
    states = {item["status"] for item in ehr.resources("DocumentReference")}
    assert states == {"entered-in-error"}
    launch = launch_of_job(visit.clinic.services, case.split("/")[2])
    signed = signature(visit.clinic.services, launch.id)
    assert signed
    kept = visit.clinic.kept(case)
    assert link_objects(visit.clinic.services, launch, kept, signed, []) == []


def test_a_link_that_fails_is_tried_again_and_nothing_is_stored_twice(
    visit: Visit, ehr: Ehr
) -> None:
    case = visit.open()
    visit.browser.sign(case)
    ehr.fault(method="POST", path="/DocumentReference", status=500)
    visit.clinic.store()
    assert visit.state(case) == "stored"
    assert "Nothing in the chart leads there yet" in visit.page(case)
    assert visit.browser.post(case, "archive").status_code == 303
    visit.clinic.store()
    assert "Nothing in the chart leads there yet" not in visit.page(case)
    assert len(ehr.resources("DocumentReference")) == 2
    assert [item.Modality for item in visit.objects()] == ["SEG", "SR"]


def test_a_lost_answer_to_a_link_leaves_one_document(visit: Visit, ehr: Ehr) -> None:
    case = visit.open()
    visit.browser.sign(case)
    ehr.fault(method="POST", path="/DocumentReference", lose_answer=True)
    visit.clinic.store()
    visit.browser.post(case, "archive")
    visit.clinic.store()
    assert len(ehr.resources("DocumentReference")) == 2


def test_an_ehr_that_takes_no_documents_gets_none(visit: Visit, ehr: Ehr) -> None:
    refused = ["patient/DocumentReference.crs", "patient/DocumentReference.crus"]
    case = visit.browser.open(patient="ada", encounter="visit", refuseScopes=refused)
    visit.clinic.work(MaskedAnalysis())
    visit.browser.sign(case)
    visit.clinic.store()
    assert visit.state(case) == "stored"
    assert ehr.resources("DocumentReference") == []
    assert "leads there" not in visit.page(case)
