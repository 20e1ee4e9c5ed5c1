"""``inference`` as a job sees it. Worker only: this imports models and arrays."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from pydicom import Dataset

from inference import dicom, pipeline
from inference.results import CaseReport, ClinicalFeatures, Identity, Stage


class LumbarAnalysis:
    """The real analysis, with its models in memory."""

    def __init__(self) -> None:
        self._models = pipeline.load_models()

    def select_series(self, first_instances: Mapping[str, Dataset]) -> str:
        """Return the UID of the best sagittal series."""
        return dicom.select_series(first_instances)

    def identity_of(self, dataset: Dataset) -> Identity:
        """Return who the images say that the patient is."""
        return dicom.identity_of(dataset)

    def run(
        self,
        datasets: Sequence[Dataset],
        *,
        features: ClinicalFeatures,
        progress: Callable[[Stage, float], None],
        level_shift: int,
    ) -> CaseReport:
        """Analyze a series."""
        return pipeline.run(
            datasets,
            features=features,
            models=self._models,
            progress=progress,
            level_shift=level_shift,
        )


@cache
def load_analysis() -> LumbarAnalysis:
    """Load the models once per process.

    Raises:
        ModelError: The model files are absent, altered or of another version.

    """
    return LumbarAnalysis()
