"""All results of one case together."""

from dataclasses import dataclass

from inference.results.measured import (
    SURE_OF_LEVELS,
    DiscFindings,
    DiscGrading,
    LevelMeasurement,
    OutlineConfidence,
    SpineMeasurement,
    VertebraMeasurement,
)
from inference.results.origin import ModelVersion, Study
from inference.results.patient import Answer, ClinicalFeatures
from inference.results.picture import Picture
from inference.results.spondylosis import Spondylosis
from inference.results.stenosis import CentralStenosis
from inference.results.therapy import OutcomePrediction, TherapySuggestion
from inference.results.treatment import TreatmentEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReport:
    """All that the page shows and the write-back sends.

    Attributes:
        study: The images that were measured.
        levels: One entry per lumbar disc, L1/L2 first; unmeasured ones hold ``None``.
        vertebrae: One entry per lumbar vertebra, L1 first.
        gradings: One entry per disc that could be graded.
        features: What is known of the patient beside the images.
        suggestion: Suggested therapy.
        picture: The mid-sagittal slice with its outlines.
        warnings: Sentences for the clinician about this analysis.
        model: The segmentation model.
        grading_model: The model that graded the discs.
        spine: What is measured over all levels, ``None`` in reports that lack it.
        stenoses: The central canal of each level where it was measured.
        outcomes: What a registry predicts for the case of an operation.
        treatment: What patients like this one are given, by a model; ``None`` in
            reports that lack it.
        answers: What a clinician typed in; ``features`` holds it already.
        level_confidence: Probability that the names of the levels are right, 0 to 1;
            ``None`` in reports that lack it.
        level_shift: By how many a person moved all names: with 1 every vertebra has
            the name of the one above the proposed one.
        disc_findings: One entry per disc that was assessed; by ``grading_model``.
        spondylosis: How severe it is, ``None`` where nothing is known of it.
        confidences: How well each outline probably fits; what was not found has none.
        quality_model: The model behind them, ``None`` in reports that lack it.

    """

    study: Study
    levels: tuple[LevelMeasurement, ...]
    vertebrae: tuple[VertebraMeasurement, ...]
    gradings: tuple[DiscGrading, ...]
    features: ClinicalFeatures
    suggestion: TherapySuggestion
    picture: Picture
    warnings: tuple[str, ...]
    model: ModelVersion
    grading_model: ModelVersion
    spine: SpineMeasurement | None = None
    stenoses: tuple[CentralStenosis, ...] = ()
    outcomes: tuple[OutcomePrediction, ...] = ()
    treatment: TreatmentEstimate | None = None
    answers: tuple[Answer, ...] = ()
    confidences: tuple[OutlineConfidence, ...] = ()
    quality_model: ModelVersion | None = None
    level_confidence: float | None = None
    level_shift: int = 0
    disc_findings: tuple[DiscFindings, ...] = ()
    spondylosis: Spondylosis | None = None

    @property
    def models(self) -> tuple[ModelVersion, ...]:
        """Every model that took part, once: outlines, grades, doubts, predictions."""
        outcomes = [item.model for item in self.outcomes if item.estimates]
        found = [
            self.model,
            *([self.grading_model] if self.gradings or self.disc_findings else []),
            *([self.quality_model] if self.quality_model else []),
            *outcomes,
            *([self.treatment.model] if self.treatment else []),
        ]
        return tuple(dict.fromkeys(found))

    @property
    def needs_level_check(self) -> bool:
        """Whether the names of the levels are a proposal that nobody has settled."""
        confidence = self.level_confidence
        return not self.level_shift and (
            confidence is not None and confidence < SURE_OF_LEVELS
        )
