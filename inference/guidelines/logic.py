"""Three-valued logic: a condition is met, not met, or unknown for want of a fact."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inference.guidelines.facts import FACTS, Known
from inference.guidelines.table import Condition, Table, Test
from inference.results import ClinicalFeatures, LevelMeasurement

Facts = Mapping[str, Known | None]

COMPARISONS: Final[Mapping[str, Callable[[Known, float], bool]]] = {
    "holds": lambda found, wanted: found.value == wanted,
    "at_least": lambda found, limit: found.value >= limit,
    "above": lambda found, limit: found.value > limit,
    "below": lambda found, limit: found.value < limit,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether something is met.

    Attributes:
        is_met: ``None`` where that is unknown.
        evidence: What was found that meets it.
        unknown: Names of the facts that would decide it.

    """

    is_met: bool | None
    evidence: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def facts_of(features: ClinicalFeatures, levels: Sequence[LevelMeasurement]) -> Facts:
    """Return all that the rules may ask of one patient."""
    return {name: fact.read(features, levels) for name, fact in FACTS.items()}


def verdicts(table: Table, facts: Facts) -> dict[str, Verdict]:
    """Return the verdict on each condition, by its name."""
    return {name: _condition(item, facts) for name, item in table.conditions.items()}


def all_of(parts: Sequence[Verdict]) -> Verdict:
    """Return met where all are met; one that is not met decides."""
    answers = {part.is_met for part in parts}
    if False in answers:
        return Verdict(is_met=False)
    if None in answers:
        return Verdict(is_met=None, unknown=_unknown(parts))
    return Verdict(is_met=True, evidence=_evidence(parts))


def any_of(parts: Sequence[Verdict]) -> Verdict:
    """Return met where one is met."""
    answers = {part.is_met for part in parts}
    if True in answers:
        return Verdict(is_met=True, evidence=_evidence(parts))
    if None in answers:
        return Verdict(is_met=None, unknown=_unknown(parts))
    return Verdict(is_met=False)


def _evidence(parts: Sequence[Verdict]) -> tuple[str, ...]:
    found = [text for part in parts if part.is_met for text in part.evidence]
    return tuple(dict.fromkeys(found))


def _unknown(parts: Sequence[Verdict]) -> tuple[str, ...]:
    found = [name for part in parts if part.is_met is None for name in part.unknown]
    return tuple(dict.fromkeys(found))


def _condition(condition: Condition, facts: Facts) -> Verdict:
    tests = [_test(test, facts) for test in condition.tests]
    return any_of(tests) if condition.any else all_of(tests)


def _test(test: Test, facts: Facts) -> Verdict:
    found = facts[test.fact]
    if test.known is not None:
        return Verdict(is_met=found is None)
    if test.shown is not None:
        is_shown = found is not None and bool(found.value)
        evidence = (found.words,) if found and is_shown else ()
        return Verdict(is_met=is_shown is test.shown, evidence=evidence)
    if found is None:
        return Verdict(is_met=None, unknown=(test.fact,))
    ((comparison, limit),) = test.comparisons()
    is_met = COMPARISONS[comparison](found, limit)
    return Verdict(is_met=is_met, evidence=(found.words,))
