"""Predicted outcomes as the page shows them: apart from what is suggested."""

from dataclasses import dataclass
from itertools import groupby

from fhir_mappings.outcome_text import (
    OUTCOME_TITLES,
    average_value,
    estimate_value,
)
from inference.results import CaseReport, OutcomePrediction


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeBlock:
    """One outcome.

    Attributes:
        title: What it is.
        rows: Name, number, and number of the average patient, in words.
        prediction: All that limits the numbers.

    """

    title: str
    rows: tuple[tuple[str, str, str], ...]
    prediction: OutcomePrediction


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeGroup:
    """All outcomes of operations for one diagnosis."""

    diagnosis: str
    caution: str
    blocks: tuple[OutcomeBlock, ...]


def outcome_groups(report: CaseReport) -> tuple[OutcomeGroup, ...]:
    """Return the predicted outcomes, one group per diagnosis."""
    found = groupby(report.outcomes, key=lambda item: (item.diagnosis, item.caution))
    return tuple(
        OutcomeGroup(
            diagnosis=diagnosis.value, caution=caution, blocks=tuple(map(_block, items))
        )
        for (diagnosis, caution), items in found
    )


def _block(prediction: OutcomePrediction) -> OutcomeBlock:
    return OutcomeBlock(
        title=OUTCOME_TITLES[prediction.outcome].capitalize(),
        rows=tuple(
            (
                item.name.capitalize(),
                estimate_value(item, prediction),
                average_value(item, prediction),
            )
            for item in prediction.estimates
        ),
        prediction=prediction,
    )
