"""The table applied to one patient.

Red flags come first and stop the routine plan. What removes an option outdoes what
suggests it. What is unknown suggests and removes nothing, and is listed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inference.guidelines.facts import FACTS
from inference.guidelines.logic import Verdict, all_of, facts_of, verdicts
from inference.guidelines.table import Direction, Rule, Table, load_table
from inference.results import (
    NEVER_SUGGESTED,
    Activity,
    ClinicalFeatures,
    Exclusion,
    LevelMeasurement,
    Option,
    TherapySuggestion,
)

TABLE: Final = load_table()
SHORT_LIST: Final = (
    "Diagnoses are recognized by a short list of codes only: cancer, heart failure or "
    "pregnancy under another code is not seen. Read the problem list yourself."
)
PARTIAL: Final = "The server sent only a part of the chart: what is absent may exist."
#: What an unknown fact could do, by the direction of its rule.
_COULD: Final = {
    Direction.URGENT: "Could call for the urgent route",
    Direction.SUGGEST: "Could add {}",
    Direction.REMOVE: "Could rule out {}",
    Direction.CAUTION: "Could add a caution to {}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One rule as it stands for one patient.

    Attributes:
        rule: The rule.
        concerns: Whether the patient is one whom it is about.
        verdict: Whether it fires.
        reasons: Its text, then what was found.
        unmet: Words of the conditions that it lacks.
        is_final: Whether no fact that is recorded later can undo it.

    """

    rule: Rule
    concerns: bool
    verdict: Verdict
    reasons: tuple[str, ...]
    unmet: tuple[str, ...]
    is_final: bool

    def fires(self, direction: Direction) -> bool:
        """Tell whether it fires in a direction."""
        return self.verdict.is_met is True and self.rule.direction is direction


def suggest(
    features: ClinicalFeatures, levels: Sequence[LevelMeasurement]
) -> TherapySuggestion:
    """Apply the rules to one patient.

    Args:
        features: What is known of the patient.
        levels: What was measured.

    Returns:
        A suggestion. With a red flag its activities are the urgent route alone.

    """
    found = verdicts(TABLE, facts_of(features, levels))
    rows = [_row(rule, TABLE, found) for rule in TABLE.rules]
    urgent = [row for row in rows if row.fires(Direction.URGENT)]
    if urgent:  # nothing routine beside it, not even as a thing that could be
        rows = [row for row in rows if row.rule.direction is Direction.URGENT]
        decided: list[Activity | Exclusion | None] = [_urgent_route(urgent, TABLE)]
    else:
        options = dict.fromkeys(row.rule.option for row in rows)
        decided = [
            _decided(option, [row for row in rows if row.rule.option is option], TABLE)
            for option in options
        ]
    activities = tuple(item for item in decided if isinstance(item, Activity))
    exclusions = tuple(item for item in decided if isinstance(item, Exclusion))
    disputed = {item.option for item in activities} | (
        {item.option for item in exclusions} & NEVER_SUGGESTED
    )
    return TherapySuggestion(
        red_flags=tuple(" ".join(row.reasons) for row in urgent),
        activities=activities,
        exclusions=exclusions,
        unknowns=(*_standing(features), *_unknowns(rows, activities)),
        conflicts=tuple(
            conflict.text
            for conflict in TABLE.conflicts
            if disputed & {*conflict.options}
            and all_of([found[name] for name in conflict.given]).is_met
        ),
        rules_version=TABLE.version,
    )


def is_chronic(features: ClinicalFeatures) -> bool | None:
    """Tell whether the pain is what the rules call chronic, ``None`` if unknown."""
    return verdicts(TABLE, facts_of(features, ()))["chronic"].is_met


def _row(rule: Rule, table: Table, found: Mapping[str, Verdict]) -> _Row:
    names = (*rule.given, *rule.when)
    # what is left out needs no proof that it concerns the patient
    proven = rule.when if rule.direction is Direction.REMOVE else names
    evidence = [
        _sentence(f"{table.conditions[name].words}: {'; '.join(found[name].evidence)}")
        for name in proven
        if found[name].is_met and found[name].evidence
    ]
    return _Row(
        rule=rule,
        concerns=all_of([found[name] for name in rule.given]).is_met is True,
        verdict=all_of([found[name] for name in names]),
        reasons=(rule.text, *evidence),
        unmet=tuple(
            table.conditions[name].words for name in rule.when if not found[name].is_met
        ),
        is_final=all(
            test.shown is not False and test.known is None
            for name in names
            for test in table.conditions[name].tests
        ),
    )


def _urgent_route(urgent: Sequence[_Row], table: Table) -> Activity:
    """Return the one step beside a red flag; an emergency outdoes what is urgent."""
    options = [row.rule.option for row in urgent]
    is_emergency = Option.EMERGENCY_REVIEW in options
    return Activity(
        option=Option.EMERGENCY_REVIEW if is_emergency else Option.URGENT_REVIEW,
        reasons=_reasons(urgent),
        guideline=_sections(urgent, table),
        strength=_strengths(urgent, table),
        rules=_ids(urgent),
    )


def _decided(
    option: Option, rows: Sequence[_Row], table: Table
) -> Activity | Exclusion | None:
    """Return what becomes of an option, ``None`` where it concerns nobody.

    Args:
        option: The option.
        rows: The rules on it.
        table: The table.

    """
    if removing := [row for row in rows if row.fires(Direction.REMOVE)]:
        return Exclusion(
            option=option,
            reason=" ".join(_reasons(removing)),
            source=_sections(removing, table),
            rules=_ids(removing),
        )
    suggestions = [row for row in rows if row.rule.direction is Direction.SUGGEST]
    if firing := [row for row in suggestions if row.verdict.is_met]:
        said = [*firing, *(row for row in rows if row.fires(Direction.CAUTION))]
        return Activity(
            option=option,
            reasons=_reasons(said),
            guideline=_sections(firing, table),
            strength=_strengths(firing, table),
            rules=_ids(said),
        )
    waiting = [row for row in suggestions if row.concerns]
    if not waiting:
        return None
    lacking = [f"Not shown by chart and images: {'; '.join(r.unmet)}." for r in waiting]
    return Exclusion(
        option=option,
        reason=" Or: ".join(dict.fromkeys(lacking)),
        source=_sections(waiting, table),
    )


def _standing(features: ClinicalFeatures) -> Iterator[str]:
    yield SHORT_LIST
    if not features.is_complete:
        yield PARTIAL
    for name in features.unread_types:
        yield f"The server did not let {name} be read: what it would say is unknown."


def _unknowns(rows: Sequence[_Row], activities: Collection[Activity]) -> Iterator[str]:
    """Yield what could change the answer, one sentence per change."""
    suggested = {item.option for item in activities}
    closed = {
        row.rule.option for row in rows if row.fires(Direction.REMOVE) and row.is_final
    } | suggested
    labels: dict[str, dict[str, None]] = {}
    for row in rows:
        option, direction = row.rule.option, row.rule.direction
        if row.verdict.is_met is not None:
            continue
        if direction is Direction.SUGGEST and option in closed:
            continue
        if direction in {Direction.REMOVE, Direction.CAUTION} and (
            option not in suggested
        ):
            continue
        change = _COULD[direction].format(option)
        found = [FACTS[name].label for name in row.verdict.unknown]
        labels.setdefault(change, {}).update(dict.fromkeys(found))
    for change, unknown in labels.items():
        yield f"{change}, but not recorded: {'; '.join(unknown)}."


def _reasons(rows: Sequence[_Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for row in rows for text in row.reasons))


def _sections(rows: Sequence[_Row], table: Table) -> str:
    cited = [citation for row in rows for citation in row.rule.sources]
    found = [f"{table.sources[item.source].title}, {item.section}" for item in cited]
    return "; ".join(dict.fromkeys(found))


def _strengths(rows: Sequence[_Row], table: Table) -> str:
    cited = [citation for row in rows for citation in row.rule.sources]
    found = [f"{table.sources[item.source].title}: {item.strength}" for item in cited]
    return "; ".join(dict.fromkeys(found))


def _ids(rows: Sequence[_Row]) -> tuple[str, ...]:
    return tuple(row.rule.id for row in rows)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
