"""The demo starts, walks, stops, and leaves nothing running."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fhir_mappings.write_context import NEEDED_TYPES
from sandbox import walk
from sandbox.demo import table
from sandbox.errors import StepError
from sandbox.people import PEOPLE, Person
from sandbox.seed import seed_person
from sandbox.services import App, Archive, Ehr
from tests.sandbox.conftest import today

ROOT = Path(__file__).parents[2]
BY_KEY = {person.key: person for person in PEOPLE}
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60
MARK = "SPOILS_TEST_MARK"


@pytest.fixture
def mark() -> Iterator[str]:
    """A value that every process of the demo inherits; none may be left at the end."""
    value = str(uuid.uuid4())
    yield value
    assert running_with(value) == []


def running_with(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_text(errors="replace")
        except OSError:
            continue  # it has ended, or belongs to somebody else
        if f"{MARK}={mark}" in environment:
            found.append((process / "cmdline").read_text())
    return found


def start_demo(mark: str, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "demo", *options],
        cwd=ROOT,
        env={**os.environ, MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_demo_stops_everything(mark: str, number: signal.Signals) -> None:
    with start_demo(mark) as demo:
        assert demo.stdout
        assert any(line.startswith("Open http://127.0.0.1:") for line in demo.stdout)
        assert len(running_with(mark)) > 4  # itself, archive, EHR, web, worker
        demo.send_signal(number)
        assert demo.wait(STOP_TIMEOUT_S) == 0


def test_one_walk_prints_what_was_measured_and_written(mark: str) -> None:
    with start_demo(mark, "--once") as demo:
        output, errors = demo.communicate(timeout=START_TIMEOUT_S)
    assert (demo.returncode, errors) == (0, "")
    assert "L4/L5" in output
    assert "/fhir/R4/CarePlan/" in output


def test_patient_without_images_ends_at_the_analysis(
    app: App, ehr: Ehr, archive: Archive
) -> None:
    person = BY_KEY["demo-no-images"]
    seed_person(person, ehr, archive, today=today())
    assert app.url
    with pytest.raises(StepError, match=r"analyze: failed: .*MRI"):
        walk.walk(ehr, person.key, say=print)
    assert ehr.resources("CarePlan") == []


@pytest.mark.parametrize(
    "person", [person for person in PEOPLE if person.has_mri], ids=lambda p: p.key
)
def test_every_patient_with_images_gets_a_care_plan(
    app: App, ehr: Ehr, archive: Archive, person: Person
) -> None:
    seed_person(person, ehr, archive, today=today())
    assert app.url
    outcome = walk.walk(ehr, person.key, say=print)
    assert outcome.differences == ()
    types = {resource["resourceType"] for resource in outcome.written}
    needed = {*NEEDED_TYPES, "DiagnosticReport", "ServiceRequest", "AuditEvent"}
    assert types - {"RiskAssessment", "Goal"} == needed


def test_table_shows_value_unit_and_address() -> None:
    observation = {
        "resourceType": "Observation",
        "id": "1",
        "code": {"text": "Disc height"},
        "bodySite": {"text": "L4/L5"},
        "valueQuantity": {"value": 9.5, "unit": "mm"},
    }
    plan = {"resourceType": "CarePlan", "id": "2"}
    outcome = walk.Outcome(
        case_url="",
        written=(observation, plan),
        differences=("CarePlan/2: CarePlan.note",),
    )
    lines = list(table(outcome, fhir_base="http://ehr"))
    assert lines[0].split() == [
        *("L4/L5", "Disc", "height", "9.5", "mm", "http://ehr/Observation/1")
    ]
    assert lines[1].split() == ["CarePlan", "http://ehr/CarePlan/2"]
    assert lines[2] == "  kept otherwise: CarePlan/2: CarePlan.note"
