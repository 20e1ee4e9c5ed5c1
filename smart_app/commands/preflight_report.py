"""Lines of a preflight report: what was found, and what an administrator has to do."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a line is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report.

    Attributes:
        level: Whether something has to be done.
        subject: What was looked at.
        found: What was found.
        advice: What to do, empty where there is nothing to do.

    """

    level: Level
    subject: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        line = f"{self.level:8} {self.subject}: {self.found}"
        return f"{line}\n         -> {self.advice}" if self.advice else line


def ok(subject: str, found: str, advice: str = "") -> Line:
    """Return a line about what is as it should be."""
    return Line(Level.OK, subject, found, advice)


def warning(subject: str, found: str, advice: str) -> Line:
    """Return a line about what works less well than it could."""
    return Line(Level.WARNING, subject, found, advice)


def failure(subject: str, found: str, advice: str) -> Line:
    """Return a line about what cannot work."""
    return Line(Level.FAILURE, subject, found, advice)
