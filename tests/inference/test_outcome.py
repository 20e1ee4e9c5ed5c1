"""The registry answers only for its own patients, and names what it does not know."""

from dataclasses import replace
from typing import Any, Final

import pytest

from inference.judgement.judge import judge
from inference.registry.outcome import LABELS, predict_outcomes
from inference.registry.terms import Input
from inference.results import (
    ChartCondition,
    ClinicalFeatures,
    ClinicalValue,
    Flag,
    OutcomePrediction,
    Smoking,
    SmokingStatus,
    SurgicalDiagnosis,
    SurgicalOutcome,
)
from inference.treatment.model import load_treatment_model

EMPTY: Final = ClinicalFeatures()


def value(number: float, source: str = "Observation/1") -> ClinicalValue:
    return ClinicalValue(value=number, recorded_on=None, source=source)


def patient(
    *flags: Flag,
    ruled_out: tuple[Flag, ...] = (),
    **known: Any,  # noqa: ANN401 - fields
) -> ClinicalFeatures:
    conditions = tuple(
        ChartCondition(flag=flag, label=flag.value, source=f"Condition/{flag.name}")
        for flag in flags
    )
    return replace(EMPTY, conditions=conditions, ruled_out=ruled_out, **known)


def predicted(
    features: ClinicalFeatures, outcome: SurgicalOutcome
) -> OutcomePrediction:
    return next(p for p in predict_outcomes(features) if p.outcome is outcome)


HERNIATION: Final = patient(
    Flag.DISC_HERNIATION,
    Flag.HIGHER_EDUCATION,
    ruled_out=(
        *(Flag.COMORBIDITY, Flag.DISABILITY_PENSION),
        *(Flag.UNEMPLOYED, Flag.SPINE_SURGERY),
    ),
    age_years=45,
    odi_percent=value(60, "Observation/odi"),
    back_pain_nrs=value(5, "Observation/back"),
    leg_pain_nrs=value(8),
    back_pain_weeks=value(30),
    leg_pain_weeks=value(20),
    smoking=SmokingStatus(status=Smoking.FORMER, source="Observation/tobacco"),
)


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (patient(), set()),
        (patient(Flag.LOW_BACK_PAIN), set()),
        (patient(Flag.DISC_HERNIATION), {SurgicalDiagnosis.DISC_HERNIATION}),
        (patient(Flag.RADICULOPATHY), {SurgicalDiagnosis.DISC_HERNIATION}),
        (patient(Flag.CLAUDICATION), {SurgicalDiagnosis.SPINAL_STENOSIS}),
        (
            patient(Flag.SPINAL_STENOSIS, Flag.RADICULOPATHY),
            {SurgicalDiagnosis.SPINAL_STENOSIS},
        ),
        (
            patient(Flag.SPINAL_STENOSIS, Flag.DISC_HERNIATION),
            {SurgicalDiagnosis.SPINAL_STENOSIS, SurgicalDiagnosis.DISC_HERNIATION},
        ),
        (patient(Flag.CHRONIC_LOW_BACK_PAIN), {SurgicalDiagnosis.SEGMENTAL_PAIN}),
        (patient(back_pain_weeks=value(13)), {SurgicalDiagnosis.SEGMENTAL_PAIN}),
        (patient(back_pain_weeks=value(12)), set()),
        (
            patient(Flag.CHRONIC_LOW_BACK_PAIN, Flag.DISC_HERNIATION),
            {SurgicalDiagnosis.DISC_HERNIATION},
        ),
    ],
)
def test_only_a_recorded_diagnosis_is_answered_for(
    features: ClinicalFeatures, expected: set[SurgicalDiagnosis]
) -> None:
    found = predict_outcomes(features)
    assert {item.diagnosis for item in found} == expected
    assert len(found) == 3 * len(expected)


@pytest.mark.parametrize(("weeks", "is_chronic"), [(13, True), (12, False)])
def test_chronic_is_what_the_guideline_table_calls_chronic(
    weeks: int, *, is_chronic: bool
) -> None:
    """An onset of the chart counts as a duration that was typed in does."""
    pain = ChartCondition(
        flag=Flag.LOW_BACK_PAIN, label="x", source="", duration_weeks=weeks
    )
    found = predict_outcomes(replace(patient(), conditions=(pain,)))
    assert bool(found) is is_chronic


def test_beside_a_red_flag_nothing_is_predicted() -> None:
    model = load_treatment_model()
    assert judge(HERNIATION, [], [], model).outcomes
    cancer = ChartCondition(flag=Flag.MALIGNANCY, label="x", source="Condition/9")
    features = replace(HERNIATION, conditions=(*HERNIATION.conditions, cancer))
    assert judge(features, [], [], model).outcomes == ()


def test_a_complete_patient_gets_a_number_with_its_population() -> None:
    found = predicted(HERNIATION, SurgicalOutcome.SATISFACTION)
    (estimate,) = found.estimates
    assert estimate.value == pytest.approx(0.8540, abs=1e-4)  # 1.76587 by hand
    assert (found.missing, found.outside) == ((), ())
    assert found.patients == 5229
    assert "operated for lumbar disc herniation" in found.population
    assert "published no standard errors" in found.interval
    assert ("smoker", "former smoker") in found.used
    assert ("duration of back pain", "30 weeks") in found.used
    assert ("disability pension", "no") in found.used
    assert set(found.sources) >= {
        "Observation/odi",
        "Observation/back",
        "Condition/HIGHER_EDUCATION",
        "Observation/tobacco",
    }


def test_what_is_missing_is_named_and_makes_a_range() -> None:
    features = replace(HERNIATION, odi_percent=None, smoking=None)
    found = predicted(features, SurgicalOutcome.SATISFACTION)
    assert found.missing == ("Oswestry disability index", "smoker")
    (estimate,) = found.estimates
    assert estimate.value is None
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < 0.854 < estimate.high
    assert found.interval.startswith("The range is over everything")


def test_pain_of_no_stated_place_is_not_taken_for_pain_of_the_back() -> None:
    features = replace(HERNIATION, back_pain_nrs=None, pain_nrs=value(5))
    assert LABELS[Input.BACK_PAIN] in (
        predicted(features, SurgicalOutcome.SATISFACTION).missing
    )


def test_an_input_outside_of_the_model_leaves_no_number_and_says_why() -> None:
    stenosis = replace(patient(Flag.SPINAL_STENOSIS), age_years=30)
    found = predicted(stenosis, SurgicalOutcome.SATISFACTION)
    assert found.estimates == ()
    assert found.interval == ""
    assert found.outside == ("age: 30 years, not 36 to 98.9",)


def test_short_pain_is_outside_of_the_fusion_model_in_words() -> None:
    features = patient(Flag.CHRONIC_LOW_BACK_PAIN, back_pain_weeks=value(4))
    found = predicted(features, SurgicalOutcome.SATISFACTION)
    assert found.outside == ("duration of back pain: 4 weeks",)


def test_the_stay_of_one_patient_has_a_prediction_interval() -> None:
    found = predicted(HERNIATION, SurgicalOutcome.STAY)
    assert found.interval.startswith("95 % prediction interval for one patient, over")
    assert "kind of hospital (university, public, private)" in found.missing


def test_back_pain_alone_is_told_what_the_guidelines_say_of_fusion() -> None:
    found = predict_outcomes(patient(Flag.CHRONIC_LOW_BACK_PAIN))
    assert all("advises against spinal fusion" in item.caution for item in found)


def test_sciatica_without_its_cause_is_answered_with_a_reserve() -> None:
    found = predict_outcomes(patient(Flag.RADICULOPATHY))
    assert all("not its cause" in item.caution for item in found)
    assert all(item.caution == "" for item in predict_outcomes(HERNIATION))


@pytest.mark.parametrize(
    ("weeks", "pain", "same_as"),
    [(13, 5, 1), (14, 5, 14), (52, 5, 14), (53, 5, 104), (104, 5, 53), (105, 5, 900)],
)
def test_durations_fall_into_the_classes_of_the_registry(
    weeks: float, pain: float, same_as: float
) -> None:
    def satisfied(duration: float) -> float | None:
        features = replace(
            HERNIATION, back_pain_weeks=value(duration), back_pain_nrs=value(pain)
        )
        found = predicted(features, SurgicalOutcome.SATISFACTION)
        return found.estimates[0].value

    assert satisfied(weeks) == satisfied(same_as)


def test_classes_of_duration_differ() -> None:
    values = {
        predicted(
            replace(HERNIATION, back_pain_weeks=value(weeks)),
            SurgicalOutcome.SATISFACTION,
        )
        .estimates[0]
        .value
        for weeks in (5, 20, 60, 200)
    }
    assert len(values) == 4


def test_no_back_pain_has_no_duration_to_ask_for() -> None:
    features = replace(HERNIATION, back_pain_weeks=None, back_pain_nrs=value(0))
    found = predicted(features, SurgicalOutcome.SATISFACTION)
    assert found.missing == ()
    assert ("duration of back pain", "no such pain") in found.used


@pytest.mark.parametrize(
    ("meters", "same_as"), [(99, 5), (100, 500), (501, 1000), (1001, 5000)]
)
def test_walking_falls_into_the_classes_of_the_registry(
    meters: float, same_as: float
) -> None:
    def days(distance: float) -> float:
        features = replace(HERNIATION, walking_distance_m=value(distance))
        high = predicted(features, SurgicalOutcome.STAY).estimates[0].high
        assert high is not None
        return high

    assert days(meters) == days(same_as)
    assert days(5) > days(100) > days(501) > days(1001)
