"""Severity of spondylosis by the rule of ``spondylosis.toml``: ours, published parts.

The paper's severity is the answer of a network; here it is computed from measurements
and grades that a person can check one by one.
"""

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from inference.errors import ModelError
from inference.measurements.reference_values import references_for
from inference.results import (
    CanalClass,
    CentralStenosis,
    DiscFindings,
    DiscGrading,
    Element,
    Level,
    LevelMeasurement,
    LevelSeverity,
    Points,
    Severity,
    Spondylosis,
)

FILE: Final = Path(__file__).with_suffix(".toml")
_STRICT: Final = ConfigDict(extra="forbid")
_HEIGHT: Final = "disc_height_mm"
Bounds = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Classes:
    __pydantic_config__ = _STRICT
    none: int
    mild: int
    moderate: int
    severe: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    __pydantic_config__ = _STRICT
    absent: float
    present: float

    def holds(self, probability: float | None) -> bool | None:
        """Whether a finding is there; ``None`` where that is open or not assessed."""
        if probability is None or self.absent <= probability < self.present:
            return None
        return probability >= self.present


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endplates:
    __pydantic_config__ = _STRICT
    one: int
    both_or_modic: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Narrowing:
    __pydantic_config__ = _STRICT
    by_grade: tuple[Bounds, Bounds, Bounds, Bounds, Bounds]
    grade_probability: float
    much_loss_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slip:
    __pydantic_config__ = _STRICT
    by_grade: tuple[int, int, int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Canal:
    __pydantic_config__ = _STRICT
    by_class: tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The rule; the file says what each part means, and where it is from."""

    __pydantic_config__ = _STRICT
    version: str
    classes: _Classes
    findings: _Findings
    endplates: _Endplates
    narrowing: _Narrowing
    slip: _Slip
    canal: _Canal

    def severity(self, points: int) -> Severity:
        """Return the class of a sum of points."""
        return [name for name in Severity if getattr(self.classes, name) <= points][-1]


def load_rule(path: Path = FILE) -> Rule:
    """Return the rule.

    Raises:
        ModelError: It is absent, or not what it should be.

    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        return TypeAdapter(Rule).validate_python(content)
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ModelError(f"no rule in {path.name}: {error}") from error


RULE: Final = load_rule()


def spondylosis(
    levels: Sequence[LevelMeasurement],
    *,
    gradings: Sequence[DiscGrading] = (),
    findings: Sequence[DiscFindings] = (),
    stenoses: Sequence[CentralStenosis] = (),
    rule: Rule = RULE,
) -> Spondylosis | None:
    """Return the severity of each level and of the worst one.

    Args:
        levels: What was measured.
        gradings: Of the discs that could be graded.
        findings: How likely a reader would see narrowing, Modic and endplate changes,
            calibrated; no entry is not assessed. Of what the rule counts as absent or
            present by them, the card of the grading says how often that is right.
        stenoses: Of the canals that were measured.
        rule: How points are given.

    Returns:
        ``None`` where nothing is known of any level.

    """
    grades = {item.level: item for item in gradings}
    said = {item.level: item for item in findings}
    canals = {item.level: item for item in stenoses}
    losses = _height_losses(levels)
    found = []
    for item in levels:
        name = item.level
        points = (
            _endplates(said.get(name), rule),
            _narrowing(grades.get(name), said.get(name), losses.get(name), rule),
            _slip(item, said.get(name), rule),
            _canal(canals.get(name), rule),
        )
        if any(part.is_known for part in points):
            found.append(
                LevelSeverity(
                    level=name,
                    lowest=rule.severity(sum(part.low for part in points)),
                    highest=rule.severity(sum(part.high for part in points)),
                    points=points,
                )
            )
    if not found:
        return None
    known = {item.level for item in found}
    order = list(Severity).index
    return Spondylosis(
        lowest=max((item.lowest for item in found), key=order),
        highest=max((item.highest for item in found), key=order),
        levels=tuple(found),
        unknown=tuple(level for level in Level if level not in known),
        rule=rule.version,
    )


def _endplates(said: DiscFindings | None, rule: Rule) -> Points:
    """Count with all that is open absent, then with all of it present."""
    if said is None:
        return _unknown(Element.ENDPLATES)
    parts = (said.modic_change, said.upper_endplate_change, said.lower_endplate_change)
    if all(part is None for part in parts):
        return _unknown(Element.ENDPLATES)

    def points(*, is_open_there: bool) -> int:
        there = [rule.findings.holds(part) for part in parts]
        modic, *plates = (is_open_there if part is None else part for part in there)
        if modic or all(plates):
            return rule.endplates.both_or_modic
        return rule.endplates.one if any(plates) else 0

    return Points(
        element=Element.ENDPLATES,
        low=points(is_open_there=False),
        high=points(is_open_there=True),
    )


def _narrowing(
    grading: DiscGrading | None,
    said: DiscFindings | None,
    loss: tuple[float, float] | None,
    rule: Rule,
) -> Points:
    """Take what grade, reader and height agree on; else all that lies between them."""
    bounds: list[Bounds] = []
    if grading is not None:
        possible = [
            limits
            for grade, (limits, probability) in enumerate(
                zip(rule.narrowing.by_grade, grading.probabilities, strict=True), 1
            )
            if grade == grading.pfirrmann
            or probability >= rule.narrowing.grade_probability
        ]
        bounds.append((min(low for low, _ in possible), max(h for _, h in possible)))
    there = rule.findings.holds(said.narrowing) if said else None
    if there is not None:
        bounds.append((1, 2) if there else (0, 0))
    if loss is not None:
        much = rule.narrowing.much_loss_ratio
        bounds.append((2 if loss[0] >= much else 0, 2 if loss[1] >= much else 1))
    if not bounds:
        return _unknown(Element.NARROWING)
    low, high = max(low for low, _ in bounds), min(high for _, high in bounds)
    return Points(element=Element.NARROWING, low=min(low, high), high=max(low, high))


def _height_losses(
    levels: Sequence[LevelMeasurement],
) -> dict[Level, tuple[float, float]]:
    """Return the loss of each disc against its higher neighbor, from and to.

    Heights are taken as parts of what is usual at their level; the limits are those of
    the uncertainties of both heights.
    """
    parts = {item.level: _part_of_usual(item) for item in levels}
    order = list(Level)
    losses = {}
    for name, own in parts.items():
        place = order.index(name)
        beside = [
            parts.get(order[index])
            for index in (place - 1, place + 1)
            if 0 <= index < len(order)
        ]
        known = [item for item in beside if item is not None]
        if own is None or not known:
            continue
        (part, doubt), (best, its_doubt) = own, max(known)
        loss, spread = 1 - part / best, part / best * math.hypot(doubt, its_doubt)
        losses[name] = loss - spread, loss + spread
    return losses


def _part_of_usual(item: LevelMeasurement) -> tuple[float, float] | None:
    """Height over what is usual, and its relative uncertainty."""
    usual = next(
        (
            known.mean
            for known in references_for(_HEIGHT, item.level, sex=None, age_years=None)
            if known.is_same_method
        ),
        None,
    )
    if item.disc_height_mm is None or usual is None:
        return None
    doubts = [c.uncertainty_mm for c in item.calipers if c.quantity == _HEIGHT]
    return item.disc_height_mm / usual, (
        (doubts[0] or 0.0) / item.disc_height_mm if doubts else 0.0
    )


def _slip(item: LevelMeasurement, said: DiscFindings | None, rule: Rule) -> Points:
    """Take what was measured, for certain only where a reader might see it too.

    One body outlined wrongly reads as a slip, so most slips that are measured are none
    to a reader: what a model says of the picture decides whether one is open.
    """
    if item.meyerding_grade is None:
        return _unknown(Element.SLIP)
    points = rule.slip.by_grade[item.meyerding_grade]
    probability = said.spondylolisthesis if said else None
    is_doubtful = probability is None or rule.findings.holds(probability) is False
    return Points(element=Element.SLIP, low=0 if is_doubtful else points, high=points)


def _canal(stenosis: CentralStenosis | None, rule: Rule) -> Points:
    if stenosis is None:
        return _unknown(Element.CANAL)
    order = list(CanalClass)
    points = [rule.canal.by_class[order.index(name)] for name in stenosis.possible]
    return Points(element=Element.CANAL, low=min(points), high=max(points))


def _unknown(element: Element) -> Points:
    return Points(element=element, low=0, high=2, is_known=False)
