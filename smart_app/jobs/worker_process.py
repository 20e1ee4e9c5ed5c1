"""What a worker process is: Celery wakes it, a reaper finds what was lost.

A killed worker delays a job by its lease and loses nothing.
"""

import logging
import sys
from collections.abc import Callable
from threading import Thread
from time import sleep
from typing import Final

from celery import Celery, signals
from sqlalchemy.exc import SQLAlchemyError

from smart_app.archive.writes import reap_archive_writes
from smart_app.cases.job_rows import reap_jobs
from smart_app.jobs.queue import ARCHIVE_TASK, TASK, CeleryQueue, make_celery
from smart_app.jobs.run import Analysis, run_job
from smart_app.launch.launches import purge
from smart_app.log import configure_logging
from smart_app.services import Services, make_services
from smart_app.settings import Settings
from smart_app.writing.journal import purge_journal
from smart_app.writing.signed_report import recover_writes

READY: Final = "spoils worker ready"
REAPS_PER_LEASE: Final = 2
MAX_PAUSE_S: Final = 10.0  # our choice: an orphan waits no longer than this

logger = logging.getLogger(__name__)


def make_worker(settings: Settings, load: Callable[[], Analysis]) -> Celery:
    """Build a worker that loads its analysis at its first job, and once.

    Args:
        settings: Same as those of the web process.
        load: Returns the analysis; called in the worker process only, because models
            that are loaded before a fork hang after it.

    """
    celery = make_celery(settings)
    services = make_services(settings, CeleryQueue(celery))

    def analyze(job_id: str) -> None:
        run_job(services, job_id, load)

    def store(launch_id: str) -> None:
        # takes seconds to load, and the first analysis need not wait for it
        from smart_app.archive.store import store_objects  # noqa: PLC0415

        store_objects(services, launch_id)

    def start_reaper(**_: object) -> None:
        Thread(target=_reap, args=(services,), name="reaper", daemon=True).start()
        sys.stderr.write(f"{READY}\n")
        sys.stderr.flush()

    celery.task(analyze, name=TASK)
    celery.task(store, name=ARCHIVE_TASK)
    signals.worker_ready.connect(start_reaper, weak=False)
    signals.setup_logging.connect(_configure_logging, weak=False)
    return celery


def _configure_logging(**_: object) -> None:
    configure_logging()


def _reap(services: Services) -> None:
    pause_s = min(services.settings.lease_s / REAPS_PER_LEASE, MAX_PAUSE_S)
    while True:
        try:
            for job_id in reap_jobs(services):
                logger.warning("job %s sent again", job_id)
            recover_writes(services)
            purge_journal(services)
            for launch_id in reap_archive_writes(services):
                logger.warning("launch %s sent to the archive again", launch_id)
            if purged := purge(services):
                logger.info("%s launches deleted after their retention", purged)
        except SQLAlchemyError as error:
            logger.warning("reaper: %s", type(error).__name__)
        sleep(pause_s)
