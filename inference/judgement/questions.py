"""What a clinician can type in where the chart is silent, and what it changes.

Pure. The questions are few enough to be answered in 90 seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from inference.results import (
    BACK_PAIN,
    RANGES,
    Answer,
    ChartCondition,
    ClinicalFeatures,
    ClinicalValue,
    Flag,
    Smoking,
    SmokingStatus,
    Treatment,
    TreatmentKind,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberQuestion:
    """A number that fills a field of ``ClinicalFeatures``.

    Attributes:
        name: Name of the field.
        text: The question.
        unit: Its unit as people write it, empty for a score.
        digits: Decimals of an answer.

    """

    name: str
    text: str
    unit: str
    digits: int = 0

    @property
    def lowest(self) -> float:
        """Smallest answer."""
        return RANGES[self.name][0]

    @property
    def highest(self) -> float:
        """Largest answer."""
        return RANGES[self.name][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentQuestion:
    """For how many weeks a treatment was tried; 0 for not at all."""

    kind: TreatmentKind
    unit: str = "weeks"
    lowest: float = 0
    highest: float = 520  # our choice: ten years
    digits: int = 0

    @property
    def name(self) -> str:
        """The name of the question, such as ``"tried_exercise"``."""
        return f"tried_{self.kind.name.lower()}"

    @property
    def text(self) -> str:
        """The question."""
        return f"{self.kind.value.capitalize()}, tried for"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagQuestion:
    """A yes or no."""

    flag: Flag

    @property
    def name(self) -> str:
        """The name of the question, such as ``"is_night_pain"``."""
        return f"is_{self.flag.name.lower()}"

    @property
    def text(self) -> str:
        """The question."""
        return self.flag.value.capitalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokingQuestion:
    """One of the values of ``Smoking``."""

    name: str = "smoking"
    text: str = "Tobacco"


Question = NumberQuestion | TreatmentQuestion | FlagQuestion | SmokingQuestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Questions that belong together."""

    title: str
    questions: tuple[Question, ...]


def _flags(*flags: Flag) -> tuple[FlagQuestion, ...]:
    return tuple(FlagQuestion(flag=flag) for flag in flags)


def _nrs(name: str, text: str) -> NumberQuestion:
    return NumberQuestion(name=name, text=text, unit="of 10")


def _weeks(name: str, text: str) -> NumberQuestion:
    return NumberQuestion(name=name, text=text, unit="weeks")


GROUPS: Final = (
    Group(
        title="Pain and function",
        questions=(
            _nrs("back_pain_nrs", "Back pain now"),
            _nrs("leg_pain_nrs", "Leg pain now"),
            NumberQuestion(
                name="odi_percent",
                text="Oswestry disability index",
                unit="%",
            ),
            _weeks("back_pain_weeks", "Back pain for"),
            _weeks("leg_pain_weeks", "Leg symptoms for"),
            NumberQuestion(
                name="walking_distance_m",
                text="Can walk",
                unit="m",
            ),
        ),
    ),
    Group(
        title="Red flags, as the patient and your examination tell",
        questions=_flags(
            *(Flag.CAUDA_EQUINA_SYMPTOMS, Flag.MOTOR_DEFICIT, Flag.SPINAL_INFECTION),
            *(Flag.RECENT_TRAUMA, Flag.NIGHT_PAIN, Flag.UNEXPLAINED_WEIGHT_LOSS),
            Flag.MALIGNANCY,
        ),
    ),
    Group(
        title="Leg symptoms and what was tried",
        questions=(
            *_flags(Flag.RADICULOPATHY, Flag.DISC_HERNIATION, Flag.CLAUDICATION),
            *_flags(Flag.SPINAL_STENOSIS, Flag.SPINE_SURGERY),
            TreatmentQuestion(kind=TreatmentKind.EXERCISE),
            TreatmentQuestion(kind=TreatmentKind.NSAID),
            TreatmentQuestion(kind=TreatmentKind.PSYCHOLOGICAL_THERAPY),
            *_flags(Flag.CONSERVATIVE_CARE_FAILED, Flag.WISHES_SURGICAL_OPINION),
        ),
    ),
    Group(
        title="What limits a treatment",
        questions=_flags(
            *(Flag.ANTICOAGULANT, Flag.PEPTIC_ULCER, Flag.KIDNEY_DISEASE),
            *(Flag.HEART_FAILURE, Flag.PREGNANCY, Flag.PACEMAKER),
        ),
    ),
    Group(
        title="Mostly for what the models predict",
        questions=(
            NumberQuestion(
                name="eq5d_index",
                text="EQ-5D index",
                unit="",
                digits=3,
            ),
            NumberQuestion(
                name="start_back_score",
                text="STarT Back total score",
                unit="of 9",
            ),
            SmokingQuestion(),
            *_flags(
                *(Flag.COMORBIDITY, Flag.UNEMPLOYED, Flag.DISABILITY_PENSION),
                *(Flag.RETIREMENT_PENSION, Flag.HIGHER_EDUCATION),
            ),
        ),
    ),
)
QUESTIONS: Final[Mapping[str, Question]] = {
    question.name: question for group in GROUPS for question in group.questions
}
#: Whose time a typed duration tells, where the chart has no onset.
_LEG: Final = frozenset(
    {Flag.RADICULOPATHY, Flag.CLAUDICATION, Flag.SPINAL_STENOSIS, Flag.DISC_HERNIATION}
)


def with_answers(
    features: ClinicalFeatures, answers: Iterable[Answer]
) -> ClinicalFeatures:
    """Return what is known with what was typed in, which takes precedence.

    Args:
        features: What the chart says.
        answers: One per question.

    """
    for answer in answers:
        match QUESTIONS[answer.question]:
            case NumberQuestion() as question:
                features = _with_number(features, question, answer)
            case TreatmentQuestion() as question:
                features = _with_treatment(features, question, answer)
            case FlagQuestion() as question:
                features = _with_flag(features, question.flag, answer)
            case SmokingQuestion():
                features = _with_smoking(features, answer)
    return _with_durations(features)


def _with_smoking(features: ClinicalFeatures, answer: Answer) -> ClinicalFeatures:
    status = SmokingStatus(
        status=Smoking(str(answer.value)),
        source="",
        recorded_on=answer.entered.at.date(),
        entered=answer.entered,
    )
    return replace(features, smoking=status, smoking_status=status.status.value)


def _with_number(
    features: ClinicalFeatures, question: NumberQuestion, answer: Answer
) -> ClinicalFeatures:
    value = ClinicalValue(
        value=float(answer.value),
        recorded_on=answer.entered.at.date(),
        source="",
        entered=answer.entered,
    )
    outdated = tuple(x for x in features.outdated if x.field != question.name)
    filled = replace(features, outdated=outdated)
    return replace(filled, **{question.name: value})  # type: ignore[arg-type] # a field


def _with_treatment(
    features: ClinicalFeatures, question: TreatmentQuestion, answer: Answer
) -> ClinicalFeatures:
    others = tuple(t for t in features.treatments if t.kind is not question.kind)
    typed = Treatment(
        kind=question.kind,
        label=question.kind.value,
        source="",
        weeks=int(answer.value),
        entered=answer.entered,
    )
    if not typed.weeks:
        return replace(
            features, treatments=others, untried=(*features.untried, question.kind)
        )
    untried = tuple(kind for kind in features.untried if kind is not question.kind)
    return replace(features, treatments=(typed, *others), untried=untried)


def _with_flag(
    features: ClinicalFeatures, flag: Flag, answer: Answer
) -> ClinicalFeatures:
    """Add a flag, or rule it out; a typed "no" never hides what the chart records."""
    if features.has(flag):
        return features
    if not answer.value:
        return replace(features, ruled_out=(*features.ruled_out, flag))
    typed = ChartCondition(
        flag=flag,
        label=flag.value.capitalize(),
        source="",
        recorded_on=answer.entered.at.date(),
        entered=answer.entered,
    )
    denied = tuple(item for item in features.ruled_out if item is not flag)
    return replace(features, conditions=(*features.conditions, typed), ruled_out=denied)


def _with_durations(features: ClinicalFeatures) -> ClinicalFeatures:
    """Give conditions without an onset the duration that was typed in."""
    weeks = {
        **dict.fromkeys(BACK_PAIN, features.back_pain_weeks),
        **dict.fromkeys(_LEG, features.leg_pain_weeks),
    }
    return replace(
        features,
        conditions=tuple(_dated(item, weeks) for item in features.conditions),
    )


def _dated(
    condition: ChartCondition, weeks: Mapping[Flag, ClinicalValue | None]
) -> ChartCondition:
    typed = weeks.get(condition.flag)
    if typed is None or typed.entered is None:
        return condition
    return replace(condition, duration_weeks=int(typed.value))
