"""How severe spondylosis is, by an explicit rule, with what is not known."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from inference.results.anatomy import Level


class Severity(StrEnum):
    """Severity of spondylosis, the worst last."""

    NONE = "none"
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class Element(StrEnum):
    """What the severity of one level is the sum of."""

    ENDPLATES = "endplate change"
    NARROWING = "disc narrowing"
    SLIP = "slip"
    CANAL = "narrow canal"


#: Points that one element can have: 0 to 2 (doi and sources: ``spondylosis.toml``).
MOST_POINTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Points of one element: both limits are the same where they are known.

    Attributes:
        element: Which one.
        low: The fewest that it can have, 0 to 2.
        high: The most.
        is_known: Whether anything is known of it; else it can have 0 to 2.

    """

    element: Element
    low: int
    high: int
    is_known: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= MOST_POINTS:
            raise ValueError(f"{self.element}: no points {self.low} to {self.high}")

    @property
    def words(self) -> str:
        """The points as people read them."""
        if not self.is_known:
            return "not assessed"
        return f"{self.low}" if self.low == self.high else f"{self.low} to {self.high}"


def severity_words(lowest: Severity, highest: Severity) -> str:
    """Return one severity, or a range of them, as people read it."""
    if (lowest, highest) == (Severity.NONE, Severity.SEVERE):
        return "cannot tell"
    return lowest.value if lowest is highest else f"{lowest} to {highest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSeverity:
    """Spondylosis at one level.

    Attributes:
        level: Disc level.
        lowest: The least severe that it can be by what is known.
        highest: The most severe.
        points: Of each element.

    """

    level: Level
    lowest: Severity
    highest: Severity
    points: tuple[Points, ...]

    @property
    def words(self) -> str:
        """The severity, or what it lies between."""
        return severity_words(self.lowest, self.highest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spondylosis:
    """Spondylosis of a lumbar spine.

    Attributes:
        lowest: The least severe that its worst level can be.
        highest: The most severe.
        levels: One entry per level of which anything is known.
        unknown: The other levels: nothing says that they are well.
        rule: Version of the rule.

    """

    lowest: Severity
    highest: Severity
    levels: tuple[LevelSeverity, ...]
    unknown: tuple[Level, ...]
    rule: str

    @property
    def words(self) -> str:
        """The severity of the worst level, and the levels that it leaves out."""
        words = severity_words(self.lowest, self.highest)
        return f"{words}, without {', '.join(self.unknown)}" if self.unknown else words
