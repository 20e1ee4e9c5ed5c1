"""What views and jobs need from outside, made once per process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, cast

from flask import current_app

from smart_app.database import Sessions, open_database
from smart_app.ehrs.issuers import Issuers, load_issuers
from smart_app.settings import Settings
from smart_app.vault import Vault

if TYPE_CHECKING:
    from inference.treatment.model import TreatmentModel


class Queue(Protocol):
    """Wakes a worker; losing a message is allowed, the job row is the truth."""

    def send(self, job_id: str) -> None:
        """Ask any worker to look at this job."""

    def send_archive_write(self, launch_id: str) -> None:
        """Ask any worker to store the objects of this launch's report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything with a side effect that this application uses.

    Attributes:
        settings: What may differ between two installations.
        issuers: EHRs that may launch this application.
        sessions: Maker of database sessions.
        vault: Seals what is kept.
        queue: Wakes a worker.
        clock: Tells the time, aware.

    """

    settings: Settings
    issuers: Issuers
    sessions: Sessions
    vault: Vault
    queue: Queue
    clock: Callable[[], datetime]

    def treatment_model(self) -> "TreatmentModel":
        """Return the treatment model, which loads its engine at the first call."""
        from inference.treatment.model import load_treatment_model  # noqa: PLC0415

        return load_treatment_model(self.settings.treatment_model)


def make_services(
    settings: Settings, queue: Queue, clock: Callable[[], datetime] | None = None
) -> Services:
    """Open the database and read the list of EHRs.

    Raises:
        SettingsError: The list is not usable.

    """
    issuers = load_issuers(settings.issuers_path)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return Services(
        settings=settings,
        issuers=issuers,
        sessions=open_database(settings.database_url),
        vault=Vault(settings.secret_key),
        queue=queue,
        clock=clock or (lambda: datetime.now(UTC)),
    )


def current_services() -> Services:
    """Return the services of the running application."""
    return cast("Services", current_app.extensions["spoils"])
