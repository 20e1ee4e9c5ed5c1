"""What is known of the patient beside the images, as the page shows it.

Three questions are answered for every fact: where it is from, whether the suggestion
rests on it, and, where it is missing, what it could change.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from inference.guidelines import suggest
from inference.judgement.advice import is_known, missing, rests_on
from inference.judgement.questions import (
    GROUPS,
    FlagQuestion,
    Question,
    SmokingQuestion,
    TreatmentQuestion,
)
from inference.results import (
    Answer,
    CaseReport,
    ClinicalFeatures,
    ClinicalValue,
    Entered,
    Smoking,
)
from smart_app.cases.store import Case

NOT_RECORDED: Final = "not recorded"
#: Label and unit of each number.
NUMBERS: Final = {
    "pain_nrs": ("Pain, place not stated", " of 10"),
    "back_pain_nrs": ("Back pain", " of 10"),
    "leg_pain_nrs": ("Leg pain", " of 10"),
    "odi_percent": ("Oswestry disability index", " %"),
    "back_pain_weeks": ("Back pain for", " weeks"),
    "leg_pain_weeks": ("Leg symptoms for", " weeks"),
    "walking_distance_m": ("Can walk", " m"),
    "start_back_score": ("STarT Back total score", " of 9"),
    "eq5d_index": ("EQ-5D index", ""),
    "bmi_kg_m2": ("Body mass index", " kg/m²"),
    "height_cm": ("Height", " cm"),
    "egfr_ml_min": ("Estimated GFR", " mL/min/1.73 m²"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    """One fact that is known.

    Attributes:
        label: What it is.
        words: Its value with its unit.
        origin: Where it is from, and of when.
        is_used: Whether the suggestion would be another one without it.

    """

    label: str
    words: str
    origin: str
    is_used: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRow:
    """One line of the form.

    Attributes:
        question: The question.
        kind: ``"number"``, ``"flag"`` or ``"choice"``.
        value: What stands in the form.
        choices: What can be chosen, as value and words.
        chart: What the chart says already, empty where it says nothing.
        changes: What an answer could change.
        problem: What is wrong with the answer, empty where nothing is.

    """

    question: Question
    kind: str
    value: str
    choices: tuple[tuple[str, str], ...]
    chart: str
    changes: tuple[str, ...]
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionGroup:
    """Questions that stand together on the form."""

    title: str
    rows: tuple[QuestionRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsView:
    """All that the page shows of the facts.

    Attributes:
        rows: What is known, the facts that the suggestion rests on first.
        outdated: What is too old to be used.
        unknown: Labels of numbers that nobody recorded.
        groups: The form.
        typed: Number of answers that were typed in.
        effect: What the answers changed, in words.
        has_problems: Whether the form was not kept.

    """

    rows: tuple[FactRow, ...]
    outdated: tuple[FactRow, ...]
    unknown: tuple[str, ...]
    groups: tuple[QuestionGroup, ...]
    typed: int
    effect: tuple[str, ...]
    has_problems: bool


def facts_view(
    case: Case,
    *,
    is_asked: bool,
    form: Mapping[str, str],
    problems: Mapping[str, str],
) -> FactsView:
    """Prepare the facts of a case for its page.

    Args:
        case: The case.
        is_asked: Whether the reader can still type in what is missing.
        form: What was sent and not kept, empty where nothing was.
        problems: What is wrong with it, by the name of the question.

    """
    report = case.report
    rows = sorted(_rows(report), key=lambda row: not row.is_used)
    return FactsView(
        rows=tuple(rows),
        outdated=tuple(_outdated(report.features)),
        unknown=tuple(
            label
            for name, (label, _) in NUMBERS.items()
            if getattr(report.features, name) is None
        ),
        groups=_groups(case, form, problems) if is_asked else (),
        typed=len(report.answers),
        effect=tuple(_effect(case)) if report.answers else (),
        has_problems=bool(problems),
    )


def _rows(report: CaseReport) -> Iterator[FactRow]:
    features, used = report.features, rests_on(report)
    if features.age_years is not None:
        yield FactRow(
            label="Age",
            words=f"{features.age_years} years",
            origin="Patient",
            is_used="age_years" in used,
        )
    if features.sex:
        yield FactRow(label="Sex", words=features.sex, origin="Patient")
    for name, (label, unit) in NUMBERS.items():
        value: ClinicalValue | None = getattr(features, name)
        if value is not None:
            yield _number_row(label, unit, value, is_used=name in used)
    if features.smoking_status:
        yield _smoking_row(features, is_used="smoking" in used)
    yield from _flag_rows(report, used)
    yield from _treatment_rows(report, is_used="treatments" in used)


def _smoking_row(features: ClinicalFeatures, *, is_used: bool) -> FactRow:
    status = features.smoking
    known = (status.source, status.recorded_on, status.entered) if status else None
    return FactRow(
        label="Tobacco",
        words=features.smoking_status or NOT_RECORDED,
        origin=_origin(*known) if known else "chart, in words of its own",
        is_used=is_used,
    )


def _flag_rows(report: CaseReport, used: Collection[str]) -> Iterator[FactRow]:
    for item in report.features.conditions:
        weeks = item.duration_weeks
        lasting = f", {weeks} weeks" if weeks is not None else ""
        yield FactRow(
            label=item.flag.value.capitalize(),
            words=f"yes: {item.label}{lasting}",
            origin=_origin(item.source, item.recorded_on, item.entered),
            is_used=item.flag.value in used,
        )
    for flag in report.features.ruled_out:
        yield FactRow(
            label=flag.value.capitalize(),
            words="no",
            origin=_denied(report, FlagQuestion(flag=flag)),
            is_used=flag.value in used,
        )


def _treatment_rows(report: CaseReport, *, is_used: bool) -> Iterator[FactRow]:
    for item in report.features.treatments:
        lasting = "duration not known" if item.weeks is None else f"{item.weeks} weeks"
        verb = "Tried" if item.was_given else "Ordered, perhaps not taken"
        yield FactRow(
            label=f"{verb}: {item.kind}",
            words=f"{item.label}, {lasting}",
            origin=_origin(item.source, item.started_on, item.entered),
            is_used=is_used,
        )
    for kind in report.features.untried:
        yield FactRow(
            label=kind.value.capitalize(),
            words="not tried",
            origin=_denied(report, TreatmentQuestion(kind=kind)),
            is_used=is_used,
        )


def _denied(report: CaseReport, question: Question) -> str:
    """Return who said no: now, or at an earlier launch."""
    entered = [a.entered for a in report.answers if a.question == question.name]
    return _origin("", None, entered[0]) if entered else "said at an earlier visit"


def _number_row(
    label: str, unit: str, value: ClinicalValue, *, is_used: bool
) -> FactRow:
    method = f", {value.method}" if value.method else ""
    return FactRow(
        label=label,
        words=f"{value.value:.4g}{unit}",
        origin=_origin(value.source, value.recorded_on, value.entered) + method,
        is_used=is_used,
    )


def _origin(source: str, day: object, entered: Entered | None) -> str:
    if entered:
        return (
            f"typed in by {entered.name or entered.by}, {entered.at:%Y-%m-%d %H:%M %Z}"
        )
    return f"{source}, {day}" if day else f"{source}, undated"


def _outdated(features: ClinicalFeatures) -> Iterator[FactRow]:
    for old in features.outdated:
        label, unit = NUMBERS[old.field]
        row = _number_row(label, unit, old.value, is_used=False)
        words = f"{row.words}: older than {old.limit_days} days, or undated"
        yield FactRow(label=label, words=words, origin=row.origin)


def _groups(
    case: Case, form: Mapping[str, str], problems: Mapping[str, str]
) -> tuple[QuestionGroup, ...]:
    answers = {answer.question: answer for answer in case.report.answers}
    changes = {item.question.name: item.changes for item in missing(case.report)}
    return tuple(
        QuestionGroup(
            title=group.title,
            rows=tuple(
                QuestionRow(
                    question=question,
                    kind=_kind(question),
                    value=form.get(question.name, "")
                    if problems
                    else _text(answers.get(question.name)),
                    choices=_choices(question),
                    chart=_chart_words(case.chart, question),
                    changes=changes.get(question.name, ()),
                    problem=problems.get(question.name, ""),
                )
                for question in group.questions
            ),
        )
        for group in GROUPS
    )


def _kind(question: Question) -> str:
    if isinstance(question, FlagQuestion):
        return "flag"
    return "choice" if isinstance(question, SmokingQuestion) else "number"


def _choices(question: Question) -> tuple[tuple[str, str], ...]:
    if isinstance(question, FlagQuestion):
        return (("yes", "Yes"), ("no", "No"), ("", "Not asked"))
    if isinstance(question, SmokingQuestion):
        return (("", "Not asked"), *((x.value, x.value.capitalize()) for x in Smoking))
    return ()


def _text(answer: Answer | None) -> str:
    if answer is None:
        return ""
    if isinstance(answer.value, bool):
        return "yes" if answer.value else "no"
    return f"{answer.value:g}" if isinstance(answer.value, float) else answer.value


def _chart_words(chart: ClinicalFeatures, question: Question) -> str:
    """Return what the chart says already to a question of the form."""
    if not is_known(chart, question):
        return ""
    if isinstance(question, FlagQuestion):
        return "The chart says yes." if chart.has(question.flag) else "Said before: no."
    if question.name in NUMBERS:
        value: ClinicalValue = getattr(chart, question.name)
        row = _number_row("", NUMBERS[question.name][1], value, is_used=False)
        return f"Known: {row.words} ({row.origin})."
    return "Known already."


def _effect(case: Case) -> Iterator[str]:
    """Say what the answers changed beside what the chart alone suggests."""
    charted = suggest(case.chart, case.report.levels)
    before = [activity.option for activity in charted.activities]
    after = [activity.option for activity in case.report.suggestion.activities]
    yield from (f"added {option}" for option in after if option not in before)
    yield from (f"removed {option}" for option in before if option not in after)
