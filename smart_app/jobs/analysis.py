"""``inference`` as a job sees it. Worker only: this imports models and arrays."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from pydicom import Dataset

from inference import dicom, pipeline
from inference.errors import UnsuitableStudyError
from inference.levels.named_voxels import name_voxels
from inference.outputs.kept_masks import pack_masks
from inference.outputs.source import source_series
from inference.results import CaseReport, ClinicalFeatures, Identity, Stage


class LumbarAnalysis:
    """The real analysis, with its models in memory."""

    def __init__(self, treatment_model: Path) -> None:
        self._models = pipeline.load_models(treatment=treatment_model)

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
        with_masks: bool,
    ) -> tuple[CaseReport, bytes | None]:
        """Analyze a series."""
        analysis = pipeline.analyze(
            datasets,
            features=features,
            models=self._models,
            progress=progress,
            level_shift=level_shift,
        )
        masks = _masks(analysis, datasets) if with_masks else None
        return analysis.report, masks


def _masks(analysis: pipeline.Analysis, datasets: Sequence[Dataset]) -> bytes | None:
    """Pack the masks, ``None`` where no segmentation object can stand on the images."""
    try:
        source = source_series(datasets)
    except UnsuitableStudyError:
        return None
    voxels = name_voxels(
        analysis.segmentation, analysis.plane, analysis.spine, analysis.source_geometry
    )
    return pack_masks(voxels, source)


@cache
def load_analysis(treatment_model: Path) -> LumbarAnalysis:
    """Load the models once per process.

    Args:
        treatment_model: Folder of the treatment model.

    Raises:
        ModelError: The model files are absent, altered or of another version.

    """
    return LumbarAnalysis(treatment_model)
