"""What travels between the packages: plain values, stdlib only, units in the names.

Values are frozen and keyword-only. ``None`` means "not known" or "not measurable";
zero never does.
"""

from inference.results.anatomy import Level, Structure, Vertebra, Weighting
from inference.results.measured import (
    LOW_DICE,
    MAX_LEVEL_SHIFT,
    MEYERDING_PERCENT,
    MIN_SLIP_PERCENT,
    SIGNED,
    SURE_OF_LEVELS,
    Caliper,
    DiscFindings,
    DiscGrading,
    FindingKind,
    LevelMeasurement,
    OutlineConfidence,
    SpineMeasurement,
    VertebraMeasurement,
)
from inference.results.origin import Identity, ModelVersion, Stage, Study
from inference.results.patient import (
    BACK_PAIN,
    Answer,
    ChartCondition,
    ClinicalFeatures,
    ClinicalValue,
    Entered,
    Flag,
    OutdatedValue,
    Smoking,
    SmokingStatus,
    Treatment,
    TreatmentKind,
)
from inference.results.picture import CaliperLine, Outline, Picture
from inference.results.report import CaseReport
from inference.results.scales import RANGES
from inference.results.stenosis import (
    LEAST_PROBABILITY,
    NOT_ASSESSED,
    CanalClass,
    CentralStenosis,
)
from inference.results.therapy import (
    NEVER_SUGGESTED,
    Activity,
    Exclusion,
    Option,
    OutcomeEstimate,
    OutcomePrediction,
    SurgicalDiagnosis,
    SurgicalOutcome,
    TherapySuggestion,
)
from inference.results.treatment import (
    MissingInput,
    SimilarPatients,
    TreatmentEstimate,
)

__all__ = [
    "BACK_PAIN",
    "LEAST_PROBABILITY",
    "LOW_DICE",
    "MAX_LEVEL_SHIFT",
    "MEYERDING_PERCENT",
    "MIN_SLIP_PERCENT",
    "NEVER_SUGGESTED",
    "NOT_ASSESSED",
    "RANGES",
    "SIGNED",
    "SURE_OF_LEVELS",
    "Activity",
    "Answer",
    "Caliper",
    "CaliperLine",
    "CanalClass",
    "CaseReport",
    "CentralStenosis",
    "ChartCondition",
    "ClinicalFeatures",
    "ClinicalValue",
    "DiscFindings",
    "DiscGrading",
    "Entered",
    "Exclusion",
    "FindingKind",
    "Flag",
    "Identity",
    "Level",
    "LevelMeasurement",
    "MissingInput",
    "ModelVersion",
    "Option",
    "OutcomeEstimate",
    "OutcomePrediction",
    "OutdatedValue",
    "Outline",
    "OutlineConfidence",
    "Picture",
    "SimilarPatients",
    "Smoking",
    "SmokingStatus",
    "SpineMeasurement",
    "Stage",
    "Structure",
    "Study",
    "SurgicalDiagnosis",
    "SurgicalOutcome",
    "TherapySuggestion",
    "Treatment",
    "TreatmentEstimate",
    "TreatmentKind",
    "Vertebra",
    "VertebraMeasurement",
    "Weighting",
]
