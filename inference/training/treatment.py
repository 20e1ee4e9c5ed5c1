"""Train and check the treatment model on the synthetic cohort."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from inference.cohort.inputs import INPUTS
from inference.cohort.patients import draw_cohort
from inference.training.treatment_fit import (
    SEED,
    calibrate,
    fit_served,
    half_hidden,
    hidden,
    scores,
    spread_of,
    write,
)
from inference.training.treatment_methods import compare
from inference.training.treatment_metrics import (
    Array,
    by_group,
    ceiling,
    coverage,
    metrics,
)
from inference.treatment.model import Calibration, Training

#: The served model sees more patients than the compared methods, each twice.
SERVED_ROUNDS: Final = 250
TRAINED_ON: Final = (
    "trained on a synthetic cohort; retrain on local data before relying on it"
)


def train_and_check(
    *, version: str, directory: Path, served: int, compared: int
) -> dict[str, Any]:
    """Train and write the served model, and return all that was measured.

    Args:
        version: Of the model.
        directory: Where it is written.
        served: Patients to train on; a quarter as many again to calibrate, and half as
            many to check.
        compared: Patients to compare the methods on.

    """
    known = draw_cohort(served, seed=SEED)
    booster = fit_served(known.inputs, known.choices, SERVED_ROUNDS)
    aside = draw_cohort(served // 4, seed=SEED + 1)
    calibration = calibrate(scores(booster, half_hidden(aside.inputs)), aside.choices)

    def found_for(inputs: Array) -> Array:
        return calibration.probabilities(scores(booster, inputs))

    measured = checked(found_for, calibration, served // 2)
    quality = (
        f"{TRAINED_ON}. On {served // 2} invented patients never trained on: AUROC "
        f"{measured['served']['auroc']:.3f}, where "
        f"{measured['ceiling']['auroc']:.3f} is the best possible."
    )
    write(
        booster,
        calibration,
        Training(
            trained_on=TRAINED_ON,
            spread=spread_of(known.inputs),
            cohort=(served, SEED),
        ),
        version=version,
        quality=quality,
        directory=directory,
    )
    cohort = draw_cohort(compared, seed=SEED + 3)
    return {
        **measured,
        "compared_ceiling": ceiling(cohort.probabilities),
        "compared": compare(cohort),
    }


def checked(
    found_for: Callable[[Array], Array], calibration: Calibration, count: int
) -> dict[str, Any]:
    """Measure a model on invented patients that no model is trained on.

    Args:
        found_for: Gives the probabilities of the options for inputs.
        calibration: Gives the sets.
        count: How many patients.

    """
    check = draw_cohort(count, seed=SEED + 2)
    found = found_for(check.inputs)
    blurred = found_for(hidden(check.inputs, seed=SEED + 2))
    return {
        "ceiling": ceiling(check.probabilities),
        "served": metrics(check.choices, found),
        "served_with_inputs_hidden": metrics(check.choices, blurred),
        "auroc_by_missing": {
            str(missing): metrics(
                check.choices, found_for(_without(check.inputs, missing))
            )["auroc"]
            for missing in range(len(INPUTS))
        },
        "calibration": asdict(calibration),
        "sets": coverage(calibration, check.choices, found),
        "sets_with_inputs_hidden": coverage(calibration, check.choices, blurred),
        "groups": by_group(
            check.inputs,
            check.choices,
            found,
            calibration=calibration,
            truth=check.probabilities,
        ),
    }


def _without(inputs: Array, count: int) -> Array:
    """Hide so many inputs of each patient, by chance."""
    rng = np.random.default_rng(SEED + 4)
    ranks = rng.random(inputs.shape).argsort(axis=1).argsort(axis=1)
    return np.where(ranks < count, np.nan, inputs)
