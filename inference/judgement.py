"""What is judged of a patient's facts and measurements, and nothing that needs images.

The pipeline judges first; a page that changes facts judges again. Guidelines and the
registry's outcomes are two answers, which are never blended.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inference.guidelines import suggest
from inference.outcome import predict_outcomes
from inference.results import (
    ClinicalFeatures,
    LevelMeasurement,
    OutcomePrediction,
    TherapySuggestion,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The two answers.

    Attributes:
        suggestion: What the guidelines suggest.
        outcomes: What a registry predicts in the case of an operation; nothing beside a
            red flag, which comes before all of it.

    """

    suggestion: TherapySuggestion
    outcomes: tuple[OutcomePrediction, ...]


def judge(features: ClinicalFeatures, levels: Sequence[LevelMeasurement]) -> Judgement:
    """Apply the guidelines and the registry's models to one patient.

    Raises:
        ModelError: The table of rules or the models are not what they should be.

    """
    suggestion = suggest(features, levels)
    return Judgement(
        suggestion=suggestion,
        outcomes=() if suggestion.red_flags else predict_outcomes(features),
    )
