"""The Celery application that web and worker share: messages are only wake-ups."""

import logging
from typing import Any, Final

from celery import Celery
from kombu.exceptions import OperationalError

from smart_app.settings import Settings

TASK: Final = "spoils.analyze"
ARCHIVE_TASK: Final = "spoils.store"
POLL_S: Final = 0.1  # our choice: the filesystem transport looks ten times a second

logger = logging.getLogger(__name__)


def make_celery(settings: Settings) -> Celery:
    """Configure Celery for the broker of the settings; results are not used."""
    celery = Celery("spoils", broker=settings.broker_url)
    celery.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options=_transport_options(settings),
    )
    return celery


class CeleryQueue:
    """Wakes a worker through Celery; a broker that is down delays a job only."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery

    def send(self, job_id: str) -> None:
        """Send a message; when it is lost, the reaper sends another."""
        self._send(TASK, job_id)

    def send_archive_write(self, launch_id: str) -> None:
        """Send a message; when it is lost, the reaper sends another."""
        self._send(ARCHIVE_TASK, launch_id)

    def _send(self, task: str, what: str) -> None:
        try:
            self._celery.send_task(task, [what])
        except (OperationalError, OSError) as error:
            logger.warning("%s %s not sent: %s", task, what, type(error).__name__)


def _transport_options(settings: Settings) -> dict[str, Any]:
    if not settings.broker_url.startswith("filesystem"):
        return {}
    messages = settings.data_dir / "broker" / "messages"
    control = settings.data_dir / "broker" / "control"
    for folder in (messages, control):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": POLL_S,
    }
