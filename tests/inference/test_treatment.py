"""The treatment model says how sure it is, what it does not know, and why."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.cohort.inputs import INPUTS, OPTIONS, Input
from inference.cohort.patients import draw_cohort
from inference.errors import ModelError
from inference.manifest import WEIGHTS
from inference.results import (
    ChartCondition,
    ClinicalFeatures,
    ClinicalValue,
    DiscGrading,
    Flag,
    Level,
    LevelMeasurement,
    Option,
    Smoking,
    SmokingStatus,
    TreatmentEstimate,
)
from inference.training.treatment_metrics import metrics
from inference.treatment.inputs import inputs_of
from inference.treatment.model import (
    MOST_MISSING,
    RED_FLAG,
    TreatmentModel,
    load_treatment_model,
)

NOTHING = ClinicalFeatures()


def value(number: float) -> ClinicalValue:
    return ClinicalValue(value=number, recorded_on=None, source="Observation/1")


def flag(name: Flag) -> ChartCondition:
    return ChartCondition(flag=name, label=name.value, source="Condition/1")


SCIATICA = replace(
    NOTHING,
    age_years=45,
    sex="female",
    bmi_kg_m2=value(26),
    back_pain_nrs=value(3),
    leg_pain_nrs=value(9),
    odi_percent=value(66),
    back_pain_weeks=value(30),
    start_back_score=value(3),
    smoking=SmokingStatus(status=Smoking.FORMER, source=""),
    conditions=(flag(Flag.DISC_HERNIATION), flag(Flag.CONSERVATIVE_CARE_FAILED)),
    ruled_out=(Flag.SPINAL_STENOSIS,),
)
MILD_BACK_PAIN = replace(
    SCIATICA,
    back_pain_nrs=value(4),
    leg_pain_nrs=value(0),
    odi_percent=value(18),
    back_pain_weeks=value(8),
    start_back_score=value(2),
    conditions=(),
    ruled_out=(
        *(Flag.DISC_HERNIATION, Flag.SPINAL_STENOSIS),
        Flag.CONSERVATIVE_CARE_FAILED,
    ),
)


def level(name: Level, *, canal: float | None, slip: float | None) -> LevelMeasurement:
    return LevelMeasurement(
        level=name,
        disc_height_mm=8,
        disc_width_mm=35,
        disc_volume_mm3=None,
        disc_height_index_ratio=0.3,
        disc_signal_ratio=None,
        canal_diameter_mm=canal,
        slip_percent=slip,
    )


LEVELS = (
    level(Level.L4_L5, canal=6.0, slip=-18.0),
    level(Level.L5_S1, canal=None, slip=2.0),
)
GRADINGS = tuple(
    DiscGrading(level=name, pfirrmann=grade, probabilities=(0.2, 0.2, 0.2, 0.2, 0.2))
    for name, grade in ((Level.L4_L5, 4), (Level.L5_S1, 5), (Level.L3_L4, 2))
)


@pytest.fixture(scope="module")
def model() -> TreatmentModel:
    return load_treatment_model()


def estimate(
    model: TreatmentModel, features: ClinicalFeatures, *, has_red_flag: bool = False
) -> TreatmentEstimate:
    return model.estimate(features, LEVELS, GRADINGS, has_red_flag=has_red_flag)


def test_measurements_become_the_worst_of_the_spine() -> None:
    found = inputs_of(NOTHING, LEVELS, [4, 5, 2])
    assert found[Input.CANAL] == 6.0
    assert found[Input.SLIP] == 18.0
    assert found[Input.WORST_GRADE] == 5
    assert found[Input.DEGENERATE] == 2


def test_what_nobody_recorded_stays_unknown() -> None:
    found = inputs_of(NOTHING, (), ())
    assert set(found) == set(INPUTS)
    assert np.isnan([*found.values()]).all()


def test_a_former_smoker_does_not_smoke_and_a_ruled_out_illness_is_not_there() -> None:
    found = inputs_of(SCIATICA, (), ())
    assert found[Input.SMOKER] == 0
    assert found[Input.STENOSIS] == 0
    assert found[Input.HERNIATION] == 1


def test_severe_leg_pain_after_failed_care_is_mostly_referred_and_mild_pain_not(
    model: TreatmentModel,
) -> None:
    severe, mild = estimate(model, SCIATICA), estimate(model, MILD_BACK_PAIN)
    assert severe.probabilities[0][0] is Option.SURGICAL_OPINION
    assert mild.probabilities[0][0] is Option.EXERCISE
    option = Option.SURGICAL_OPINION
    assert dict(mild.probabilities)[option] < dict(severe.probabilities)[option] / 2


def test_probabilities_sum_to_one_and_the_most_probable_is_in_the_set(
    model: TreatmentModel,
) -> None:
    for features in (SCIATICA, MILD_BACK_PAIN):
        found = estimate(model, features)
        values = [part for _, part in found.probabilities]
        assert sum(values) == pytest.approx(1)
        assert values == sorted(values, reverse=True)
        assert {option for option, _ in found.probabilities} == set(OPTIONS)
        assert found.conformal_set[0] is found.probabilities[0][0]


def test_it_is_refused_beside_a_red_flag(model: TreatmentModel) -> None:
    found = estimate(model, SCIATICA, has_red_flag=True)
    assert found.refusals == (RED_FLAG,)
    assert (found.probabilities, found.conformal_set) == ((), ())
    assert found.single_suggestion is None


def test_it_is_refused_when_too_little_is_known_and_names_what(
    model: TreatmentModel,
) -> None:
    needed, many = model.estimate(NOTHING, (), (), has_red_flag=False).refusals
    assert needed == (
        "Not known, and needed: back pain, leg pain, Oswestry disability index, "
        "conservative care without lasting effect."
    )
    assert many.startswith("17 of 17 inputs are not known, and at most 10 may be: age,")


@pytest.mark.parametrize("field", ["back_pain_nrs", "leg_pain_nrs", "odi_percent"])
def test_it_is_refused_without_what_it_needs(model: TreatmentModel, field: str) -> None:
    unknown: dict[str, Any] = {field: None}
    (sentence,) = estimate(model, replace(SCIATICA, **unknown)).refusals
    assert sentence.startswith("Not known, and needed: ")


def test_as_much_as_may_be_missing_may_be_missing(model: TreatmentModel) -> None:
    fewer = replace(
        SCIATICA,
        start_back_score=None,
        smoking=None,
        bmi_kg_m2=None,
        sex=None,
        age_years=None,
    )
    found = model.estimate(fewer, (), (), has_red_flag=False)
    assert len(found.missing) == MOST_MISSING
    fewest = replace(fewer, back_pain_weeks=None)
    assert model.estimate(fewest, (), (), has_red_flag=False).refusals


def test_what_it_needs_keeps_it_useful_whatever_else_is_missing(
    model: TreatmentModel,
) -> None:
    """The worst of the patterns that are not refused (model card)."""
    cohort = draw_cohort(3000, seed=98)
    inputs = cohort.inputs.copy()
    gone = (
        *(Input.START_BACK, Input.CANAL, Input.STENOSIS, Input.DURATION, Input.AGE),
        *(Input.SLIP, Input.HERNIATION, Input.SMOKER, Input.DEGENERATE, Input.FEMALE),
    )
    assert len(gone) == MOST_MISSING
    inputs[:, [INPUTS.index(name) for name in gone]] = np.nan
    found = metrics(cohort.choices, model.probabilities(inputs))
    assert found["auroc"] == pytest.approx(0.65, abs=0.015)


def test_it_is_refused_outside_of_what_it_has_learned_from(
    model: TreatmentModel,
) -> None:
    found = estimate(model, replace(SCIATICA, age_years=101, bmi_kg_m2=value(62)))
    age, weight = found.refusals
    assert age == (
        "The age is 101 years; the model has learned from 18 years to 95 years."
    )
    assert weight.startswith("The body mass index is 62.0 kg/m²; ")


def test_a_spine_that_is_better_than_all_is_not_refused(model: TreatmentModel) -> None:
    best = (level(Level.L4_L5, canal=30.0, slip=0.0),)
    assert not model.estimate(SCIATICA, best, (), has_red_flag=False).refusals


def test_unknown_inputs_come_with_what_each_alone_could_change(
    model: TreatmentModel,
) -> None:
    whole = estimate(model, SCIATICA)
    found = estimate(model, replace(SCIATICA, start_back_score=None))
    (score,) = found.missing
    assert (score.label, whole.missing) == ("STarT Back score", ())
    assert score.low < score.high
    for points in (1, 9):  # the 5th and 95th percentile of the cohort
        known = estimate(model, replace(SCIATICA, start_back_score=value(points)))
        part = dict(known.probabilities)[found.probabilities[0][0]]
        assert score.low - 1e-9 <= part <= score.high + 1e-9


def test_reasons_name_the_values_and_what_they_do(model: TreatmentModel) -> None:
    found = estimate(model, SCIATICA).reasons
    option = Option.SURGICAL_OPINION
    assert f"leg pain outweighs back pain (9 and 3 of 10): raises {option}" in found
    assert not any(reason.startswith(("leg pain 9", "back pain 3")) for reason in found)


def test_the_nearest_change_does_make_another_option_the_most_probable(
    model: TreatmentModel,
) -> None:
    found = estimate(model, MILD_BACK_PAIN)
    option = Option.SURGICAL_OPINION
    assert found.nearest_change == (
        f"With leg pain 5 of 10 in place of 0 of 10, {option} would be the most "
        "probable."
    )
    for pain, first in ((4, Option.EXERCISE), (5, option)):
        changed = estimate(model, replace(MILD_BACK_PAIN, leg_pain_nrs=value(pain)))
        assert changed.probabilities[0][0] is first


def test_where_no_change_alters_it_what_was_tried_is_said(
    model: TreatmentModel,
) -> None:
    certain = replace(SCIATICA, start_back_score=None)
    assert estimate(model, certain).nearest_change == (
        "No change of one or two of these, within what is usual, makes another option "
        "the most probable: body mass index, back pain, leg pain, Oswestry disability "
        "index."
    )


def test_similar_patients_are_alike_and_their_shares_sum_to_one(
    model: TreatmentModel,
) -> None:
    severe, mild = (
        estimate(model, item).similar for item in (SCIATICA, MILD_BACK_PAIN)
    )
    assert severe
    assert mild
    assert severe.count == mild.count == 50
    assert sum(share for _, share in severe.given) == pytest.approx(1)
    option = Option.SURGICAL_OPINION
    assert dict(severe.given)[option] > dict(mild.given)[option] + 0.2


def test_whoever_shows_it_reads_what_it_was_trained_on(model: TreatmentModel) -> None:
    words = "trained on a synthetic cohort; retrain on local data before relying on it"
    for features in (NOTHING, SCIATICA):
        assert estimate(model, features).trained_on == words
    assert model.version.quality.startswith(words)


def test_sets_hold_what_was_chosen_for_nine_of_ten(model: TreatmentModel) -> None:
    """On patients that neither training nor calibration nor the card has seen."""
    cohort = draw_cohort(3000, seed=99)
    sets = model.calibration.sets(model.probabilities(cohort.inputs))
    covered = sets[np.arange(len(sets)), cohort.choices].mean()
    assert covered == pytest.approx(0.9, abs=0.02)


def test_a_model_of_other_inputs_is_refused(tmp_path: Path) -> None:
    for name in ("treatment.txt", "treatment.json"):
        shutil.copy(WEIGHTS / name, tmp_path)
    manifest = json.loads((tmp_path / "treatment.json").read_text())
    manifest["inputs"].reverse()
    (tmp_path / "treatment.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="other inputs or options"):
        load_treatment_model(tmp_path)
