"""The demo: every service, the patients, and either one URL or one walk."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox import services
from sandbox.charts import CLINIC_TIME
from sandbox.errors import StepError
from sandbox.processes import free_port
from sandbox.seed import Seeded, seed
from sandbox.services import App, Archive, Ehr
from sandbox.walk import Outcome, walk

Resource = dict[str, Any]
Say = Callable[[str], None]

LOG_LINES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Hospital:
    """All that runs."""

    ehr: Ehr
    archive: Archive
    app: App
    seeded: Seeded


def show(say: Say, personality: str = "open") -> None:
    """Start everything, print one URL, and stop when interrupted."""
    with hospital(say, personality) as running:
        say(f"\nOpen {running.ehr.origin}/   (Ctrl-C stops everything)")
        threading.Event().wait()


def walk_once(say: Say, personality: str = "open") -> None:
    """Walk from launch to read-back for one patient of each kind and print a table."""
    with hospital(say, personality) as running:
        for patient_id in (*running.seeded.phantoms[:1], *running.seeded.real[:1]):
            say(f"\nPatient/{patient_id}")
            outcome = walk(running.ehr, patient_id, say=lambda step: say(f"  {step}"))
            for line in table(outcome, fhir_base=running.ehr.fhir_base):
                say(line)


@contextmanager
def hospital(say: Say, personality: str = "open") -> Iterator[Hospital]:
    """Run archive, EHR and application, with patients in them."""
    with ExitStack() as stack:
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="spoils-demo-"))
        )
        stack.enter_context(_logs_of_failures(directory))
        port = free_port()
        say("Starting the archive, the EHR and the app")
        archive = stack.enter_context(services.archive(directory))
        ehr = stack.enter_context(
            services.ehr(
                directory,
                clients=[services.public_client(port)],
                app_launch_url=f"{services.app_url(port)}/launch",
                imaging_url=archive.dicomweb_url,
                personality=personality,
            )
        )
        app = stack.enter_context(
            services.app(directory, port=port, ehr=ehr, archive=archive)
        )
        say("Seeding patients")
        today = datetime.now(CLINIC_TIME).date()
        seeded = seed(ehr, archive, today=today, say=lambda line: say(f"  {line}"))
        yield Hospital(ehr=ehr, archive=archive, app=app, seeded=seeded)


def table(outcome: Outcome, *, fhir_base: str) -> Iterator[str]:
    """Yield the lines that say what was measured and what was written."""
    measured = [
        resource
        for resource in outcome.written
        if resource["resourceType"] == "Observation" and "hasMember" not in resource
    ]
    rows = [(*_measurement(item), _address(fhir_base, item)) for item in measured]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(map(str.ljust, row, widths)).rstrip()
    for resource in outcome.written:
        if resource not in measured:
            kind = resource["resourceType"].ljust(sum(widths[:3]) + 4)
            yield f"  {kind}  {_address(fhir_base, resource)}"
    yield from (f"  kept otherwise: {path}" for path in outcome.differences)


def _measurement(observation: Resource) -> tuple[str, str, str]:
    site, what = _words(observation.get("bodySite")), _words(observation["code"])
    if quantity := observation.get("valueQuantity"):
        return site, what, f"{quantity['value']} {quantity.get('unit', '')}"
    return site, what, _words(observation.get("valueCodeableConcept"))


def _address(fhir_base: str, resource: Resource) -> str:
    return f"{fhir_base}/{resource['resourceType']}/{resource['id']}"


@contextmanager
def _logs_of_failures(directory: Path) -> Iterator[None]:
    """Add the ends of the application's logs to a step that failed."""
    try:
        yield
    except StepError as error:
        for name in ("web", "worker"):
            lines = (directory / f"{name}.log").read_text().splitlines()[-LOG_LINES:]
            error.add_note("\n".join([f"Last lines of {name}.log:", *lines]))
        raise


def _words(concept: Resource | None) -> str:
    """Return the words of a CodeableConcept."""
    known = concept or {}
    coding: dict[str, str] = next(iter(known.get("coding", [])), {})
    return str(known.get("text") or coding.get("display", ""))
