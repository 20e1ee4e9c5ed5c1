"""The only place where the stages have an order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset

from inference.dicom import read_volume, study_of
from inference.errors import MIN_AGE_YEARS, UnderageError
from inference.geometry.midsagittal import MidSagittal, mid_sagittal
from inference.grading.crops import level_crops
from inference.grading.model import GradingModel, load_grading_model
from inference.judgement.judge import judge
from inference.levels.naming import NamedSpine, name_levels
from inference.manifest import WEIGHTS
from inference.measurements.measure import measure
from inference.picture import draw_picture
from inference.quality.headers import refuse_other_images
from inference.quality.metal import refuse_metal
from inference.quality.model import QualityModel, load_quality_model
from inference.results import (
    CaseReport,
    ClinicalFeatures,
    LevelMeasurement,
    OutlineConfidence,
    Stage,
    Weighting,
)
from inference.segmentation.model import SegmentationModel, load_segmentation_model
from inference.segmentation.preprocessing import NETWORK_SPACING_MM
from inference.segmentation.segment import segment
from inference.severity.spondylosis import spondylosis
from inference.severity.stenosis import central_stenoses
from inference.treatment.model import TreatmentModel, load_treatment_model
from inference.volume import Geometry, SpineSegmentation, Volume

Progress = Callable[[Stage, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The models that an analysis needs."""

    segmentation: SegmentationModel
    grading: GradingModel
    quality: QualityModel
    treatment: TreatmentModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """All that one series gave: the report, and the arrays that it was made from.

    Attributes:
        source_geometry: The grid of the series as it was read.
        volume: The series as the network saw it: sagittal, with its square pixels.
        segmentation: On the grid of ``volume``.
        plane: The mid-sagittal plane.
        spine: Its named instances.
        report: What is shown and written.

    """

    source_geometry: Geometry
    volume: Volume
    segmentation: SpineSegmentation
    plane: MidSagittal
    spine: NamedSpine
    report: CaseReport


def load_models(threads: int = 0, *, treatment: Path = WEIGHTS) -> Models:
    """Load what is committed.

    Args:
        threads: That the network may use; 0 is one per core.
        treatment: Folder of the treatment model, where a site has its own.

    Raises:
        ModelError: A file is absent or altered.

    """
    segmentation = load_segmentation_model(threads=threads)
    return Models(
        segmentation=segmentation,
        grading=load_grading_model(),
        quality=load_quality_model(segmentation.version),
        treatment=load_treatment_model(treatment),
    )


def run(
    datasets: Sequence[Dataset],
    *,
    features: ClinicalFeatures,
    models: Models,
    progress: Progress,
    level_shift: int = 0,
) -> CaseReport:
    """Return the report of ``analyze`` alone."""
    return analyze(
        datasets,
        features=features,
        models=models,
        progress=progress,
        level_shift=level_shift,
    ).report


def analyze(
    datasets: Sequence[Dataset],
    *,
    features: ClinicalFeatures,
    models: Models,
    progress: Progress,
    level_shift: int = 0,
) -> Analysis:
    """Read, segment, measure, suggest.

    Args:
        datasets: All instances of one sagittal MR series, in any order. Signal and
            grades are given on T2 alone.
        features: What the chart says.
        models: The networks.
        progress: Told each stage and its finished part, 0 to 1.
        level_shift: By how many a person moved all names, as ``name_levels`` has it.

    Raises:
        UnsuitableStudyError: The images or the patient cannot be analyzed.

    """
    if features.age_years is not None and features.age_years < MIN_AGE_YEARS:
        raise UnderageError(f"age {features.age_years} years")
    progress(Stage.READING, 0.0)
    header_warnings = refuse_other_images(datasets)
    study, source = study_of(datasets), read_volume(datasets)
    volume = source.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    progress(Stage.SEGMENTING, 0.0)
    segmentation = segment(
        volume, models.segmentation, lambda part: progress(Stage.SEGMENTING, part)
    )
    progress(Stage.MEASURING, 0.0)
    plane = mid_sagittal(volume, segmentation)
    spine = name_levels(plane, shift=level_shift)
    models.quality.refuse_unlike(plane, spine)
    refuse_metal(volume, plane, spine)
    confidences = models.quality.confidences(plane, spine)
    measured = measure(plane, spine, segmentation)
    levels = measured.levels
    assessed = models.grading.assess(
        level_crops(plane, spine, measured.shapes), measured.shapes, study.weighting
    )
    gradings = assessed.gradings
    if study.weighting is not Weighting.T2:
        levels = tuple(item.without_signal() for item in levels)
    progress(Stage.SUGGESTING, 0.0)
    judgement = judge(features, levels, gradings, models.treatment)
    stenoses = central_stenoses(levels)
    report = CaseReport(
        study=study,
        levels=levels,
        vertebrae=measured.vertebrae,
        gradings=gradings,
        disc_findings=assessed.findings,
        features=features,
        suggestion=judgement.suggestion,
        picture=draw_picture(plane, spine, measured),
        warnings=(
            *header_warnings,
            *weighting_warnings(study.weighting),
            *spine.warnings,
            *canal_warnings(levels),
            *outline_warnings(confidences),
        ),
        model=models.segmentation.version,
        grading_model=models.grading.version,
        spine=measured.spine,
        stenoses=stenoses,
        spondylosis=spondylosis(
            levels,
            gradings=gradings,
            findings=assessed.findings,
            stenoses=stenoses,
        ),
        confidences=confidences,
        quality_model=models.quality.version,
        outcomes=judgement.outcomes,
        treatment=judgement.treatment,
        level_confidence=spine.confidence,
        level_shift=level_shift,
    )
    return Analysis(
        source_geometry=source.geometry,
        volume=volume,
        segmentation=segmentation,
        plane=plane,
        spine=spine,
        report=report,
    )


def weighting_warnings(weighting: Weighting) -> Iterator[str]:
    """Say what a series cannot give that is not plainly T2-weighted."""
    if weighting is not Weighting.T2:
        shown = {
            Weighting.T1: "T1-weighted",
            Weighting.FAT_SUPPRESSED: "fat-suppressed",
            Weighting.UNKNOWN: "of unknown weighting",
        }
        yield (
            f"The series is {shown[weighting]}: disc signal and grades need T2 and are "
            "left out."
        )


def canal_warnings(levels: Sequence[LevelMeasurement]) -> Iterator[str]:
    """Say where a canal was lost behind a disc: silence would look like health."""
    for item in levels:
        if item.disc_height_mm is not None and item.canal_diameter_mm is None:
            yield (
                f"The canal behind {item.level} could not be measured. It may be very "
                "narrow there: look at the images."
            )


def outline_warnings(confidences: Sequence[OutlineConfidence]) -> Iterator[str]:
    """Name the outlines that probably do not fit."""
    names = [item.name for item in confidences if item.is_low]
    if names:
        yield (
            f"Outline uncertain: check {', '.join(names)} on the picture before you "
            "trust its numbers."
        )
