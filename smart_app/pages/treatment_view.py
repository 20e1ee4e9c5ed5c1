"""What patients like this one are given, as the page shows it: apart from the rest."""

from dataclasses import dataclass

from fhir_mappings.treatment_text import (
    NO_ORDER,
    guideline_words,
    headline,
    missing_words,
    origin,
    percent,
    similar_words,
)
from inference.results import CaseReport, Option, TreatmentEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionRow:
    """One option of the model.

    Attributes:
        option: What it is.
        probability: How probable, in words.
        is_in_set: Whether it is in the set at 90 %.
        guidelines: What the guidelines say of it for this patient, empty if nothing.

    """

    option: Option
    probability: str
    is_in_set: bool
    guidelines: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentView:
    """All that the page shows of the treatment model.

    Attributes:
        estimate: The estimate, or why there is none.
        headline: The answer in a sentence.
        origin: What the model learned from, as a sentence.
        no_order: What the answer is not.
        rows: The options, the most probable first.
        similar: What similar patients were given.
        missing: What each missing input could change.

    """

    estimate: TreatmentEstimate
    headline: str
    origin: str
    no_order: str
    rows: tuple[OptionRow, ...]
    similar: tuple[str, ...]
    missing: tuple[str, ...]


def treatment_view(report: CaseReport) -> TreatmentView | None:
    """Return what the page shows, ``None`` for a report that lacks an estimate."""
    estimate = report.treatment
    if estimate is None:
        return None
    return TreatmentView(
        estimate=estimate,
        headline=headline(estimate),
        origin=origin(estimate),
        no_order=NO_ORDER,
        rows=tuple(
            OptionRow(
                option=option,
                probability=percent(probability),
                is_in_set=option in estimate.conformal_set,
                guidelines=guideline_words(option, report.suggestion),
            )
            for option, probability in estimate.probabilities
        ),
        similar=tuple(similar_words(estimate)),
        missing=tuple(missing_words(item, estimate) for item in estimate.missing),
    )
