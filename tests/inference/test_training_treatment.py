"""Training on a small cohort: honest metrics, and a model that can be loaded."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.cohort.inputs import OPTIONS
from inference.cohort.patients import Cohort, draw_cohort
from inference.errors import ModelError
from inference.training import treatment_fit, treatment_methods
from inference.training import treatment_metrics as measured
from inference.treatment.model import Calibration, Training, load_treatment_model

TRAINING = Training(trained_on="none", spread={}, cohort=None)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return draw_cohort(1500, seed=5)


def test_the_truth_is_calibrated_and_reaches_the_ceiling() -> None:
    many = draw_cohort(20000, seed=6)
    best = measured.ceiling(many.probabilities)
    found = measured.metrics(many.choices, many.probabilities)
    assert found["auroc"] == pytest.approx(best["auroc"], abs=0.01)
    assert found["log_loss"] == pytest.approx(best["log_loss"], abs=0.01)
    assert found["calibration_error"] < 0.015


def test_a_model_that_exaggerates_is_not_calibrated(cohort: Cohort) -> None:
    sharp = cohort.probabilities**3
    sharp /= sharp.sum(axis=1, keepdims=True)
    honest = measured.calibration_error(cohort.choices, cohort.probabilities)
    assert measured.calibration_error(cohort.choices, sharp) > honest + 0.03


def test_a_guess_has_no_skill(cohort: Cohort) -> None:
    guess = np.full_like(cohort.probabilities, 1 / len(OPTIONS))
    assert measured.metrics(cohort.choices, guess)["auroc"] == 0.5


def test_calibration_undoes_an_exaggeration(cohort: Cohort) -> None:
    scores = 3 * np.log(cohort.probabilities)
    found = treatment_fit.calibrate(scores, cohort.choices)
    assert found.temperature == pytest.approx(3, rel=0.15)
    covered = measured.coverage(found, cohort.choices, found.probabilities(scores))[
        "coverage"
    ]
    assert covered == pytest.approx(0.9, abs=0.005)


def test_every_method_is_compared_on_every_set_of_inputs(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(treatment_methods, "ROUNDS", 10)
    few = replace(
        cohort,
        inputs=cohort.inputs[:400],
        probabilities=cohort.probabilities[:400],
        choices=cohort.choices[:400],
    )
    found = treatment_methods.compare(few, folds=2)
    assert set(found) == {"geometry", "clinical", "both"}
    for rows in found.values():
        assert set(rows) == set(treatment_methods.METHODS)
        assert all(0.4 < row["auroc"] < 0.9 for row in rows.values())
    assert (
        found["both"]["logistic regression"]["auroc"]
        > found["geometry"]["logistic regression"]["auroc"]
    )


def test_hidden_inputs_are_unknown_and_the_others_as_they_were(cohort: Cohort) -> None:
    found = treatment_fit.hidden(cohort.inputs, seed=1)
    is_hidden = np.isnan(found)
    assert 0.25 < is_hidden.mean() < 0.45
    assert (found[~is_hidden] == cohort.inputs[~is_hidden]).all()


def test_what_was_written_is_loaded_and_predicts_the_same(
    cohort: Cohort, tmp_path: Path
) -> None:
    booster = treatment_fit.fit(cohort.inputs, cohort.choices, rounds=5)
    scores = np.asarray(booster.predict(cohort.inputs, raw_score=True))
    calibration = treatment_fit.calibrate(scores, cohort.choices)
    training = Training(
        trained_on="none", spread=treatment_fit.spread_of(cohort.inputs), cohort=None
    )
    treatment_fit.write(
        booster,
        calibration,
        training,
        version="9.9.9",
        quality="none",
        directory=tmp_path,
    )
    model = load_treatment_model(tmp_path)
    assert model.version.version == "9.9.9"
    assert model.calibration == calibration
    assert model.training == training
    expected = calibration.probabilities(scores)
    assert model.probabilities(cohort.inputs) == pytest.approx(expected)


def test_an_altered_model_is_refused(cohort: Cohort, tmp_path: Path) -> None:
    booster = treatment_fit.fit(cohort.inputs, cohort.choices, rounds=2)
    calibration = treatment_fit.calibrate(cohort.inputs[:, :4], cohort.choices)
    treatment_fit.write(
        booster, calibration, TRAINING, version="1", quality="", directory=tmp_path
    )
    with (tmp_path / "treatment.txt").open("a") as file:
        file.write("\n")
    with pytest.raises(ModelError, match="SHA-256"):
        load_treatment_model(tmp_path)


def test_all_metrics_are_reported_of_both_sexes_and_all_ages(cohort: Cohort) -> None:
    found = measured.by_group(
        cohort.inputs,
        cohort.choices,
        cohort.probabilities,
        calibration=Calibration(temperature=1, least_probability=0.136),
        truth=cohort.probabilities,
    )
    assert set(found) == {"female", "male", *measured.AGE_BANDS}
    for names in (("female", "male"), measured.AGE_BANDS):
        counts = [found[name]["patients"] for name in names]
        assert sum(counts) == len(cohort.choices)
    whole = measured.metrics(cohort.choices, cohort.probabilities)
    for group in found.values():
        assert group.keys() >= {*whole, "coverage", "mean_size", "ceiling"}


def test_a_group_in_which_an_option_was_never_chosen_has_no_auroc(
    cohort: Cohort,
) -> None:
    of = cohort.choices != 0
    found = measured.metrics(cohort.choices[of], cohort.probabilities[of])
    assert "auroc" not in found
    assert found["log_loss"] > 0
