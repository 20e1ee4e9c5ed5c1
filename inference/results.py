"""What travels between the packages: plain values, stdlib only, units in the names.

Values are frozen and keyword-only. ``None`` means "not known" or "not measurable";
zero never does.
"""

import math
import re
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Self

#: Confidence of the level names below which they are a proposal that must be confirmed.
#: Our choice: at least nine of ten such names should be right.
SURE_OF_LEVELS: Final = 0.9
MAX_LEVEL_SHIFT: Final = 3  # our choice: names that are farther off are another spine


class Vertebra(StrEnum):
    """Lumbar vertebra."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"
    L5 = "L5"


class Level(StrEnum):
    """Disc level, named by the vertebrae above and below it."""

    L1_L2 = "L1/L2"
    L2_L3 = "L2/L3"
    L3_L4 = "L3/L4"
    L4_L5 = "L4/L5"
    L5_S1 = "L5/S1"

    @property
    def upper_vertebra(self) -> Vertebra:
        """The vertebra above the disc."""
        return self.vertebrae[0]

    @property
    def vertebrae(self) -> tuple[Vertebra, ...]:
        """The lumbar vertebrae above and below the disc; the sacrum is none."""
        return tuple(name for name in Vertebra if name in self.value.split("/"))


class Stage(StrEnum):
    """Stages of an analysis of images, in their order."""

    READING = "reading"
    SEGMENTING = "segmenting"
    MEASURING = "measuring"
    SUGGESTING = "suggesting"


class Structure(StrEnum):
    """What the segmentation tells apart, in the order of its labels 1, 2, 3."""

    VERTEBRA = "vertebra"
    DISC = "disc"
    CANAL = "canal"


class Weighting(StrEnum):
    """Contrast of a series; signal is compared and graded on T2 alone."""

    T2 = "T2"
    FAT_SUPPRESSED = "fat-suppressed"
    T1 = "T1"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a chart or an image says that the patient is.

    Attributes:
        identifiers: Every identifier given (medical record numbers, PatientID).
        family: Family name as written, ``None`` when absent.
        given: First given name as written, ``None`` when absent.
        birth_date: Date of birth, ``None`` when absent or partial.
        sex: ``"male"``, ``"female"`` or ``"other"``, ``None`` when absent.

    """

    identifiers: frozenset[str] = field(repr=False)
    family: str | None = field(repr=False)
    given: str | None = field(repr=False)
    birth_date: date | None = field(repr=False)
    sex: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The images that were measured.

    Attributes:
        study_uid: StudyInstanceUID.
        series_uid: SeriesInstanceUID of the one series that was measured.
        acquired_on: Date of the study (DICOM StudyDate), ``None`` when absent.
        description: SeriesDescription, empty when absent.
        slice_count: Number of slices in the volume.
        weighting: Contrast of the series.

    """

    study_uid: str
    series_uid: str
    acquired_on: date | None
    description: str
    slice_count: int
    weighting: Weighting = Weighting.UNKNOWN

    def __post_init__(self) -> None:
        for uid in (self.study_uid, self.series_uid):
            if not re.fullmatch(r"[0-9.]{1,64}", uid):
                raise ValueError(f"not a DICOM UID: {uid!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caliper:
    """Where one value was measured, so that a person can check it.

    Attributes:
        quantity: Name of the measured field, such as ``"disc_height_mm"``.
        start_mm: LPS patient coordinates of one end.
        end_mm: Of the other end. Where the field is a length, the ends lie as far
            apart as it is long.
        uncertainty_mm: Half width of the interval that holds the reference value in
            95 of 100 measurements, ``None`` where that was not estimated.

    """

    quantity: str
    start_mm: tuple[float, float, float]
    end_mm: tuple[float, float, float]
    uncertainty_mm: float | None = None

    def __post_init__(self) -> None:
        if not self.quantity:
            raise ValueError("a caliper measures nothing")
        points = (*self.start_mm, *self.end_mm)
        if not all(math.isfinite(value) for value in points):
            raise ValueError(f"impossible caliper: {points}")


#: Fields that have a direction, so that zero and negative values are possible.
SIGNED = frozenset({"slip_mm", "slip_percent", "wedge_degrees", "lordosis_degrees"})
#: Slip in percent up to which each grade reaches: I, II, III, IV (Meyerding; table in
#: doi:10.1186/s12998-020-0297-0). Beyond is V, ptosis.
MEYERDING_PERCENT = (25.0, 50.0, 75.0, 100.0)
#: Slip that is told from none. Our choice: 95 of 100 slips are measured more exactly
#: than this (SPIDER, six patients never trained on), and 9 of 10 levels of SPIDER that
#: readers graded as without a slip stay below.
MIN_SLIP_PERCENT = 10.0


def _refuse_impossible(
    measurement: "LevelMeasurement | VertebraMeasurement | SpineMeasurement",
) -> None:
    for item in fields(measurement):
        value = getattr(measurement, item.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        lowest = -math.inf if item.name in SIGNED else 0
        if not lowest < value < math.inf:
            raise ValueError(f"impossible {item.name}: {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelMeasurement:
    """Geometry of one disc level on the mid-sagittal plane, ``None`` where unknown.

    Attributes:
        level: Disc level.
        disc_height_mm: Mean distance between the endplates.
        disc_width_mm: Anterior-posterior length of the disc.
        disc_volume_mm3: Volume of the disc inside the imaged slices.
        disc_height_index_ratio: Disc height over the mean height of the two
            neighboring vertebral bodies (over the upper one alone at L5/S1).
        disc_signal_ratio: Mean signal of the disc over that of cerebrospinal fluid.
        canal_diameter_mm: Smallest anterior-posterior diameter of the canal behind
            the disc.
        disc_height_anterior_mm: Height near the anterior end.
        disc_height_middle_mm: Height in the middle.
        disc_height_posterior_mm: Height near the posterior end.
        disc_height_to_width_ratio: Anterior plus posterior height over the width.
        nucleus_signal_ratio: Mean signal of the middle of the disc over that of
            cerebrospinal fluid.
        signal_heterogeneity_ratio: Standard deviation of the disc's signal over its
            mean.
        slip_mm: How far the vertebra above lies in front of the one below, along the
            bisector of their endplates; negative where it lies behind. At L5/S1 the
            lower border of the disc stands for the sacrum, which has no label.
        slip_percent: The same, of the length of the endplate below.
        calipers: Where the lengths were measured.

    """

    level: Level
    disc_height_mm: float | None
    disc_width_mm: float | None
    disc_volume_mm3: float | None
    disc_height_index_ratio: float | None
    disc_signal_ratio: float | None
    canal_diameter_mm: float | None
    disc_height_anterior_mm: float | None = None
    disc_height_middle_mm: float | None = None
    disc_height_posterior_mm: float | None = None
    disc_height_to_width_ratio: float | None = None
    nucleus_signal_ratio: float | None = None
    signal_heterogeneity_ratio: float | None = None
    slip_mm: float | None = None
    slip_percent: float | None = None
    calipers: tuple[Caliper, ...] = ()

    def __post_init__(self) -> None:
        _refuse_impossible(self)

    def without_signal(self) -> Self:
        """Return the lengths alone, for a series whose signal means something else."""
        return replace(
            self,
            disc_signal_ratio=None,
            nucleus_signal_ratio=None,
            signal_heterogeneity_ratio=None,
        )

    @property
    def meyerding_grade(self) -> int | None:
        """Grade of the slip to the front or back: 0 is none, 1 to 5 are I to V."""
        if self.slip_percent is None:
            return None
        slip = abs(self.slip_percent)
        if slip < MIN_SLIP_PERCENT:
            return 0
        return 1 + sum(slip > limit for limit in MEYERDING_PERCENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class VertebraMeasurement:
    """Geometry of one vertebral body on the mid-sagittal plane.

    Attributes:
        vertebra: Which one.
        height_mm: Mean distance between its endplates.
        width_mm: Anterior-posterior length of the body.
        height_anterior_mm: Height near the anterior wall.
        height_middle_mm: Height in the middle.
        height_posterior_mm: Height near the posterior wall.
        wedge_degrees: Angle between its endplates, positive where the front is lower.
        canal_diameter_mm: Anterior-posterior diameter of the canal behind the middle
            of the body.
        is_partial: Whether the edge of the image cuts it.
        calipers: Where the lengths were measured.

    """

    vertebra: Vertebra
    height_mm: float | None
    width_mm: float | None
    height_anterior_mm: float | None = None
    height_middle_mm: float | None = None
    height_posterior_mm: float | None = None
    wedge_degrees: float | None = None
    canal_diameter_mm: float | None = None
    is_partial: bool | None = None
    calipers: tuple[Caliper, ...] = ()

    def __post_init__(self) -> None:
        _refuse_impossible(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineMeasurement:
    """Geometry of the lumbar spine as a whole.

    Attributes:
        lordosis_degrees: Cobb angle between the upper endplates of L1 and S1, lying,
            positive for a lordosis. The sacrum has no label: the lower border of the
            disc L5/S1 stands for its endplate.
        smallest_canal_mm: Smallest diameter of the canal from mid-L1 to L5/S1.
        calipers: Where they were measured.

    """

    lordosis_degrees: float | None = None
    smallest_canal_mm: float | None = None
    calipers: tuple[Caliper, ...] = ()

    def __post_init__(self) -> None:
        _refuse_impossible(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One structure drawn on the mid-sagittal picture.

    Attributes:
        name: ``"L4"``, ``"L4/L5"``, ``"canal"``, or ``""`` where it has no name.
        structure: What it is.
        points_px: Closed polygon as (column, row) pixels of the picture.

    """

    name: str
    structure: Structure
    points_px: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaliperLine:
    """One caliper drawn on the mid-sagittal picture.

    Attributes:
        name: Where it measures: ``"L4"``, ``"L4/L5"``, or ``"spine"``.
        quantity: Name of the measured field.
        start_px: One end as (column, row) pixels of the picture.
        end_px: The other end.

    """

    name: str
    quantity: str
    start_px: tuple[float, float]
    end_px: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The mid-sagittal surface as the page shows it, superior up, anterior left.

    Attributes:
        png: The gray values, resampled to square pixels.
        width_px: Columns of the picture.
        height_px: Rows of the picture.
        pixel_mm: Edge of one pixel.
        outlines: The structures on it.
        calipers: Where the lengths on it were measured.

    """

    png: bytes = field(repr=False)
    width_px: int
    height_px: int
    pixel_mm: float
    outlines: tuple[Outline, ...]
    calipers: tuple[CaliperLine, ...] = ()


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

    What a clinician typed in takes the place of what the chart says.

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

    """

    age_years: int | None
    sex: str | None
    pain_nrs: ClinicalValue | None
    odi_percent: ClinicalValue | None
    bmi_kg_m2: ClinicalValue | None
    egfr_ml_min: ClinicalValue | None
    smoking_status: str | None
    conditions: tuple[ChartCondition, ...]
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


class Option(StrEnum):
    """What the guidelines speak of. Surgery is never suggested: only an opinion is."""

    EMERGENCY_REVIEW = "emergency review"
    URGENT_REVIEW = "urgent clinical review"
    SELF_MANAGEMENT = "self-management education"
    EXERCISE = "exercise therapy"
    PSYCHOLOGICAL_THERAPY = "cognitive and behavioral therapy"
    ORAL_NSAID = "oral non-steroidal anti-inflammatory drug"
    PAIN_SPECIALIST = "referral to a pain specialist"
    SURGICAL_OPINION = "referral for a surgical opinion"
    COMBINED_PROGRAM = "combined physical and psychological program"
    MANUAL_THERAPY = "manual therapy"
    # only ever left out
    OPIOID = "opioid"
    ANTIDEPRESSANT = "antidepressant for pain"
    PASSIVE_THERAPY = "traction, belt, TENS or therapeutic ultrasound"
    ACUPUNCTURE = "acupuncture or dry needling"
    SPINAL_INJECTION = "spinal injection for back pain"
    SPINAL_FUSION = "spinal fusion or disc replacement for back pain"


#: Options that may only be left out; ``Activity`` refuses them.
NEVER_SUGGESTED = frozenset(
    {
        *(Option.OPIOID, Option.ANTIDEPRESSANT, Option.PASSIVE_THERAPY),
        *(Option.ACUPUNCTURE, Option.SPINAL_INJECTION, Option.SPINAL_FUSION),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One suggested step.

    Attributes:
        option: What is suggested.
        reasons: Why, in sentences that name the values.
        guideline: Source, such as ``"NICE NG59, invasive treatments"``.
        strength: How strongly each source says so, in its own words.
        rules: Names of the rules of the table that fired.

    """

    option: Option
    reasons: tuple[str, ...]
    guideline: str
    strength: str = ""
    rules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.option in NEVER_SUGGESTED:
            raise ValueError(f"never suggested: {self.option}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """An option that was considered and left out, with the reason.

    Attributes:
        option: What is left out.
        reason: Why, in sentences that name the values.
        source: Who says so.
        rules: Names of the rules that fired; empty where no rule suggests it.

    """

    option: Option
    reason: str
    source: str = ""
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TherapySuggestion:
    """A suggestion to the clinician, never a decision.

    Attributes:
        red_flags: Sentences; when there is one, ``activities`` holds only the urgent
            route.
        activities: Suggested steps in order.
        exclusions: What was left out, and why.
        unknowns: Facts that the chart does not hold and that could change the answer.
        conflicts: Where the guidelines used disagree with each other.
        rules_version: Version of the rule table.

    """

    red_flags: tuple[str, ...]
    activities: tuple[Activity, ...]
    exclusions: tuple[Exclusion, ...]
    unknowns: tuple[str, ...]
    conflicts: tuple[str, ...]
    rules_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """Which model produced the numbers.

    Attributes:
        name: Name of the model.
        version: Its version.
        sha256: Hash of its file.
        quality: A sentence that says how good it was on patients that it had never
            seen; empty where that was not measured.

    """

    name: str
    version: str
    sha256: str
    quality: str = ""


class SurgicalDiagnosis(StrEnum):
    """What an operation would be for, as the spine registry sorts operations."""

    DISC_HERNIATION = "lumbar disc herniation"
    SPINAL_STENOSIS = "lumbar spinal stenosis"
    SEGMENTAL_PAIN = "segment-related back pain"


class SurgicalOutcome(StrEnum):
    """What is predicted, one year after an operation but for the days in hospital."""

    SATISFACTION = "satisfaction"
    PAIN = "global assessment of pain"
    STAY = "length of stay"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeEstimate:
    """One predicted number: a probability, 0 to 1, or for ``STAY`` days in hospital.

    Attributes:
        name: What it is, such as ``"pain much better"``.
        value: The number, ``None`` where an input of the model is not known.
        low: Lower end of the interval, ``None`` where there is none.
        high: Upper end, likewise.
        average: The same for the average patient of the registry, to compare with.

    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    average: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomePrediction:
    """What patients of a registry reported who had the operation. No advice to operate.

    Attributes:
        diagnosis: What they were operated for.
        outcome: What is predicted.
        estimates: The predicted numbers; empty where an input lies outside of what the
            model was fitted on.
        interval: A sentence that says what ``low`` and ``high`` are.
        used: The known inputs, as label and words.
        sources: References to the resources that they are from.
        missing: Labels of the inputs that are not known; none of them is filled in.
        outside: Sentences on inputs outside of the model's range.
        patients: How many patients the model was fitted on.
        population: Who they were.
        caution: What the guidelines say about this operation, empty where nothing.
        model: The published model.

    """

    diagnosis: SurgicalDiagnosis
    outcome: SurgicalOutcome
    estimates: tuple[OutcomeEstimate, ...]
    interval: str
    used: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    missing: tuple[str, ...]
    outside: tuple[str, ...]
    patients: int
    population: str
    caution: str
    model: ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscGrading:
    """Degeneration of one disc (Pfirrmann 2001, Spine 26:1873).

    Attributes:
        level: Disc level.
        pfirrmann: Grade 1 to 5.
        probabilities: Of grade 1 to 5; they sum to 1.

    """

    level: Level
    pfirrmann: int
    probabilities: tuple[float, float, float, float, float]

    def __post_init__(self) -> None:
        if not 1 <= self.pfirrmann <= len(self.probabilities):
            raise ValueError(f"no Pfirrmann grade: {self.pfirrmann}")


#: Predicted Dice below which an outline is marked as uncertain. Our choice: networks on
#: SPIDER reach about 0.9, and below 0.8 a disc's border is off by over a millimeter.
LOW_DICE: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineConfidence:
    """How well one outline probably fits.

    Attributes:
        name: ``"L4"``, ``"L4/L5"``, or ``"canal L4/L5"`` for the canal behind a disc.
        dice: Predicted Dice coefficient with what a reader would draw, 0 to 1.

    """

    name: str
    dice: float

    def __post_init__(self) -> None:
        if not 0 <= self.dice <= 1:
            raise ValueError(f"impossible Dice of {self.name}: {self.dice}")

    @property
    def is_low(self) -> bool:
        """Whether a person has to check the outline."""
        return self.dice < LOW_DICE


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
        outcomes: What a registry predicts for the case of an operation.
        answers: What a clinician typed in; ``features`` holds it already.
        level_confidence: Probability that the names of the levels are right, 0 to 1;
            ``None`` in reports that lack it.
        level_shift: By how many a person moved all names: with 1 every vertebra has
            the name of the one above the proposed one.
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
    outcomes: tuple[OutcomePrediction, ...] = ()
    answers: tuple[Answer, ...] = ()
    confidences: tuple[OutlineConfidence, ...] = ()
    quality_model: ModelVersion | None = None
    level_confidence: float | None = None
    level_shift: int = 0

    @property
    def needs_level_check(self) -> bool:
        """Whether the names of the levels are a proposal that nobody has settled."""
        confidence = self.level_confidence
        return not self.level_shift and (
            confidence is not None and confidence < SURE_OF_LEVELS
        )
