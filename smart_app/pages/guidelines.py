"""The table of rules as a page that a clinician reads: public, without any patient."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from inference.guidelines import TABLE
from inference.guidelines.facts import FACTS
from inference.guidelines.table import Condition, Rule, Test

bp = Blueprint("guidelines", __name__)

_WORDS = {
    "at_least": "{label} {limit:g} {unit} or more",
    "above": "{label} above {limit:g} {unit}",
    "below": "{label} below {limit:g} {unit}",
    "known": "{label} not recorded",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One rule in words.

    Attributes:
        rule: The rule.
        given: Whom it is about.
        when: What it needs.
        sources: Title, section and strength of who says so.

    """

    rule: Rule
    given: tuple[str, ...]
    when: tuple[str, ...]
    sources: tuple[tuple[str, str, str], ...]


@bp.get("/guidelines")
def show() -> ResponseReturnValue:
    """Show every source, rule, condition and conflict."""
    rows = map(_row, TABLE.rules)
    groups = groupby(rows, key=lambda row: row.rule.option)
    return render_template(
        "guidelines.html",
        table=TABLE,
        options=[(option, tuple(found)) for option, found in groups],
        conditions=[(item.words, in_words(item)) for item in TABLE.conditions.values()],
    )


def in_words(condition: Condition) -> str:
    """Return the tests of a condition as people read them."""
    between = "; or " if condition.any else "; and "
    return between.join(_test_words(test) for test in condition.tests)


def _row(rule: Rule) -> RuleRow:
    return RuleRow(
        rule=rule,
        given=tuple(TABLE.conditions[name].words for name in rule.given),
        when=tuple(TABLE.conditions[name].words for name in rule.when),
        sources=tuple(_sources(rule)),
    )


def _sources(rule: Rule) -> Iterator[tuple[str, str, str]]:
    for citation in rule.sources:
        title = TABLE.sources[citation.source].title
        yield title, citation.section, citation.strength


def _test_words(test: Test) -> str:
    ((comparison, limit),) = test.comparisons()
    fact = FACTS[test.fact]
    if comparison in {"holds", "shown"}:
        denial = "known not to be so" if comparison == "holds" else "not recorded"
        return fact.label if limit else f"{fact.label}: {denial}"
    words = _WORDS[comparison].format(label=fact.label, limit=limit, unit=fact.unit)
    return words.replace("  ", " ")
