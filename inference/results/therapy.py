"""What is suggested, left out, and predicted in the case of an operation."""

from dataclasses import dataclass
from enum import StrEnum

from inference.results.origin import ModelVersion


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
