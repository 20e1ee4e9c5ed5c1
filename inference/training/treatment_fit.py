"""Train, calibrate and write a model of the choice of treatment, of any patients."""

from dataclasses import asdict
from pathlib import Path
from typing import Final

import lightgbm
import numpy as np
from scipy.optimize import minimize_scalar

from inference.cohort.inputs import INPUTS, OPTIONS, Input
from inference.manifest import TREATMENT_MANIFEST
from inference.training.treatment_metrics import Array, Labels
from inference.training.weights import write_weights
from inference.treatment.model import Calibration, Training

SEED: Final = 7
COVERAGE: Final = 0.9
MOST_HIDDEN: Final = 0.7  # our choice: charts hold little
#: Where ``Training.spread`` is taken.
PERCENTILES: Final = (0, 5, 25, 50, 75, 95, 100)
#: Our choice, fixed before the folds were looked at.
PARAMETERS: Final = {
    "objective": "multiclass",
    "num_class": len(OPTIONS),
    "learning_rate": 0.05,
    "num_leaves": 6,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "seed": SEED,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def fit(inputs: Array, choices: Labels, rounds: int) -> lightgbm.Booster:
    """Train LightGBM; a not-a-number is an unknown input."""
    table = lightgbm.Dataset(inputs, label=choices)
    return lightgbm.train(PARAMETERS, table, num_boost_round=rounds)


def fit_served(inputs: Array, choices: Labels, rounds: int) -> lightgbm.Booster:
    """Train on each patient twice: as known, and with more inputs hidden by chance."""
    twice = np.concatenate([inputs, hidden(inputs, seed=SEED)])
    return fit(twice, np.concatenate([choices, choices]), rounds)


def hidden(inputs: Array, *, seed: int) -> Array:
    """Hide inputs by chance, of some patients few and of others many."""
    rng = np.random.default_rng(seed)
    part = rng.uniform(0, MOST_HIDDEN, (len(inputs), 1))
    return np.where(rng.random(inputs.shape) < part, np.nan, inputs)


def half_hidden(inputs: Array) -> Array:
    """Return the inputs with some of every second patient's hidden."""
    result = inputs.copy()
    result[::2] = hidden(inputs[::2], seed=SEED)
    return result


def spread_of(inputs: Array) -> dict[Input, tuple[float, ...]]:
    """Return the percentiles of each input, none where nobody's is known."""
    return {
        name: tuple(np.nanpercentile(column, PERCENTILES).round(4).tolist())
        if np.isfinite(column).any()
        else ()
        for name, column in zip(INPUTS, inputs.T, strict=True)
    }


def calibrate(scores: Array, choices: Labels) -> Calibration:
    """Find temperature and conformal limit on patients that were not trained on."""
    rows = np.arange(len(choices))

    def loss(temperature: float) -> float:
        trial = Calibration(temperature=temperature, least_probability=0)
        return -float(np.log(trial.probabilities(scores)[rows, choices]).mean())

    temperature = float(minimize_scalar(loss, bounds=(0.2, 5), method="bounded").x)
    trial = Calibration(temperature=temperature, least_probability=0)
    chosen = np.sort(trial.probabilities(scores)[rows, choices])
    # Split conformal (doi:10.1007/978-0-387-25465-1): the rank that leaves out 10 %.
    rank = int(np.floor((len(choices) + 1) * (1 - COVERAGE))) - 1
    return Calibration(
        temperature=round(temperature, 4),
        least_probability=float(np.floor(chosen[rank] * 1e4) / 1e4),
    )


def scores(booster: lightgbm.Booster, inputs: Array) -> Array:
    """Return the scores of the trees, shape ``(patients, options)``."""
    return np.asarray(booster.predict(inputs, raw_score=True, num_threads=1))


def write(  # noqa: PLR0913 - what a manifest says
    booster: lightgbm.Booster,
    calibration: Calibration,
    training: Training,
    *,
    version: str,
    quality: str,
    directory: Path,
) -> None:
    """Write the model as text, which loads without pickle, and its manifest."""
    cohort = training.cohort
    write_weights(
        booster.model_to_string().encode(),
        directory / "treatment.txt",
        manifest=TREATMENT_MANIFEST,
        name="spoils-treatment",
        version=version,
        quality=quality,
        trained_on=training.trained_on,
        inputs=[*INPUTS],
        options=[*OPTIONS],
        calibration=asdict(calibration),
        cohort={"patients": cohort[0], "seed": cohort[1]} if cohort else None,
        spread=dict(training.spread),
    )
