"""What the spine registry predicts for a patient in the case of an operation.

It answers "if operated, what then", never "operate": whether to refer for an opinion is
the matter of ``guidelines``, and the two are shown apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inference.guidelines import is_chronic
from inference.registry.swespine import PublishedModel, load_registry
from inference.registry.terms import Continuous, Input, Term
from inference.results import (
    ClinicalFeatures,
    ClinicalValue,
    Flag,
    ModelVersion,
    OutcomePrediction,
    Smoking,
    SmokingStatus,
    SurgicalDiagnosis,
    SurgicalOutcome,
)

#: Weeks up to which each class of duration reaches: 3 months, 1 year, 2 years.
DURATION_WEEKS: Final = (13.0, 52.0, 104.0)
#: Meters from which each class of walking ability begins: the registry's.
WALKING_M: Final = (100.0, 500.0, 1000.0)
NO_STANDARD_ERRORS: Final = (
    "How far the model itself may be off is not known: the registry published no "
    "standard errors for it."
)
FUSION: Final = (
    "NICE NG59 advises against spinal fusion for low back pain outside of a trial, and "
    "against disc replacement. These patients had such operations."
)
CAUSE_UNKNOWN: Final = (
    "The chart records sciatica and not its cause: this holds only where a disc "
    "herniation is the cause."
)
#: The registry asks these as classes, so their limits say nothing to a reader.
CODED: Final = frozenset(
    {Input.BACK_PAIN_DURATION, Input.LEG_PAIN_DURATION, Input.WALKING}
)
FLAGS: Final = {
    Input.OTHER_ILLNESS: Flag.COMORBIDITY,
    Input.PREVIOUSLY_OPERATED: Flag.SPINE_SURGERY,
    Input.UNEMPLOYED: Flag.UNEMPLOYED,
    Input.DISABILITY_PENSION: Flag.DISABILITY_PENSION,
    Input.RETIREMENT_PENSION: Flag.RETIREMENT_PENSION,
    Input.HIGHER_EDUCATION: Flag.HIGHER_EDUCATION,
}
LABELS: Final = {
    Input.AGE: "age",
    Input.BMI: "body mass index",
    Input.HEIGHT: "body height",
    Input.ODI: "Oswestry disability index",
    Input.EQ5D: "EQ-5D index (3L, tariff of the UK)",
    Input.BACK_PAIN: "back pain, 0 to 10",
    Input.LEG_PAIN: "leg pain, 0 to 10",
    Input.BACK_PAIN_DURATION: "duration of back pain",
    Input.LEG_PAIN_DURATION: "duration of leg pain",
    Input.WALKING: "walking distance",
    Input.OTHER_ILLNESS: "another illness that limits function",
    Input.SMOKER: "smoker",
    Input.PREVIOUSLY_OPERATED: "previous spine surgery",
    Input.UNEMPLOYED: "unemployed",
    Input.DISABILITY_PENSION: "disability pension",
    Input.RETIREMENT_PENSION: "retirement pension",
    Input.HIGHER_EDUCATION: "college or university",
    Input.OPERATED_LEVELS: "number of levels to be operated",
    Input.CLINIC_TYPE: "kind of hospital (university, public, private)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One input that is known.

    Attributes:
        value: As the registry codes it.
        words: As people read it.
        source: Reference to the resource, empty where there is none.

    """

    value: float
    words: str
    source: str = ""


def predict_outcomes(features: ClinicalFeatures) -> tuple[OutcomePrediction, ...]:
    """Predict each outcome of an operation for the diagnoses that the chart records.

    Args:
        features: What is known of the patient.

    """
    published = load_registry()
    known = _known(features)
    cautions = _diagnoses(features)
    return tuple(
        _prediction(
            model, known, version=published.version, caution=cautions[model.diagnosis]
        )
        for model in published.models
        if model.diagnosis in cautions
    )


def _diagnoses(features: ClinicalFeatures) -> dict[SurgicalDiagnosis, str]:
    """Return what an operation could be for, each with what must be said beside it."""
    has = features.has
    found = {}
    if has(Flag.SPINAL_STENOSIS) or has(Flag.CLAUDICATION):
        found[SurgicalDiagnosis.SPINAL_STENOSIS] = ""
    if has(Flag.DISC_HERNIATION):
        found[SurgicalDiagnosis.DISC_HERNIATION] = ""
    if has(Flag.RADICULOPATHY) and not found:
        found[SurgicalDiagnosis.DISC_HERNIATION] = CAUSE_UNKNOWN
    if not found and is_chronic(features):
        found[SurgicalDiagnosis.SEGMENTAL_PAIN] = FUSION
    return found


def _prediction(
    model: PublishedModel,
    known: Mapping[Input, Known],
    *,
    version: ModelVersion,
    caution: str,
) -> OutcomePrediction:
    used = [term.input for term in model.terms if term.input in known]
    values = {name: known[name].value for name in used}
    outside = model.outside(values)
    missing = tuple(LABELS[name] for name in model.missing(values))
    sources = dict.fromkeys(known[name].source for name in used)
    return OutcomePrediction(
        diagnosis=model.diagnosis,
        outcome=model.outcome,
        estimates=() if outside else model.estimates(values),
        interval="" if outside else _interval(model, missing),
        used=tuple((LABELS[name], known[name].words) for name in used),
        sources=tuple(filter(None, sources)),
        missing=missing,
        outside=tuple(_beyond(term, known[term.input]) for term in outside),
        patients=model.patients,
        population=(
            "patients of the Swedish spine registry who were operated for "
            f"{model.diagnosis}"
        ),
        caution=caution,
        model=version,
    )


def _interval(model: PublishedModel, missing: tuple[str, ...]) -> str:
    over = "over everything that the missing inputs could be"
    if model.outcome is SurgicalOutcome.STAY:
        return (
            f"95 % prediction interval for one patient{f', {over}' if missing else ''}."
        )
    return f"{f'The range is {over}. ' if missing else ''}{NO_STANDARD_ERRORS}"


def _beyond(term: Term, known: Known) -> str:
    low, high = min(term.ends), max(term.ends)
    if not isinstance(term, Continuous) or term.input in CODED:
        return f"{LABELS[term.input]}: {known.words}"
    return f"{LABELS[term.input]}: {known.words}, not {low:.3g} to {high:.3g}"


def _known(features: ClinicalFeatures) -> dict[Input, Known]:
    """Return the inputs that are known, coded as the registry does."""
    found = {**_numbers(features), **_classes(features), **_answers(features)}
    return {name: item for name, item in found.items() if item}


def _numbers(features: ClinicalFeatures) -> dict[Input, Known | None]:
    age = features.age_years
    return {
        Input.AGE: None if age is None else Known(value=age, words=f"{age} years"),
        Input.BMI: _number(features.bmi_kg_m2, " kg/m²"),
        Input.HEIGHT: _number(features.height_cm, " cm"),
        Input.ODI: _number(features.odi_percent, " %"),
        Input.EQ5D: _number(features.eq5d_index),
        Input.BACK_PAIN: _number(features.back_pain_nrs),
        Input.LEG_PAIN: _number(features.leg_pain_nrs),
    }


def _number(item: ClinicalValue | None, unit: str = "") -> Known | None:
    if item is None:
        return None
    words = f"{item.value:g}{unit}"
    return Known(value=item.value, words=words, source=item.source)


def _classes(features: ClinicalFeatures) -> dict[Input, Known | None]:
    back, leg = features.back_pain_nrs, features.leg_pain_nrs
    return {
        Input.BACK_PAIN_DURATION: _duration(features.back_pain_weeks, back),
        Input.LEG_PAIN_DURATION: _duration(features.leg_pain_weeks, leg),
        Input.WALKING: _walking(features.walking_distance_m),
    }


def _duration(weeks: ClinicalValue | None, pain: ClinicalValue | None) -> Known | None:
    """Return the class of a duration; no pain at all is the class 0."""
    if pain is not None and pain.value == 0:
        return Known(value=0, words="no such pain", source=pain.source)
    if weeks is None:
        return None
    code = 1 + sum(weeks.value > limit for limit in DURATION_WEEKS)
    return Known(value=code, words=f"{weeks.value:g} weeks", source=weeks.source)


def _walking(distance: ClinicalValue | None) -> Known | None:
    if distance is None:
        return None
    meters = distance.value
    longer = sum(meters > limit for limit in WALKING_M[1:])
    code = 1 + (meters >= WALKING_M[0]) + longer
    return Known(value=code, words=f"{meters:g} m", source=distance.source)


def _answers(features: ClinicalFeatures) -> dict[Input, Known | None]:
    answers = {name: _answer(features, flag) for name, flag in FLAGS.items()}
    return answers | {Input.SMOKER: _smoker(features.smoking)}


def _answer(features: ClinicalFeatures, flag: Flag) -> Known | None:
    answer = features.has(flag)
    if answer is None:
        return None
    sources = [item.source for item in features.conditions if item.flag is flag]
    words = "yes" if answer else "no"
    return Known(value=float(answer), words=words, source="".join(sources[:1]))


def _smoker(smoking: SmokingStatus | None) -> Known | None:
    if smoking is None:
        return None
    is_smoker = float(smoking.status is Smoking.CURRENT)
    return Known(value=is_smoker, words=smoking.status.value, source=smoking.source)
