"""The words of a treatment estimate, the same on the page and in the EHR."""

from typing import Final

from fhir_mappings.outcome_text import PERCENT
from inference.results import (
    MissingInput,
    Option,
    TherapySuggestion,
    TreatmentEstimate,
)

TITLE: Final = "What patients like this one are given, by a model: no order"
NO_ORDER: Final = (
    "This is what the model expects to be chosen for such a patient. It is no order, "
    "no part of the plan and no guideline."
)


def percent(probability: float) -> str:
    """Return a probability, rounded as it is written."""
    return f"{100 * probability:.{PERCENT.digits}f} {PERCENT.unit}"


def origin(estimate: TreatmentEstimate) -> str:
    """Return what the model learned from, as a sentence."""
    return f"{estimate.trained_on[:1].upper()}{estimate.trained_on[1:]}."


def headline(estimate: TreatmentEstimate) -> str:
    """Return the answer in one sentence: an option, several, or none at all."""
    if estimate.refusals:
        return f"No estimate. {estimate.refusals[0]}"
    if option := estimate.single_suggestion:
        return f"One option is left at 90 %: {option}."
    options = _listed(estimate.conformal_set)
    return f"No single suggestion: at 90 % it could be {options}."


def guideline_words(option: Option, suggestion: TherapySuggestion) -> str:
    """Return what the guidelines say of an option here, empty where nothing."""
    if option in {item.option for item in suggestion.activities}:
        return "suggested by the guidelines"
    if option in {item.option for item in suggestion.exclusions}:
        return "left out by the guidelines"
    return ""


def estimate_notes(estimate: TreatmentEstimate) -> list[str]:
    """Return what a reader must know beside the probabilities."""
    used = [f"{label} {words}" for label, words in estimate.used]
    missing = [missing_words(item, estimate) for item in estimate.missing]
    return [
        origin(estimate),
        NO_ORDER,
        *([f"Why: {'; '.join(estimate.reasons)}."] if estimate.reasons else []),
        estimate.nearest_change,
        *similar_words(estimate),
        f"From: {'; '.join(used)}.",
        *([f"Not known, and not filled in: {'; '.join(missing)}."] if missing else []),
    ]


def missing_words(item: MissingInput, estimate: TreatmentEstimate) -> str:
    """Return what one missing input could change."""
    option = estimate.probabilities[0][0]
    low, high = percent(item.low), percent(item.high)
    words = f"{item.label} ({option} {low} to {high}"
    if item.could_become:
        words += f"; could make {_listed(item.could_become)} the most probable"
    return f"{words})"


def similar_words(estimate: TreatmentEstimate) -> list[str]:
    """Return what similar patients were given, nothing where that is not known."""
    if estimate.similar is None:
        return []
    given = [f"{option} {percent(share)}" for option, share in estimate.similar.given]
    count = estimate.similar.count
    return [f"The {count} most similar synthetic patients: {', '.join(given)}."]


def _listed(options: tuple[Option, ...]) -> str:
    *others, last = options
    return f"{', '.join(others)} or {last}" if others else str(last)
