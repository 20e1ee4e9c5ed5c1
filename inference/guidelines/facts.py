"""The facts that rules may ask for, by name: the whole vocabulary of the table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from inference.results import (
    BACK_PAIN,
    CanalClass,
    ClinicalFeatures,
    ClinicalValue,
    Flag,
    LevelMeasurement,
    TreatmentKind,
)
from inference.severity.stenosis import central_stenoses


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one fact.

    Attributes:
        value: Yes or no, or a number in the unit of the fact.
        words: What was found, for the reasons.

    """

    value: float  # a bool is a number too
    words: str


Read = Callable[[ClinicalFeatures, Sequence[LevelMeasurement]], Known | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact.

    Attributes:
        label: What it is called.
        unit: Unit of a number, ``None`` for a yes or no.
        read: Finds it, ``None`` where nobody recorded or measured it.

    """

    label: str
    unit: str | None
    read: Read

    @property
    def is_number(self) -> bool:
        """Whether it is a number, not a yes or no."""
        return self.unit is not None


def _flag(flag: Flag) -> Fact:
    def read(
        features: ClinicalFeatures, _levels: Sequence[LevelMeasurement]
    ) -> Known | None:
        answer = features.has(flag)
        if answer is None:
            return None
        labels = [c.label for c in features.conditions if c.flag is flag]
        return Known(value=answer, words="; ".join(labels) or f"{flag}: no")

    return Fact(label=flag.value, unit=None, read=read)


def _value(field: str, label: str, unit: str) -> Fact:
    def read(
        features: ClinicalFeatures, _levels: Sequence[LevelMeasurement]
    ) -> Known | None:
        item: ClinicalValue | None = getattr(features, field)
        return None if item is None else _known(label, item.value, unit)

    return Fact(label=label, unit=unit, read=read)


def _known(label: str, number: float, unit: str) -> Known:
    return Known(value=number, words=f"{label} {number:g} {unit}".strip())


def _age(
    features: ClinicalFeatures, _levels: Sequence[LevelMeasurement]
) -> Known | None:
    age = features.age_years
    return None if age is None else _known("age", age, "years")


def _back_pain_weeks(
    features: ClinicalFeatures, _levels: Sequence[LevelMeasurement]
) -> Known | None:
    """Return how long it lasts; what is said of it outdoes a diagnosis."""
    if said := features.back_pain_weeks:
        return _known("", said.value, "weeks")
    return _longest(features, *BACK_PAIN)


def _longest(features: ClinicalFeatures, *flags: Flag) -> Known | None:
    found = [item for item in features.conditions if item.flag in flags]
    weeks = [item.duration_weeks for item in found if item.duration_weeks is not None]
    return _known("", max(weeks), "weeks") if weeks else None


def _lasting(*flags: Flag) -> Read:
    """Return how long leg symptoms last; what is said of them outdoes a diagnosis."""

    def read(
        features: ClinicalFeatures, _levels: Sequence[LevelMeasurement]
    ) -> Known | None:
        if said := features.leg_pain_weeks:
            return _known("", said.value, "weeks")
        return _longest(features, *flags)

    return read


def _leg_pain(
    features: ClinicalFeatures, _levels: Sequence[LevelMeasurement]
) -> Known | None:
    if pain := features.leg_pain_nrs:
        return Known(value=pain.value > 0, words=f"leg pain {pain.value:g} of 10")
    weeks = features.leg_pain_weeks
    return None if weeks is None else Known(value=True, words=f"{weeks.value:g} weeks")


def _leg_minus_back(
    features: ClinicalFeatures, _levels: Sequence[LevelMeasurement]
) -> Known | None:
    leg, back = features.leg_pain_nrs, features.back_pain_nrs
    if leg is None or back is None:
        return None
    words = f"leg pain {leg.value:g} and back pain {back.value:g} of 10"
    return Known(value=leg.value - back.value, words=words)


def _tried(kind: TreatmentKind, *, must_be_given: bool) -> Read:
    def read(
        features: ClinicalFeatures, _levels: Sequence[LevelMeasurement]
    ) -> Known | None:
        labels = [
            item.label if item.weeks is None else f"{item.label}, {item.weeks} weeks"
            for item in features.treatments
            if item.kind is kind
            and item.weeks != 0  # typed in as "not at all"
            and (item.was_given or not must_be_given)
        ]
        if kind in features.untried:
            return Known(value=False, words=f"{kind}: not tried")
        return Known(value=True, words="; ".join(labels)) if labels else None

    return read


def _conservative_care(
    features: ClinicalFeatures, _levels: Sequence[LevelMeasurement]
) -> Known | None:
    """Return how long the longest of all treatments was given."""
    tried = {kind: features.weeks_tried(kind) for kind in TreatmentKind}
    known = {kind: weeks for kind, weeks in tried.items() if weeks is not None}
    if not known:
        return None
    longest = max(known, key=lambda kind: known[kind])
    return _known(longest.value, known[longest], "weeks")


def _absolute_stenosis(
    _features: ClinicalFeatures, levels: Sequence[LevelMeasurement]
) -> Known | None:
    """Return whether a canal may be that narrow; one not measured may be, too."""
    canals = {item.level: item.canal_diameter_mm for item in levels}
    narrow = [
        item
        for item in central_stenoses(levels)
        if CanalClass.ABSOLUTE in item.possible
    ]
    if narrow:
        worst = max(narrow, key=lambda item: item.probabilities[-1])
        words = f"{worst.level} measured {canals[worst.level]:.1f} mm, {worst.words}"
        return Known(value=True, words=words)
    if not canals or None in canals.values():
        return None
    return Known(value=False, words="no canal that may be below 10 mm")


def _greatest_slip(
    _features: ClinicalFeatures, levels: Sequence[LevelMeasurement]
) -> Known | None:
    measured = [
        (abs(item.slip_percent), item.level)
        for item in levels
        if item.slip_percent is not None
    ]
    if not measured:
        return None
    slip, level = max(measured, key=lambda found: found[0])
    return Known(value=slip, words=f"{level} {slip:.0f} %")


_VALUES: Final = {
    "odi_percent": ("Oswestry disability index", "%"),
    "pain_nrs": ("pain", "of 10"),
    "back_pain_nrs": ("back pain", "of 10"),
    "leg_pain_nrs": ("leg pain", "of 10"),
    "egfr_ml_min": ("eGFR", "mL/min/1.73 m²"),
    "start_back_score": ("STarT Back score", "of 9"),
}
FACTS: Final[dict[str, Fact]] = {
    **{flag.name.lower(): _flag(flag) for flag in Flag},
    **{name: _value(name, *words) for name, words in _VALUES.items()},
    "back_pain_weeks": Fact(
        label="duration of the back pain", unit="weeks", read=_back_pain_weeks
    ),
    "age_years": Fact(label="age", unit="years", read=_age),
    "radiculopathy_weeks": Fact(
        label="duration of the leg symptoms",
        unit="weeks",
        read=_lasting(Flag.RADICULOPATHY, Flag.DISC_HERNIATION),
    ),
    "stenosis_weeks": Fact(
        label="duration of the leg symptoms",
        unit="weeks",
        read=_lasting(Flag.SPINAL_STENOSIS, Flag.CLAUDICATION),
    ),
    "leg_pain": Fact(label="leg pain", unit=None, read=_leg_pain),
    "leg_minus_back_nrs": Fact(
        label="leg pain beside back pain", unit="of 10", read=_leg_minus_back
    ),
    "absolute_stenosis": Fact(
        label="a canal on the images that may be below 10 mm",
        unit=None,
        read=_absolute_stenosis,
    ),
    "greatest_slip_percent": Fact(
        label="greatest slip on the images", unit="%", read=_greatest_slip
    ),
    "conservative_care_weeks": Fact(
        label="duration of conservative care", unit="weeks", read=_conservative_care
    ),
    "exercise_tried": Fact(
        label="exercise tried",
        unit=None,
        read=_tried(TreatmentKind.EXERCISE, must_be_given=True),
    ),
    "nsaid_tried": Fact(
        label="non-steroidal drug tried",
        unit=None,
        read=_tried(TreatmentKind.NSAID, must_be_given=False),
    ),
}
