"""What an answer rests on, and what a missing fact could change, by asking again.

The suggestion is a pure function of what is known and what was measured. So a fact
matters when the answer without it is another one, and a missing fact could matter when
one of its possible values gives another one. One fact is varied at a time: two that
matter only together are not found.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from inference.guidelines import suggest
from inference.judgement.judge import judge
from inference.judgement.questions import (
    GROUPS,
    QUESTIONS,
    FlagQuestion,
    NumberQuestion,
    Question,
    TreatmentQuestion,
    with_answers,
)
from inference.results import (
    Answer,
    CaseReport,
    ClinicalFeatures,
    Entered,
    Option,
    Smoking,
    TherapySuggestion,
)
from inference.treatment.inputs import FIELDS, FLAGS, NEEDED

if TYPE_CHECKING:  # its engine is loaded where it is asked
    from inference.treatment.model import TreatmentModel

_NOBODY: Final = Entered(
    by="", name=None, at=datetime.fromisoformat("2000-01-01T00:00:00+00:00")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A fact that is not known and could change the answer.

    Attributes:
        question: What to ask.
        changes: What could change, in words.

    """

    question: Question
    changes: tuple[str, ...]


def reconsidered(
    report: CaseReport,
    chart: ClinicalFeatures,
    answers: Iterable[Answer],
    treatment: "TreatmentModel",
) -> CaseReport:
    """Return the report with what was typed in; the images are not looked at again.

    Args:
        report: The report.
        chart: What the chart says, without anything that was typed in.
        answers: One per question.
        treatment: The model of the choice of treatment.

    """
    kept = tuple(answers)
    features = with_answers(chart, kept)
    judgement = judge(features, report.levels, report.gradings, treatment)
    return replace(
        report,
        features=features,
        suggestion=judgement.suggestion,
        outcomes=judgement.outcomes,
        treatment=judgement.treatment,
        answers=kept,
    )


def missing(report: CaseReport) -> tuple[Missing, ...]:
    """Return the questions without an answer that could change an answer of ours."""
    before = _advice(report, report.features)
    needed = () if before.red_flags else _NEEDED
    found = (
        Missing(
            question=question,
            changes=(
                *_changes(report, before, question),
                *(("the treatment model needs it",) if question in needed else ()),
            ),
        )
        for group in GROUPS
        for question in group.questions
        if not is_known(report.features, question)
    )
    return tuple(item for item in found if item.changes)


def rests_on(report: CaseReport) -> frozenset[str]:
    """Return the facts without which the suggestion would be another one.

    Returns:
        Names of fields of ``ClinicalFeatures``, and values of ``Flag``.

    """
    features = report.features
    before = _essence(_advice(report, features))
    without = {
        name: replace(features, **{name: None})  # type: ignore[arg-type] # a field
        for name in _FIELDS
        if getattr(features, name) is not None
    }
    for flag in {item.flag for item in features.conditions}:
        others = tuple(c for c in features.conditions if c.flag is not flag)
        without[flag.value] = replace(features, conditions=others)
    for flag in features.ruled_out:
        others_denied = tuple(item for item in features.ruled_out if item is not flag)
        without[flag.value] = replace(features, ruled_out=others_denied)
    if features.treatments:
        without["treatments"] = replace(features, treatments=())
    return frozenset(
        name
        for name, fewer in without.items()
        if _essence(_advice(report, fewer)) != before
    )


def is_known(features: ClinicalFeatures, question: Question) -> bool:
    """Tell whether there is an answer, from the chart or typed in."""
    if isinstance(question, FlagQuestion):
        return features.has(question.flag) is not None
    if isinstance(question, TreatmentQuestion):
        return features.weeks_tried(question.kind) is not None
    return getattr(features, question.name) is not None


#: What the treatment model gives no estimate without.
_NEEDED: Final = tuple(
    QUESTIONS[FIELDS.get(name) or FlagQuestion(flag=FLAGS[name]).name]
    for name in NEEDED
)
_FIELDS: Final = (
    *("age_years", "pain_nrs", "odi_percent", "bmi_kg_m2", "egfr_ml_min"),
    *("back_pain_nrs", "leg_pain_nrs", "height_cm", "eq5d_index", "smoking"),
    *("start_back_score", "back_pain_weeks", "leg_pain_weeks", "walking_distance_m"),
)


def _changes(
    report: CaseReport, before: TherapySuggestion, question: Question
) -> Iterator[str]:
    """Yield what the extreme answers to a question would change."""
    now = _options(before)
    added: set[Option] = set()
    removed: set[Option] = set()
    has_reasons = False
    for value in _extremes(question):
        answer = Answer(question=question.name, value=value, entered=_NOBODY)
        after = _advice(report, with_answers(report.features, [answer]))
        if after.red_flags and not before.red_flags:
            yield "could call for the urgent route"
            return
        added |= _options(after) - now
        removed |= now - _options(after)
        has_reasons = has_reasons or _essence(after) != _essence(before)
    yield from (f"could add {option}" for option in sorted(added))
    yield from (f"could remove {option}" for option in sorted(removed))
    if has_reasons and not added | removed:
        yield "could change a reason"


def _options(suggestion: TherapySuggestion) -> set[Option]:
    return {activity.option for activity in suggestion.activities}


def _extremes(question: Question) -> tuple[float | bool | str, ...]:
    if isinstance(question, FlagQuestion):
        return (True, False)
    if isinstance(question, NumberQuestion | TreatmentQuestion):
        return (question.lowest, question.highest)
    return tuple(item.value for item in Smoking)


def _advice(report: CaseReport, features: ClinicalFeatures) -> TherapySuggestion:
    return suggest(features, report.levels)


def _essence(suggestion: TherapySuggestion) -> TherapySuggestion:
    """Return what the clinician is told to do and why, without what is not known."""
    return replace(suggestion, unknowns=(), conflicts=())
