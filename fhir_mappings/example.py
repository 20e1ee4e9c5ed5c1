"""An example of everything that a signature writes, of a patient who does not exist."""

from datetime import UTC, date, datetime
from typing import Final

from fhir_mappings.bundle import full_url, report_resources
from fhir_mappings.datatypes import Resource
from fhir_mappings.write_context import WriteContext
from inference.guidelines import suggest
from inference.results import (
    CaseReport,
    ChartCondition,
    ClinicalFeatures,
    ClinicalValue,
    DiscFindings,
    DiscGrading,
    Flag,
    Level,
    LevelMeasurement,
    ModelVersion,
    Picture,
    Study,
)

_CONTEXT: Final = WriteContext(
    patient="Patient/example",
    imaging_study="ImagingStudy/example",
    encounter=None,
    signer="Practitioner/example",
    signer_display="Example Practitioner",
    signed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    issuer="https://ehr.example/fhir",
    application_url="https://spoils.example",
    software_version="example",
)
_FEATURES: Final = ClinicalFeatures(
    age_years=50,
    odi_percent=ClinicalValue(value=44, recorded_on=None, source="Observation/odi"),
    conditions=(
        ChartCondition(
            flag=Flag.LOW_BACK_PAIN, label="Low back pain", source="Condition/pain"
        ),
    ),
)
_LEVEL: Final = LevelMeasurement(
    level=Level.L4_L5,
    disc_height_mm=7.3,
    disc_width_mm=33.0,
    disc_volume_mm3=None,
    disc_height_index_ratio=0.26,
    disc_signal_ratio=0.5,
    canal_diameter_mm=13.0,
)
_GRADING: Final = DiscGrading(
    level=Level.L4_L5, pfirrmann=4, probabilities=(0.0, 0.0, 0.25, 0.75, 0.0)
)
_FINDINGS: Final = DiscFindings(level=Level.L4_L5, narrowing=0.9, modic_change=0.1)


def example() -> Resource:
    """Return a Bundle of invented numbers, whose report and plan say so."""
    report = CaseReport(
        study=Study(
            study_uid="2.25.1",
            series_uid="2.25.2",
            acquired_on=date(2026, 1, 1),
            description="",
            slice_count=15,
        ),
        levels=(_LEVEL,),
        vertebrae=(),
        gradings=(_GRADING,),
        disc_findings=(_FINDINGS,),
        features=_FEATURES,
        suggestion=suggest(_FEATURES, (_LEVEL,)),
        picture=Picture(png=b"", width_px=1, height_px=1, pixel_mm=1.0, outlines=()),
        warnings=("Invented example: there is no such patient.",),
        model=_model("example-segmentation"),
        grading_model=_model("example-grading"),
    )
    entries = [
        {"fullUrl": full_url(resource), "resource": resource}
        for resource in report_resources(report, _CONTEXT)
    ]
    return {
        "resourceType": "Bundle",
        "id": "example",
        "type": "collection",
        "entry": entries,
    }


def _model(name: str) -> ModelVersion:
    return ModelVersion(name=name, version="0", sha256="0" * 64)
