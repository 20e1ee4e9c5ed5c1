"""A job as the progress page shows it. Pure."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from smart_app.archive.writes import ArchiveWriteStatus
from smart_app.cases.job_rows import JobStatus
from smart_app.cases.store import Signature
from smart_app.tables import JobState

#: Stages in their order; the names are those of ``jobs.run.Gathering`` and ``Stage``.
STEPS: Final = {
    "chart": "Reading the chart",
    "images": "Fetching the images and checking whose they are",
    "reading": "Building the volume",
    "segmenting": "Finding vertebrae, discs and canal",
    "measuring": "Measuring",
    "suggesting": "Weighing the guidelines",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the progress page: ``state`` is done, current or waiting."""

    label: str
    state: str


def steps(status: JobStatus) -> list[Step]:
    """Return all steps with their state."""
    names = list(STEPS)
    current = names.index(status.stage) if status.stage in names else -1
    if status.state == JobState.DONE:
        current = len(names)
    words = ["done" if i < current else "waiting" for i in range(len(names))]
    if 0 <= current < len(names):
        words[current] = "current"
    return [
        Step(label=STEPS[name], state=word)
        for name, word in zip(names, words, strict=True)
    ]


def percent(status: JobStatus) -> int:
    """Return how much of the whole is done, 0 to 100."""
    if status.state == JobState.DONE:
        return 100
    names = list(STEPS)
    if status.stage not in names:
        return 0
    return int(100 * (names.index(status.stage) + status.fraction) / len(names))


def status_json(
    status: JobStatus,
    signed: Signature | None,
    stored: ArchiveWriteStatus | None,
    *,
    url: str,
) -> dict[str, Any]:
    """Return what the page's script reads, and other programs too."""
    return {
        "state": status.state,
        "stage": status.stage,
        "fraction": status.fraction,
        "percent": percent(status),
        "steps": [asdict(step) for step in steps(status)],
        "advice": status.advice,
        "url": url,
        "write": None if signed is None else _write_json(signed),
        "archive": None if stored is None else asdict(stored),
    }


def _write_json(signed: Signature) -> dict[str, Any]:
    return {
        "state": signed.state,
        "written": signed.written,
        "existing": signed.existing or (),
        "differences": signed.differences,
        "advice": signed.advice,
    }
