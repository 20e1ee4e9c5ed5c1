"""What is known of the patient beside the images, and from where."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Who typed something in on the page, and when.

    Attributes:
        by: Reference to the practitioner.
        name: Their name, ``None`` where it is not known.
        at: When, with timezone.

    """

    by: str
    name: str | None = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalValue:
    """One number about the patient with its origin.

    Attributes:
        value: The number, in the unit that the name of its field gives.
        recorded_on: When it was observed, ``None`` when the chart does not say.
        source: Reference to the resource, such as ``"Observation/12"``; empty where a
            clinician typed it in.
        method: How it was derived from its source, empty where it was read as it is.
        entered: Who typed it in, ``None`` where it is from the chart.

    """

    value: float
    recorded_on: date | None
    source: str
    method: str = ""
    entered: Entered | None = None


class Flag(StrEnum):
    """A yes or no about the patient that changes what may be suggested."""

    LOW_BACK_PAIN = "low back pain"
    CHRONIC_LOW_BACK_PAIN = "chronic low back pain"
    RADICULOPATHY = "lumbar radiculopathy or sciatica"
    DISC_HERNIATION = "herniation of a disc"
    SPINAL_STENOSIS = "lumbar spinal stenosis"
    CLAUDICATION = "neurogenic claudication"
    SPINE_SURGERY = "previous spine surgery"
    # red flags
    CAUDA_EQUINA = "cauda equina syndrome"
    CAUDA_EQUINA_SYMPTOMS = "saddle numbness, or new bladder or bowel disturbance"
    MOTOR_DEFICIT = "new or worsening weakness of a leg"
    MALIGNANCY = "malignant neoplastic disease"
    UNEXPLAINED_WEIGHT_LOSS = "unexplained weight loss"
    NIGHT_PAIN = "pain at night or lying down that does not let up"
    SPINAL_INFECTION = "fever, or a suspected infection of the spine"
    RECENT_TRAUMA = "recent major trauma, or a minor one with fragile bones"
    # what limits a treatment
    OSTEOPOROSIS = "osteoporosis"
    KIDNEY_DISEASE = "chronic kidney disease, stage 3 or worse"
    HEART_FAILURE = "heart failure"
    PEPTIC_ULCER = "peptic ulcer or gastrointestinal bleeding"
    ANTICOAGULANT = "anticoagulant"
    PREGNANCY = "pregnancy"
    PACEMAKER = "cardiac pacemaker"
    # what outcomes depend on
    COMORBIDITY = "another illness that limits function"
    UNEMPLOYED = "unemployed"
    DISABILITY_PENSION = "disability pension"
    RETIREMENT_PENSION = "retirement pension"
    HIGHER_EDUCATION = "college or university"
    CONSERVATIVE_CARE_FAILED = "conservative care without lasting effect"
    WISHES_SURGICAL_OPINION = "patient wishes a surgical opinion"


BACK_PAIN: Final = frozenset({Flag.LOW_BACK_PAIN, Flag.CHRONIC_LOW_BACK_PAIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartCondition:
    """One flag that is true of the patient now, and where that is from.

    Attributes:
        flag: What it means for the suggestion.
        label: The words of the chart.
        source: Reference to the resource, such as ``"Condition/3"``, a ``Procedure`` or
            a prescription as well; empty where a clinician typed it in.
        duration_weeks: Whole weeks since its onset, ``None`` when that is not recorded.
        recorded_on: When it was recorded, ``None`` when the chart does not say.
        entered: Who typed it in, ``None`` where it is from the chart.

    """

    flag: Flag
    label: str
    source: str
    duration_weeks: int | None = None
    recorded_on: date | None = None
    entered: Entered | None = None


class Smoking(StrEnum):
    """Tobacco smoking."""

    NEVER = "never smoked"
    FORMER = "former smoker"
    CURRENT = "current smoker"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokingStatus:
    """What is known of tobacco.

    Attributes:
        status: What it means.
        source: Reference to the resource; empty where a clinician typed it in.
        recorded_on: When it was asked, ``None`` when the chart does not say.
        entered: Who typed it in, ``None`` where it is from the chart.

    """

    status: Smoking
    source: str
    recorded_on: date | None = None
    entered: Entered | None = None


class TreatmentKind(StrEnum):
    """A kind of treatment of low back pain that may have been tried."""

    EXERCISE = "exercise or physical therapy"
    PSYCHOLOGICAL_THERAPY = "psychological therapy"
    EDUCATION = "patient education"
    NSAID = "non-steroidal anti-inflammatory drug"
    OPIOID = "opioid"
    SPINAL_INJECTION = "spinal injection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """One treatment that was tried, or only ordered.

    Attributes:
        kind: What it is.
        label: The words of the chart.
        source: Reference to the resource, such as ``"Procedure/3"``; empty where a
            clinician typed it in.
        started_on: First day, ``None`` when the chart does not say.
        weeks: Whole weeks that it surely lasted, ``None`` when that is not known.
        was_given: False where it was only ordered or prescribed: nobody knows whether
            the patient took it.
        entered: Who typed it in, ``None`` where it is from the chart.

    """

    kind: TreatmentKind
    label: str
    source: str
    started_on: date | None = None
    weeks: int | None = None
    was_given: bool = True
    entered: Entered | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a clinician typed in on the page.

    Attributes:
        question: Name of the question.
        value: A number, a yes or no, or one of the words offered.
        entered: Who typed it in, and when.

    """

    question: str
    value: float | bool | str
    entered: Entered


@dataclass(frozen=True, slots=True, kw_only=True)
class OutdatedValue:
    """A value of the chart that is too old for the rules: shown, never used.

    Attributes:
        field: Name of the field of ``ClinicalFeatures`` that it would have filled.
        value: The value.
        limit_days: How old it may be to be used.

    """

    field: str
    value: ClinicalValue
    limit_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalFeatures:
    """What is known of the patient beside the images; ``None`` is "not recorded".

    What a clinician typed in takes the place of what the chart says. Without arguments
    nothing is known.

    Attributes:
        age_years: Age on the day of the analysis.
        sex: ``"male"``, ``"female"`` or ``"other"``.
        pain_nrs: Pain of no stated place, numeric rating 0 to 10.
        odi_percent: Oswestry disability index, 0 to 100.
        bmi_kg_m2: Body mass index, read or from height and weight.
        egfr_ml_min: Estimated glomerular filtration rate per 1.73 m2.
        smoking_status: The words of the newest tobacco observation.
        conditions: Flags that are true, each with its source.
        unreadable: Resources or values that the server sent and nobody could read.
        is_complete: False when the server sent only a part of the chart.
        back_pain_nrs: Pain of the back, numeric rating 0 to 10.
        leg_pain_nrs: Pain of the legs, numeric rating 0 to 10.
        height_cm: Body height.
        eq5d_index: EQ-5D index, 1 for full health; below 0 is worse than death.
        start_back_score: STarT Back total score, 0 to 9.
        back_pain_weeks: Weeks since the back pain began.
        leg_pain_weeks: Weeks since radiating or claudicating leg symptoms began.
        walking_distance_m: How far the patient can walk.
        smoking: What the newest tobacco observation with a known meaning means.
        treatments: Treatments tried or ordered, newest first.
        untried: Treatments that a clinician says were not tried.
        ruled_out: Flags that a clinician says are not true of the patient.
        outdated: Values that are too old to be used, newest first.
        unread_types: Types of resources that the server did not let be read, such as
            ``"Procedure"``: what they would say is unknown.
        partial_types: Types of which the server sent only a part.

    """

    age_years: int | None = None
    sex: str | None = None
    pain_nrs: ClinicalValue | None = None
    odi_percent: ClinicalValue | None = None
    bmi_kg_m2: ClinicalValue | None = None
    egfr_ml_min: ClinicalValue | None = None
    smoking_status: str | None = None
    conditions: tuple[ChartCondition, ...] = ()
    unreadable: int = 0
    is_complete: bool = True
    back_pain_nrs: ClinicalValue | None = None
    leg_pain_nrs: ClinicalValue | None = None
    height_cm: ClinicalValue | None = None
    eq5d_index: ClinicalValue | None = None
    start_back_score: ClinicalValue | None = None
    back_pain_weeks: ClinicalValue | None = None
    leg_pain_weeks: ClinicalValue | None = None
    walking_distance_m: ClinicalValue | None = None
    smoking: SmokingStatus | None = None
    treatments: tuple[Treatment, ...] = ()
    untried: tuple[TreatmentKind, ...] = ()
    ruled_out: tuple[Flag, ...] = ()
    outdated: tuple[OutdatedValue, ...] = ()
    unread_types: tuple[str, ...] = ()
    partial_types: tuple[str, ...] = ()

    def has(self, flag: Flag) -> bool | None:
        """Tell whether a flag is true, ``None`` where nobody said anything about it."""
        if any(item.flag is flag for item in self.conditions):
            return True
        return False if flag in self.ruled_out else None

    def weeks_tried(self, kind: TreatmentKind) -> int | None:
        """Return how long a treatment was given, ``None`` where that is not known.

        Of several the longest counts, or the time from the first to the last: ten
        sessions of an hour in ten weeks are ten weeks.
        """
        if kind in self.untried:
            return 0
        given = [t for t in self.treatments if t.kind is kind and t.was_given]
        starts = [item.started_on for item in given if item.started_on]
        spans = [(max(starts) - min(starts)).days // 7] if len(starts) > 1 else []
        return max(
            spans + [t.weeks for t in given if t.weeks is not None], default=None
        )
