"""The table of rules: read from ``rules.toml`` and checked, once, when it is imported.

No rule language: a rule is a row of named conditions, a condition is a few tests of
named facts.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from inference.errors import ModelError
from inference.guidelines.facts import FACTS
from inference.results import NEVER_SUGGESTED, Option

FILE: Final = Path(__file__).with_name("rules.toml")
URGENT: Final = frozenset({Option.EMERGENCY_REVIEW, Option.URGENT_REVIEW})
_STRICT: Final = ConfigDict(extra="forbid")


class Direction(StrEnum):
    """What a rule does with its option."""

    URGENT = "urgent"
    REMOVE = "remove"
    SUGGEST = "suggest"
    CAUTION = "caution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A guideline, or whoever else says so."""

    __pydantic_config__ = _STRICT

    title: str
    about: str
    url: str
    strengths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One test of one fact: exactly one of its comparisons is given."""

    __pydantic_config__ = _STRICT
    __test__ = False  # not one of pytest's

    fact: str
    holds: bool | None = None
    shown: bool | None = None
    known: Literal[False] | None = None
    at_least: float | None = None
    below: float | None = None
    above: float | None = None

    def __post_init__(self) -> None:
        given = [name for name, _ in self.comparisons()]
        if len(given) != 1:
            raise ValueError(f"{self.fact}: {len(given)} comparisons, not 1")

    def comparisons(self) -> Iterator[tuple[str, float]]:
        """Yield what is compared with what."""
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name != "fact" and value is not None:
                yield item.name, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Tests under one name; met when any of them is, or all of them are."""

    __pydantic_config__ = _STRICT

    words: str
    any: tuple[Test, ...] = ()
    all: tuple[Test, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.any) == bool(self.all):
            raise ValueError(f"{self.words}: needs either any or all")

    @property
    def tests(self) -> tuple[Test, ...]:
        """Its tests."""
        return self.any or self.all


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Where a source says it, and how strongly, in the words of the source."""

    __pydantic_config__ = _STRICT

    source: str
    section: str
    strength: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row.

    Attributes:
        id: Its name.
        option: What it speaks of.
        direction: What it does with it.
        text: The reason, a sentence.
        sources: Who says so.
        given: Names of the conditions that say whom it is about.
        when: Names of the conditions that it needs.

    """

    __pydantic_config__ = _STRICT

    id: str
    option: Option
    direction: Direction
    text: str
    sources: tuple[Citation, ...]
    given: tuple[str, ...] = ()
    when: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Where sources contradict each other on some options.

    Attributes:
        id: Its name.
        options: What they disagree on.
        sources: Who.
        text: How, and what this program does.
        given: Names of the conditions that say whom it is about.

    """

    __pydantic_config__ = _STRICT

    id: str
    options: tuple[Option, ...]
    sources: tuple[str, ...]
    text: str
    given: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All of it."""

    __pydantic_config__ = _STRICT

    version: str
    sources: dict[str, Source]
    conditions: dict[str, Condition]
    rules: tuple[Rule, ...]
    conflicts: tuple[Conflict, ...]


def load_table(path: Path = FILE) -> Table:
    """Return the table.

    Raises:
        ModelError: It is absent, or not what it should be; the message names all that
            is wrong.

    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        table = TypeAdapter(Table).validate_python(content)
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ModelError(f"no rules in {path.name}: {error}") from error
    if wrong := [*_wrong(table)]:
        raise ModelError(f"{path.name}: {'; '.join(wrong)}")
    return table


def _wrong(table: Table) -> Iterator[str]:
    for name, condition in table.conditions.items():
        for test in condition.tests:
            yield from (f"condition {name}: {text}" for text in _wrong_test(test))
    for rule in table.rules:
        yield from (f"rule {rule.id}: {text}" for text in _wrong_rule(rule, table))
    for conflict in table.conflicts:
        for name in {*conflict.sources} - {*table.sources}:
            yield f"conflict {conflict.id}: no source {name}"
        for name in {*conflict.given} - {*table.conditions}:
            yield f"conflict {conflict.id}: no condition {name}"
    ids = [rule.id for rule in table.rules] + [item.id for item in table.conflicts]
    yield from (f"{name} twice" for name, count in Counter(ids).items() if count > 1)
    used = {name for rule in table.rules for name in (*rule.given, *rule.when)}
    yield from (f"condition {name} unused" for name in set(table.conditions) - used)
    cited = {item.source for rule in table.rules for item in rule.sources}
    yield from (f"source {name} unused" for name in set(table.sources) - cited)


def _wrong_test(test: Test) -> Iterator[str]:
    fact = FACTS.get(test.fact)
    ((comparison, _),) = test.comparisons()
    if fact is None:
        yield f"no fact {test.fact}"
    elif comparison != "known" and fact.is_number == (comparison in {"holds", "shown"}):
        yield f"{test.fact} cannot be compared by {comparison}"


def _wrong_rule(rule: Rule, table: Table) -> Iterator[str]:
    for name in {*rule.given, *rule.when} - set(table.conditions):
        yield f"no condition {name}"
    if not rule.sources:
        yield "no source"
    for citation in rule.sources:
        source = table.sources.get(citation.source)
        if source is None:
            yield f"no source {citation.source}"
        elif citation.strength not in source.strengths:
            yield f"{source.title} has no strength {citation.strength!r}"
    if (rule.direction is Direction.URGENT) != (rule.option in URGENT):
        yield f"{rule.direction} does not go with {rule.option}"
    if rule.direction is Direction.SUGGEST and rule.option in NEVER_SUGGESTED:
        yield f"{rule.option} is never suggested"
