"""The words of a CarePlan: red flags first, then what is left out and not known."""

from fhir_mappings.goals import goal_sentences
from fhir_mappings.level_names import name_notes
from fhir_mappings.plan_steps import who_and_when
from fhir_mappings.write_context import WriteContext
from inference.results import Activity, CaseReport, ClinicalFeatures, Exclusion


def plan_notes(report: CaseReport, context: WriteContext) -> list[str]:
    """Return the notes of the plan, one per subject, red flags first."""
    suggestion = report.suggestion
    excluded = [_left_out(item) for item in suggestion.exclusions]
    return [
        *_listed("Red flags", suggestion.red_flags),
        context.disclaimer,
        *_listed("Left out", excluded),
        *_listed("Not known", suggestion.unknowns),
        *_listed("Guidelines disagree", suggestion.conflicts),
        *_listed("About the images", [*name_notes(report), *report.warnings]),
        *_chart_gaps(report.features),
    ]


def plan_paragraphs(report: CaseReport, context: WriteContext) -> list[str]:
    """Return the paragraphs of the narrative: red flags, steps, goals, notes."""
    flags = _listed("Red flags", report.suggestion.red_flags)
    steps = [_step(activity, context) for activity in report.suggestion.activities]
    aims = _listed("Goals", [f"{goal}." for goal in goal_sentences(report)])
    notes = plan_notes(report, context)[len(flags) :]
    return [*flags, *(steps or ["No step is suggested."]), *aims, *notes]


def step_words(activity: Activity) -> str:
    """Return what is suggested, who says so and how strongly."""
    strength = f"; strength: {activity.strength}" if activity.strength else ""
    return f"{activity.option.value.capitalize()} ({activity.guideline}{strength})"


def _step(activity: Activity, context: WriteContext) -> str:
    who = who_and_when(activity, context)
    return f"{step_words(activity)}. {who}. {' '.join(activity.reasons)}"


def _left_out(exclusion: Exclusion) -> str:
    source = f" ({exclusion.source})" if exclusion.source else ""
    return f"{exclusion.option}: {exclusion.reason}{source}"


def _listed(title: str, sentences: tuple[str, ...] | list[str]) -> list[str]:
    return [f"{title}: {' '.join(sentences)}"] if sentences else []


def _chart_gaps(features: ClinicalFeatures) -> list[str]:
    gaps = []
    if features.unreadable:
        gaps.append(f"{features.unreadable} entries of the chart could not be read.")
    if not features.is_complete:
        gaps.append("The server sent only a part of the chart.")
    return gaps
