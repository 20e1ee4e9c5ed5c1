"""Spondylosis follows its rule, and what is unknown makes its severity a range."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import ModelError
from inference.results import (
    Caliper,
    DiscFindings,
    DiscGrading,
    Element,
    Level,
    LevelMeasurement,
    LevelSeverity,
    Severity,
    Spondylosis,
)
from inference.severity.spondylosis import FILE, RULE, load_rule, spondylosis
from inference.severity.stenosis import central_stenoses

USUAL_MM = dict(zip(Level, (6.71, 7.72, 8.74, 9.37, 8.94), strict=True))
PLACE = Level.L4_L5
ORDER = list(Severity).index
HEALTHY = DiscFindings(
    level=PLACE,
    narrowing=0.0,
    spondylolisthesis=0.0,
    modic_change=0.0,
    upper_endplate_change=0.0,
    lower_endplate_change=0.0,
)


def level(name: Level, part: float = 1.0, **more: float | None) -> LevelMeasurement:
    """Return a level whose height is that part of what is usual there."""
    height_mm = USUAL_MM[name] * part
    known = {"canal_diameter_mm": 20.0, "slip_percent": 0.0} | more
    return LevelMeasurement(
        level=name,
        disc_height_mm=height_mm,
        disc_width_mm=None,
        disc_volume_mm3=None,
        disc_height_index_ratio=None,
        disc_signal_ratio=None,
        calipers=(
            Caliper(
                quantity="disc_height_mm",
                start_mm=(0, 0, 0),
                end_mm=(0, 0, height_mm),
                uncertainty_mm=0.3,
            ),
        ),
        **known,
    )


def graded(grade: int, probability: float = 1.0) -> DiscGrading:
    others = (1 - probability) / 4
    chances = [others] * 5
    chances[grade - 1] = probability
    first, second, third, fourth, fifth = chances
    return DiscGrading(
        level=PLACE,
        pfirrmann=grade,
        probabilities=(first, second, third, fourth, fifth),
    )


def judged(
    *,
    part: float = 1.0,
    grade: DiscGrading | None = None,
    said: DiscFindings | None = HEALTHY,
    **more: float | None,
) -> LevelSeverity:
    """Return the severity at L4/L5 between healthy neighbors."""
    levels = [level(name) for name in Level if name is not PLACE]
    levels.append(level(PLACE, part, **more))
    found = spondylosis(
        levels,
        gradings=[grade] if grade else [],
        findings=[said] if said else [],
        stenoses=central_stenoses(levels),
    )
    assert found
    return next(item for item in found.levels if item.level is PLACE)


def points(found: LevelSeverity, element: Element) -> str:
    return next(item.words for item in found.points if item.element is element)


def test_a_level_without_a_finding_has_none() -> None:
    assert judged(grade=graded(1)).words == "none"


def test_each_severity_begins_at_its_sum_of_points() -> None:
    classes = [RULE.severity(total).value for total in range(9)]
    assert classes == ["none", *["mild"] * 2, *["moderate"] * 2, *["severe"] * 4]


@pytest.mark.parametrize(
    ("upper", "lower", "modic", "expected"),
    [
        (0.9, 0.0, 0.0, "1"),
        (0.9, 0.9, 0.0, "2"),
        (0.0, 0.0, 0.9, "2"),
        (0.5, 0.0, 0.0, "0 to 1"),
        (0.9, 0.0, 0.5, "1 to 2"),
        (0.9, 0.0, None, "1 to 2"),
        (None, None, None, "not assessed"),
    ],
)
def test_endplates_count_by_what_a_reader_would_say(
    upper: float | None, lower: float | None, modic: float | None, expected: str
) -> None:
    said = replace(
        HEALTHY,
        upper_endplate_change=upper,
        lower_endplate_change=lower,
        modic_change=modic,
    )
    assert points(judged(said=said), Element.ENDPLATES) == expected


@pytest.mark.parametrize(
    ("part", "grade", "narrowing", "expected"),
    [
        (1.0, graded(1), None, "0"),
        (0.5, graded(5), None, "2"),
        (1.0, None, None, "0 to 1"),
        (0.5, None, None, "2"),
        (0.7, None, None, "0 to 2"),  # the loss may be more or less than 30 %
        (0.9, graded(4), 0.9, "1"),
        (0.9, graded(4), 0.1, "0"),
        (0.9, graded(4), 0.5, "0 to 1"),
        (1.0, graded(1), 0.9, "0 to 1"),  # they contradict each other
        (0.9, graded(2, 0.6), None, "0"),
        (0.9, graded(3, 0.4), None, "0 to 1"),
    ],
)
def test_narrowing_is_what_grade_reader_and_height_agree_on(
    part: float, grade: DiscGrading | None, narrowing: float | None, expected: str
) -> None:
    found = judged(part=part, grade=grade, said=replace(HEALTHY, narrowing=narrowing))
    assert points(found, Element.NARROWING) == expected


@pytest.mark.parametrize(
    ("percent", "said", "expected"),
    [
        (5.0, 0.9, "0"),
        (15.0, 0.3, "1"),
        (-15.0, 0.3, "1"),
        (30.0, 0.9, "2"),
        (15.0, 0.2, "0 to 1"),
        (30.0, 0.2, "0 to 2"),
        (15.0, None, "0 to 1"),
        (None, 0.3, "not assessed"),
    ],
)
def test_a_measured_slip_counts_for_certain_where_a_reader_might_see_it(
    percent: float | None, said: float | None, expected: str
) -> None:
    found = judged(said=replace(HEALTHY, spondylolisthesis=said), slip_percent=percent)
    assert points(found, Element.SLIP) == expected


@pytest.mark.parametrize(
    ("canal_mm", "expected"),
    [(20.0, "0"), (11.7, "0 to 2"), (6.0, "2"), (None, "not assessed")],
)
def test_a_canal_counts_by_the_classes_that_are_not_excluded(
    canal_mm: float | None, expected: str
) -> None:
    assert points(judged(canal_diameter_mm=canal_mm), Element.CANAL) == expected


def test_what_was_not_assessed_makes_a_range_and_never_none() -> None:
    assert judged(grade=graded(1), said=None).words == "none to mild"
    worn = judged(part=0.5, grade=graded(5), said=None, canal_diameter_mm=6.0)
    assert worn.words == "moderate to severe"


probabilities = st.none() | st.floats(0, 1)


@settings(deadline=None, max_examples=50)
@given(
    modic=probabilities,
    upper=probabilities,
    narrowing=probabilities,
    slip=st.none() | st.floats(-60, 60),
    canal=st.none() | st.floats(4, 25),
    part=st.floats(0.3, 1.5),
)
def test_knowing_less_never_makes_the_range_narrower(  # noqa: PLR0913
    *,
    modic: float | None,
    upper: float | None,
    narrowing: float | None,
    slip: float | None,
    canal: float | None,
    part: float,
) -> None:
    said = replace(
        HEALTHY,
        modic_change=modic,
        upper_endplate_change=upper,
        narrowing=narrowing,
        spondylolisthesis=None,
    )
    more = judged(part=part, said=said, slip_percent=slip, canal_diameter_mm=canal)
    less = judged(
        part=part,
        said=replace(said, modic_change=None, upper_endplate_change=None),
        slip_percent=None,
        canal_diameter_mm=None,
    )
    assert ORDER(less.lowest) <= ORDER(more.lowest) <= ORDER(more.highest)
    assert ORDER(more.highest) <= ORDER(less.highest)


def test_a_narrower_canal_is_never_less_severe() -> None:
    found = [judged(canal_diameter_mm=mm / 2) for mm in range(50, 8, -1)]
    for wider, narrower in pairwise(found):
        assert ORDER(narrower.lowest) >= ORDER(wider.lowest)
        assert ORDER(narrower.highest) >= ORDER(wider.highest)


def test_the_patient_is_as_bad_as_the_worst_level_and_gaps_are_named() -> None:
    levels = [level(name) for name in Level if name is not Level.L1_L2]
    levels[2] = level(PLACE, 0.5, slip_percent=30.0, canal_diameter_mm=6.0)
    said = replace(HEALTHY, narrowing=None, spondylolisthesis=0.9)
    found = spondylosis(levels, findings=[said], stenoses=central_stenoses(levels))
    assert isinstance(found, Spondylosis)
    assert (found.lowest, found.highest) == (Severity.SEVERE, Severity.SEVERE)
    assert found.unknown == (Level.L1_L2,)
    assert found.words == "severe, without L1/L2"


def test_where_nothing_is_known_there_is_no_severity() -> None:
    lost = replace(
        level(PLACE), disc_height_mm=None, slip_percent=None, canal_diameter_mm=None
    )
    assert spondylosis([lost]) is None


@pytest.mark.parametrize(
    ("old", "new"), [("severe = 5", ""), ("present = 0.75", 'present = "often"')]
)
def test_a_rule_that_is_broken_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "rule.toml"
    text = FILE.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ModelError, match=r"no rule in rule\.toml"):
        load_rule(path)
