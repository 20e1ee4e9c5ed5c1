"""The report as JSON, with its schema; what the guidelines need a chart for is not.

The schema is made from the types themselves; ``docs/report.schema.json`` is its
committed copy, which ``python -m inference schema`` prints.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter

from inference.results import (
    NOT_ASSESSED,
    CanalClass,
    CaseReport,
    CentralStenosis,
    DiscFindings,
    DiscGrading,
    Level,
    LevelMeasurement,
    ModelVersion,
    OutlineConfidence,
    SpineMeasurement,
    Spondylosis,
    Study,
    TreatmentEstimate,
    VertebraMeasurement,
)

#: Raised in its first part when a reader of the old one could misread the new one, in
#: its second when something was added.
SCHEMA_VERSION: Final = "1.1"
SCHEMA_ID: Final = f"urn:spoils:report:{SCHEMA_VERSION}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One structure of ``segmentation.dcm``.

    Attributes:
        number: Its segment number there.
        name: ``"L4"``, ``"L4/L5"`` or ``"canal"``.
        snomed: Its SNOMED CT code.
        volume_mm3: Volume of its voxels inside the imaged slices.

    """

    number: int
    name: str
    snomed: str
    volume_mm3: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How the files of a folder came to be.

    Attributes:
        created: When.
        fingerprint: SHA-256 of what the result depends on: the images, the models, the
            options and this program.
        segments: What is in ``segmentation.dcm``.
        files: SHA-256 of each file beside this one, by name.

    """

    created: datetime
    fingerprint: str
    segments: tuple[Segment, ...]
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a study was not analyzed; ``refusal.json`` instead of the other files.

    Attributes:
        schema_version: Version of this format.
        study_uid: StudyInstanceUID as the files say it.
        created: When.
        error: Class of the error, such as ``"SeriesNotFoundError"``.
        message: What was wrong, for the person who looks after the data.
        advice: What to do next, for the person who wanted the report.

    """

    schema_version: str
    study_uid: str
    created: datetime
    error: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralCanal:
    """How narrow the central canal is at one level, by its diameter alone.

    Attributes:
        level: Disc level.
        canal_class: The class, ``null`` where it cannot be told from its neighbor.
        possible: The classes that are not excluded.
        probabilities: Of all classes, in the order of the narrower the later.

    """

    level: Level
    canal_class: CanalClass | None
    possible: tuple[CanalClass, ...]
    probabilities: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoilsReport:
    """What was measured on one study. Research software: not verified.

    Attributes:
        schema_version: Version of this format.
        run: How the files came to be.
        study: The images that were measured.
        levels: One entry per lumbar disc, L1/L2 first; unmeasured ones hold ``null``.
        vertebrae: One entry per lumbar vertebra, L1 first.
        spine: What is measured over all levels.
        central_canal: One entry per level whose canal was measured.
        not_assessed: What these images do not show; it is not normal, but unknown.
        spondylosis: Its severity by our rule, from and to; of each element 0 to 2
            points, which mean nothing where it is not known.
        gradings: One entry per disc that could be graded.
        disc_findings: One entry per disc that was assessed.
        level_confidence: Probability that the names of the levels are right, 0 to 1.
        level_shift: By how many a person moved all names.
        confidences: How well each outline probably fits, what was not found left out.
        warnings: Sentences for the clinician about this analysis.
        model: The segmentation model.
        grading_model: The model that graded the discs.
        quality_model: The model behind the confidences.
        treatment: What patients like this one are given, by a model that says what it
            was trained on; refused where too little of the patient is known.

    """

    schema_version: str
    run: Run
    study: Study
    levels: tuple[LevelMeasurement, ...]
    vertebrae: tuple[VertebraMeasurement, ...]
    spine: SpineMeasurement | None
    central_canal: tuple[CentralCanal, ...]
    not_assessed: tuple[str, ...]
    spondylosis: Spondylosis | None
    gradings: tuple[DiscGrading, ...]
    disc_findings: tuple[DiscFindings, ...]
    level_confidence: float | None
    level_shift: int
    confidences: tuple[OutlineConfidence, ...]
    warnings: tuple[str, ...]
    model: ModelVersion
    grading_model: ModelVersion
    quality_model: ModelVersion | None
    treatment: TreatmentEstimate | None


_REPORT: Final = TypeAdapter(SpoilsReport)
_RUN: Final = TypeAdapter(Run)
_REFUSAL: Final = TypeAdapter(Refusal)


def report_json(report: CaseReport, run: Run) -> str:
    """Return a report as JSON; numbers are not rounded."""
    document = SpoilsReport(
        schema_version=SCHEMA_VERSION,
        run=run,
        study=report.study,
        levels=report.levels,
        vertebrae=report.vertebrae,
        spine=report.spine,
        central_canal=tuple(map(_central_canal, report.stenoses)),
        not_assessed=NOT_ASSESSED,
        spondylosis=report.spondylosis,
        gradings=report.gradings,
        disc_findings=report.disc_findings,
        level_confidence=report.level_confidence,
        level_shift=report.level_shift,
        confidences=report.confidences,
        warnings=report.warnings,
        model=report.model,
        grading_model=report.grading_model,
        quality_model=report.quality_model,
        treatment=report.treatment,
    )
    return _REPORT.dump_json(document, indent=2).decode() + "\n"


def _central_canal(item: CentralStenosis) -> CentralCanal:
    return CentralCanal(
        level=item.level,
        canal_class=item.canal_class,
        possible=item.possible,
        probabilities=item.probabilities,
    )


def read_run(text: str) -> Run:
    """Return how the files beside a report came to be.

    Raises:
        ValueError: It is no report of this version.

    """
    document = json.loads(text)
    if (
        not isinstance(document, dict)
        or document.get("schema_version") != SCHEMA_VERSION
    ):
        raise ValueError(f"no report of version {SCHEMA_VERSION}")
    return _RUN.validate_python(document.get("run"))


def refusal_json(refusal: Refusal) -> str:
    """Return a refusal as JSON."""
    return _REFUSAL.dump_json(refusal, indent=2).decode() + "\n"


def schema_json() -> str:
    """Return the JSON Schema of a report, and of a refusal below its ``$defs``."""
    schema = _REPORT.json_schema(mode="serialization")
    refusal = _REFUSAL.json_schema(mode="serialization")
    schema["$defs"] |= refusal.pop("$defs", {}) | {"Refusal": refusal}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    return json.dumps(head | schema, indent=2) + "\n"
