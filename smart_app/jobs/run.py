"""The analysis: gather, check, infer, keep. Runs in the worker, never in the web."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from threading import Event, Thread
from typing import Final, Protocol

from pydicom import Dataset
from sqlalchemy.exc import SQLAlchemyError

from inference.results import CaseReport, ClinicalFeatures, Identity, Stage
from smart_app.archive.imaging import find_images
from smart_app.cases.identity import require_same_patient
from smart_app.cases.job_rows import (
    Claim,
    claim_job,
    fail_job,
    finish_job,
    keep_progress,
    renew_lease,
)
from smart_app.cases.level_names import level_shift
from smart_app.cases.store import Case, keep_analyzed, kept_case
from smart_app.errors import STATUS, JobTooLongError, LeaseLostError
from smart_app.fhir_server.chart import read_chart
from smart_app.launch.launches import OpenLaunch, launch_of_job
from smart_app.services import Services

RENEWALS_PER_LEASE: Final = 3
MAX_JOB_S: Final = 900  # our choice: a healthy analysis takes seconds
MIN_STEP: Final = 0.02  # our choice: finer progress is not seen

Progress = Callable[[StrEnum, float], None]
logger = logging.getLogger(__name__)


class Gathering(StrEnum):
    """Stages before the images can be analyzed."""

    CHART = "chart"
    IMAGES = "images"


class Analysis(Protocol):
    """What a job needs from ``inference``; tests of the web pass a small fake."""

    def select_series(self, first_instances: Mapping[str, Dataset]) -> str:
        """Return the UID of the series to measure."""

    def identity_of(self, dataset: Dataset) -> Identity:
        """Return who the images say that the patient is."""

    def run(
        self,
        datasets: Sequence[Dataset],
        *,
        features: ClinicalFeatures,
        progress: Callable[[Stage, float], None],
        level_shift: int,
        with_masks: bool,
    ) -> tuple[CaseReport, bytes | None]:
        """Analyze a series, with all names moved by ``level_shift``.

        Returns:
            The report, and with ``with_masks`` its masks as
            ``inference.outputs.kept_masks`` packs them, ``None`` where that cannot be.

        """


def run_case(
    services: Services, launch: OpenLaunch, analysis: Analysis, progress: Progress
) -> tuple[Case, bytes | None]:
    """Gather, check, infer. Nothing reaches the EHR before a clinician signs.

    Returns:
        The case, and its masks where the archive may get them after the signature.

    Raises:
        UpstreamError: EHR or archive fail.
        MappingError: The chart is unreadable, or there is no lumbar MRI.
        IdentityError: The images are not surely of this patient.
        InferenceError: The images cannot be analyzed.

    """
    progress(Gathering.CHART, 0.0)
    chart = read_chart(services, launch)
    progress(Gathering.IMAGES, 0.0)
    images = find_images(services, launch, chart)
    first_instances = images.archive.first_instances(images.study_uid)
    series_uid = analysis.select_series(first_instances)
    identity = analysis.identity_of(first_instances[series_uid])
    require_same_patient(chart.identity, identity)
    datasets = images.archive.series(images.study_uid, series_uid)
    for dataset in datasets:  # one stray slice of somebody else is enough to stop
        require_same_patient(chart.identity, analysis.identity_of(dataset))
    wish = services.issuers.known(launch.issuer).dicomweb_store
    with_masks = images.is_configured and (
        images.archive.takes_objects() if wish is None else wish
    )
    report, masks = analysis.run(
        datasets,
        features=chart.features,
        progress=progress,
        level_shift=level_shift(services, launch.id),
        with_masks=with_masks,
    )
    case = Case(
        report=report,
        chart=chart.features,
        identity=chart.identity,
        imaging_study=images.reference,
    )
    return case, masks


def run_job(services: Services, job_id: str, load: Callable[[], Analysis]) -> None:
    """Run a job to its end, unless another worker has it."""
    claim = claim_job(services, job_id)
    if claim is None:
        logger.info("job %s is not free", job_id)
        return
    started = time.monotonic()
    logger.info("job %s started", job_id)
    try:
        with _lease(services, claim):
            _work(services, claim, load)
        logger.info("job %s ended after %.1f s", job_id, time.monotonic() - started)
    except LeaseLostError as error:
        logger.warning("job %s stopped: %s", job_id, error)


def _work(services: Services, claim: Claim, load: Callable[[], Analysis]) -> None:
    try:
        launch = launch_of_job(services, claim.launch_id)
        case, masks = run_case(services, launch, load(), _progress(services, claim))
        case = _with_earlier_answers(services, claim, case)
        keep_analyzed(services, claim.launch_id, case, masks)
        finish_job(services, claim)
    except LeaseLostError:
        raise
    except tuple(STATUS) as error:
        name = type(error).__name__
        logger.warning("job %s failed: %s: %s", claim.job_id, name, error)
        fail_job(services, claim, error)
    except Exception as error:  # the one place: a job must not stop its worker
        logger.exception("job %s failed unexpectedly", claim.job_id)
        fail_job(services, claim, error)


def _with_earlier_answers(services: Services, claim: Claim, case: Case) -> Case:
    """Return the case with what was typed in before the images were analyzed again."""
    earlier = kept_case(services, claim.launch_id)
    answers = earlier.report.answers if earlier else ()
    if not answers:
        return case
    return case.with_answers(answers, services.treatment_model())


def _progress(services: Services, claim: Claim) -> Progress:
    last: list[tuple[str, float]] = [("", 0.0)]

    def keep(stage: StrEnum, fraction: float) -> None:
        last_stage, last_fraction = last[0]
        if stage != last_stage or fraction - last_fraction >= MIN_STEP:
            keep_progress(services, claim, stage.value, min(max(fraction, 0.0), 1.0))
            last[0] = (stage.value, fraction)

    return keep


@contextmanager
def _lease(services: Services, claim: Claim) -> Iterator[None]:
    """Renew the lease in a thread for as long as the job runs, within reason."""
    is_over = Event()
    pause_s = services.settings.lease_s / RENEWALS_PER_LEASE
    give_up_at = time.monotonic() + MAX_JOB_S

    def renew() -> None:
        while not is_over.wait(pause_s):
            try:
                if time.monotonic() > give_up_at:
                    logger.error("job %s takes too long, given up", claim.job_id)
                    fail_job(services, claim, JobTooLongError(f"{MAX_JOB_S} s"))
                    return
                renew_lease(services, claim)
            except LeaseLostError:
                return  # finished, or of another worker: the job notices itself
            except SQLAlchemyError as error:
                logger.warning("lease not renewed: %s", type(error).__name__)

    thread = Thread(target=renew, name=f"lease-{claim.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
