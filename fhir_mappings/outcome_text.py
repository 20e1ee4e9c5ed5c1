"""The words of a predicted outcome, the same on the page and in the EHR."""

from typing import Final

from fhir_mappings.measures import Unit
from inference.results import OutcomeEstimate, OutcomePrediction, SurgicalOutcome

#: Our choice of whole percents: nothing finer has a meaning.
PERCENT: Final = Unit(unit="%", code="%", digits=0)
NO_ADVICE: Final = (
    "This says what patients reported who had the operation. It does not say whether "
    "to operate."
)
OUTCOME_TITLES: Final = {
    SurgicalOutcome.SATISFACTION: "satisfaction after one year",
    SurgicalOutcome.PAIN: "pain after one year, compared with before",
    SurgicalOutcome.STAY: "days in hospital",
}


def title(prediction: OutcomePrediction) -> str:
    """Return what is predicted, for whom."""
    return (
        f"If operated for {prediction.diagnosis}: {OUTCOME_TITLES[prediction.outcome]}"
    )


def estimate_words(estimate: OutcomeEstimate, prediction: OutcomePrediction) -> str:
    """Return a number or a range with its name, rounded as it is written."""
    return f"{estimate.name}: {estimate_value(estimate, prediction)}"


def estimate_value(estimate: OutcomeEstimate, prediction: OutcomePrediction) -> str:
    """Return a number or a range, rounded as it is written."""
    unit = _unit(prediction)
    value, low, high = (
        _written(number, prediction)
        for number in (estimate.value, estimate.low, estimate.high)
    )
    between = None if low is None else f"{low} to {high} {unit}"
    if value is None:
        return between or "not known"
    return f"{value} {unit}" + (f" ({between})" if between else "")


def average_value(estimate: OutcomeEstimate, prediction: OutcomePrediction) -> str:
    """Return the number of the average patient, empty where it is not given."""
    written = _written(estimate.average, prediction)
    return f"{written} {_unit(prediction)}" if written else ""


def _unit(prediction: OutcomePrediction) -> str:
    return "days" if prediction.outcome is SurgicalOutcome.STAY else PERCENT.unit


def _written(number: float | None, prediction: OutcomePrediction) -> str | None:
    if number is None:
        return None
    if prediction.outcome is SurgicalOutcome.STAY:
        return f"{number:.1f}"
    return f"{100 * number:.{PERCENT.digits}f}"


def outcome_notes(prediction: OutcomePrediction) -> list[str]:
    """Return what a reader must know beside the numbers."""
    notes = [NO_ADVICE, prediction.caution, prediction.interval]
    if prediction.missing:
        notes.append(f"Not known: {'; '.join(prediction.missing)}.")
    used = [f"{label} {words}" for label, words in prediction.used]
    if used:
        notes.append(f"From: {'; '.join(used)}.")
    return [note for note in notes if note]
