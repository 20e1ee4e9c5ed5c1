"""The treatment model says how sure it is, what it does not know, and why."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.cohort.inputs import INPUTS, OPTIONS, Input
from inference.cohort.patients import draw_cohort
from inference.errors import ModelError
from inference.models import WEIGHTS
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
)
from inference.treatment import (
    TreatmentModel,
    inputs_of,
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


def test_measurements_become_the_worst_of_the_spine() -> None:
    found = inputs_of(NOTHING, LEVELS, GRADINGS)
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
    severe = model.predict(SCIATICA, LEVELS, GRADINGS)
    mild = model.predict(MILD_BACK_PAIN, (), ())
    assert severe.probabilities[0][0] is Option.SURGICAL_OPINION
    assert mild.probabilities[0][0] is Option.EXERCISE
    assert dict(mild.probabilities)[Option.SURGICAL_OPINION] < 0.15  # half of all


def test_probabilities_sum_to_one_and_the_most_probable_is_in_the_set(
    model: TreatmentModel,
) -> None:
    for features in (NOTHING, SCIATICA, MILD_BACK_PAIN):
        found = model.predict(features, LEVELS, GRADINGS)
        values = [part for _, part in found.probabilities]
        assert sum(values) == pytest.approx(1)
        assert values == sorted(values, reverse=True)
        assert {option for option, _ in found.probabilities} == set(OPTIONS)
        assert found.conformal_set[0] is found.probabilities[0][0]


def test_of_a_patient_without_a_chart_there_is_no_single_suggestion(
    model: TreatmentModel,
) -> None:
    found = model.predict(NOTHING, (), ())
    assert found.single_suggestion is None
    assert len(found.conformal_set) > 1
    assert len(found.unknown) == len(INPUTS)
    assert "leg pain" in found.unknown


def test_unknown_inputs_are_named_and_no_others(model: TreatmentModel) -> None:
    found = model.predict(replace(SCIATICA, odi_percent=None), LEVELS, GRADINGS)
    assert found.unknown == ("Oswestry disability index",)


def test_reasons_name_the_value_and_what_it_does(model: TreatmentModel) -> None:
    found = model.predict(SCIATICA, LEVELS, GRADINGS)
    option = Option.SURGICAL_OPINION
    assert f"leg pain 9 of 10: raises {option}" in found.contributions
    assert f"back pain 3 of 10: raises {option}" in found.contributions


def test_whoever_shows_it_reads_what_it_was_trained_on(model: TreatmentModel) -> None:
    quality = model.predict(NOTHING, (), ()).model.quality
    assert quality.startswith(
        "trained on a synthetic cohort; retrain on local data before relying on it"
    )


def test_sets_hold_what_was_chosen_for_nine_of_ten(model: TreatmentModel) -> None:
    """On patients that neither training nor calibration nor the card has seen."""
    cohort = draw_cohort(3000, seed=99)
    scores = model.scores(cohort.inputs)
    sets = model.calibration.sets(model.calibration.probabilities(scores))
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
