"""What is judged of a patient's facts and measurements, and nothing that needs images.

The pipeline judges first; a page that changes facts judges again. Guidelines, the
registry's outcomes and the treatment model are three answers, which are never blended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inference.guidelines import suggest
from inference.registry.outcome import predict_outcomes
from inference.results import (
    ClinicalFeatures,
    DiscGrading,
    LevelMeasurement,
    OutcomePrediction,
    TherapySuggestion,
    TreatmentEstimate,
)

if TYPE_CHECKING:  # its engine is loaded where it is asked
    from inference.treatment.model import TreatmentModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The three answers.

    Attributes:
        suggestion: What the guidelines suggest.
        outcomes: What a registry predicts in the case of an operation; nothing beside a
            red flag, which comes before all of it.
        treatment: What patients like this one are given; refused beside a red flag.

    """

    suggestion: TherapySuggestion
    outcomes: tuple[OutcomePrediction, ...]
    treatment: TreatmentEstimate


def judge(
    features: ClinicalFeatures,
    levels: Sequence[LevelMeasurement],
    gradings: Sequence[DiscGrading],
    treatment: "TreatmentModel",
) -> Judgement:
    """Ask the guidelines, the registry's models and the treatment model.

    Raises:
        ModelError: The table of rules or the models are not what they should be.

    """
    suggestion = suggest(features, levels)
    has_red_flag = bool(suggestion.red_flags)
    return Judgement(
        suggestion=suggestion,
        outcomes=() if has_red_flag else predict_outcomes(features),
        treatment=treatment.estimate(
            features, levels, gradings, has_red_flag=has_red_flag
        ),
    )
