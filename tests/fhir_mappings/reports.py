"""Reports with numbers that are easy to follow, and the context to write them in."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final

from fhir_mappings.datatypes import Resource
from fhir_mappings.write_context import WriteContext
from inference.judgement.questions import (
    QUESTIONS,
    FlagQuestion,
    Question,
    SmokingQuestion,
)
from inference.results import (
    Activity,
    Answer,
    CaseReport,
    ChartCondition,
    ClinicalFeatures,
    ClinicalValue,
    DiscGrading,
    Entered,
    Exclusion,
    Flag,
    Level,
    LevelMeasurement,
    MissingInput,
    ModelVersion,
    Option,
    OutcomeEstimate,
    OutcomePrediction,
    Picture,
    SimilarPatients,
    Smoking,
    Study,
    SurgicalDiagnosis,
    SurgicalOutcome,
    TherapySuggestion,
    TreatmentEstimate,
    Vertebra,
    VertebraMeasurement,
)
from inference.severity.spondylosis import spondylosis
from inference.severity.stenosis import central_stenoses

#: Not UTC on purpose: a mapping that drops the offset must fail.
SIGNED_AT: Final = datetime(2026, 3, 31, 23, 30, tzinfo=timezone(timedelta(hours=5.5)))

CONTEXT: Final = WriteContext(
    patient="Patient/1",
    imaging_study="ImagingStudy/12",
    encounter="Encounter/5",
    signer="Practitioner/3",
    signer_display="Dr. Ana <Ruiz> & Co",
    signed_at=SIGNED_AT,
    issuer="https://ehr.example/fhir",
    application_url="https://spoils.example",
    software_version="0.1.0",
)


def of_type(resources: Iterable[Resource], kind: str) -> list[Resource]:
    """Return the resources of one type."""
    return [resource for resource in resources if resource["resourceType"] == kind]


def level(name: Level, **known: float) -> LevelMeasurement:
    """Return a level of which only the given values are known."""
    unknown: dict[str, Any] = dict.fromkeys(
        (
            *("disc_height_mm", "disc_width_mm", "disc_volume_mm3"),
            *("disc_height_index_ratio", "disc_signal_ratio", "canal_diameter_mm"),
        )
    )
    return LevelMeasurement(level=name, **(unknown | known))


LEVELS: Final = (
    level(Level.L1_L2),
    level(Level.L2_L3, disc_height_mm=9.96),
    level(Level.L3_L4, canal_diameter_mm=14.25),
    level(
        Level.L4_L5,
        disc_height_mm=7.349,
        disc_width_mm=33.0,
        disc_volume_mm3=12344.9,
        disc_height_index_ratio=0.2649,
        disc_signal_ratio=0.5,
        canal_diameter_mm=9.04,
    ),
    level(Level.L5_S1, disc_signal_ratio=0.199),
)
VERTEBRAE: Final = (
    VertebraMeasurement(vertebra=Vertebra.L4, height_mm=27.44, width_mm=35.06),
    VertebraMeasurement(vertebra=Vertebra.L5, height_mm=None, width_mm=None),
)
GRADINGS: Final = (
    DiscGrading(
        level=Level.L4_L5, pfirrmann=4, probabilities=(0.0, 0.01, 0.2, 0.7149, 0.0751)
    ),
    DiscGrading(
        level=Level.L5_S1, pfirrmann=5, probabilities=(0.0, 0.0, 0.0, 0.0963, 0.9037)
    ),
)
FEATURES: Final = ClinicalFeatures(
    age_years=64,
    sex="female",
    pain_nrs=ClinicalValue(value=7, recorded_on=None, source="Observation/21"),
    odi_percent=ClinicalValue(value=44, recorded_on=None, source="Observation/22"),
    bmi_kg_m2=None,
    egfr_ml_min=ClinicalValue(value=48, recorded_on=None, source="Observation/23"),
    smoking_status=None,
    conditions=(
        ChartCondition(
            flag=Flag.RADICULOPATHY, label="Sciatica", source="Condition/31"
        ),
        ChartCondition(
            flag=Flag.KIDNEY_DISEASE, label="CKD stage 3", source="Condition/32"
        ),
    ),
    unreadable=2,
    is_complete=False,
)
SUGGESTION: Final = TherapySuggestion(
    red_flags=(),
    activities=(
        Activity(
            option=Option.SELF_MANAGEMENT,
            reasons=("Advised at every step.",),
            guideline="NICE NG59 1.2.1",
        ),
        Activity(
            option=Option.EXERCISE,
            reasons=("Pain is 7 of 10.", "Disability is 44 % (> 40 %)."),
            guideline="NICE NG59 1.2.2",
            strength="NICE NG59: consider",
            rules=("exercise",),
        ),
    ),
    exclusions=(
        Exclusion(
            option=Option.ORAL_NSAID,
            reason="eGFR is 48 mL/min, below 60.",
            source="NHSGGC, renal impairment",
            rules=("nsaid-kidney",),
        ),
    ),
    unknowns=("Duration of the symptoms is not recorded.",),
    conflicts=("NICE and ACP disagree on duloxetine.",),
    rules_version="1",
)
URGENT: Final = TherapySuggestion(
    red_flags=("Cauda equina syndrome is on the problem list.",),
    activities=(
        Activity(
            option=Option.EMERGENCY_REVIEW,
            reasons=("Cauda equina syndrome.",),
            guideline="AHCPR red flags",
        ),
    ),
    exclusions=(),
    unknowns=(),
    conflicts=(),
    rules_version="1",
)
REGISTRY: Final = ModelVersion(name="registry", version="1.0.0", sha256="ef" * 32)


def outcome(
    kind: SurgicalOutcome,
    *estimates: OutcomeEstimate,
    **more: Any,  # noqa: ANN401
) -> OutcomePrediction:
    """Return a prediction for a stenosis, with what is usual unless said otherwise."""
    usual: dict[str, Any] = {
        "interval": "No standard errors were published.",
        "used": (("Oswestry disability index", "44 %"),),
        "sources": ("Observation/22",),
        "missing": (),
        "outside": (),
        "caution": "",
    }
    return OutcomePrediction(
        diagnosis=SurgicalDiagnosis.SPINAL_STENOSIS,
        outcome=kind,
        estimates=estimates,
        patients=17645,
        population="patients who were operated for lumbar spinal stenosis",
        model=REGISTRY,
        **(usual | more),
    )


def estimate(
    name: str,
    value: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> OutcomeEstimate:
    """Return one number, beside an average of 50 %."""
    return OutcomeEstimate(name=name, value=value, low=low, high=high, average=0.5)


OUTCOMES: Final = (
    outcome(SurgicalOutcome.SATISFACTION, estimate("satisfied", 0.7249)),
    outcome(
        SurgicalOutcome.PAIN,
        estimate("pain gone", low=0.2149, high=0.355),
        estimate("pain worse", low=0.0, high=0.051),
        interval="The range is over everything that the missing inputs could be.",
        missing=("back pain, 0 to 10", "unemployed"),
    ),
    outcome(
        SurgicalOutcome.STAY,
        estimate("days in hospital", 2.149, 0.0, 12.04),
        interval="95 % prediction interval for one patient.",
        used=(),
        sources=(),
    ),
)
TREATMENT: Final = TreatmentEstimate(
    trained_on="trained on a synthetic cohort",
    probabilities=(
        (Option.EXERCISE, 0.525),
        (Option.SURGICAL_OPINION, 0.304),
        (Option.COMBINED_PROGRAM, 0.121),
        (Option.PAIN_SPECIALIST, 0.05),
    ),
    conformal_set=(Option.EXERCISE, Option.SURGICAL_OPINION),
    reasons=("leg pain outweighs back pain: lowers exercise therapy",),
    nearest_change="With leg pain 8 of 10 another option would be the most probable.",
    similar=SimilarPatients(count=50, given=((Option.EXERCISE, 0.6),)),
    used=(("Oswestry disability index", "44 %"),),
    missing=(
        MissingInput(
            label="leg pain",
            low=0.31,
            high=0.6,
            could_become=(Option.SURGICAL_OPINION,),
        ),
    ),
    sources=("Observation/22",),
    model=ModelVersion(name="treatment-trees", version="0.2.0", sha256="0a" * 32),
)
STENOSES: Final = central_stenoses(LEVELS)
REPORT: Final = CaseReport(
    study=Study(
        study_uid="1.2.3",
        series_uid="1.2.3.4",
        acquired_on=date(2026, 2, 28),
        description="T2 sag",
        slice_count=15,
    ),
    levels=LEVELS,
    vertebrae=VERTEBRAE,
    gradings=GRADINGS,
    features=FEATURES,
    suggestion=SUGGESTION,
    picture=Picture(png=b"", width_px=1, height_px=1, pixel_mm=1.0, outlines=()),
    warnings=("The lowest disc may be transitional.",),
    model=ModelVersion(name="deeplab-lumbar", version="1.0", sha256="ab" * 32),
    grading_model=ModelVersion(name="pfirrmann-trees", version="1.1", sha256="cd" * 32),
    outcomes=OUTCOMES,
    treatment=TREATMENT,
    stenoses=STENOSES,
    spondylosis=spondylosis(LEVELS, gradings=GRADINGS, stenoses=STENOSES),
)
ENTERED: Final = Entered(
    by="Practitioner/3",
    name="Dr. Ana <Ruiz> & Co",
    at=datetime(2026, 3, 31, 23, 5, tzinfo=timezone(timedelta(hours=5.5))),
)


def answered(question: Question) -> Answer:
    """Return an answer that is easy to follow: 8, yes to every second, former."""
    value: float | bool | str = 8.0
    if isinstance(question, FlagQuestion):
        value = list(Flag).index(question.flag) % 2 == 0
    elif question.name == "eq5d_index":
        value = -0.125
    elif isinstance(question, SmokingQuestion):
        value = Smoking.FORMER.value
    return Answer(question=question.name, value=value, entered=ENTERED)


#: One answer to every question.
ANSWERS: Final = tuple(answered(question) for question in QUESTIONS.values())
