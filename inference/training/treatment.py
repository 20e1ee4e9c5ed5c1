"""Train, calibrate and check the treatment model on the synthetic cohort."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from inference.cohort.inputs import CLINICAL, GEOMETRY, INPUTS, OPTIONS, Input
from inference.cohort.patients import Cohort, draw_cohort
from inference.training.weights import write_weights
from inference.treatment import MANIFEST, Calibration

FOLDS: Final = 8  # as the paper's protocol; one row is one patient
SEED: Final = 7
COVERAGE: Final = 0.9
MOST_HIDDEN: Final = 0.7  # our choice: charts hold little
BINS: Final = 10
AGE_BANDS: Final = {"below 45": (0, 45), "45 to 64": (45, 65), "65 and more": (65, 200)}
SETS: Final = {"geometry": GEOMETRY, "clinical": CLINICAL, "both": INPUTS}
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
ROUNDS: Final = 80
#: The served model sees more patients, each twice.
SERVED_ROUNDS: Final = 250

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
#: Fits on inputs and choices, and returns probabilities of other inputs.
Method = Callable[[Array, Labels, Array], Array]


def _of(make: Callable[[], Any]) -> Method:
    """Make a method of one of scikit-learn's classifiers."""

    def method(inputs: Array, choices: Labels, others: Array) -> Array:
        return np.asarray(make().fit(inputs, choices).predict_proba(others))

    return method


def _boosted(inputs: Array, choices: Labels, others: Array) -> Array:
    return np.asarray(fit(inputs, choices, ROUNDS).predict(others))


METHODS: Final[dict[str, Method]] = {
    "LightGBM": _boosted,
    "logistic regression": _of(
        lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    ),
    "random forest": _of(
        lambda: RandomForestClassifier(100, min_samples_leaf=10, random_state=SEED)
    ),
    "support vector machine": _of(
        lambda: make_pipeline(
            StandardScaler(), CalibratedClassifierCV(SVC(C=0.5), cv=2, ensemble=False)
        )
    ),
    "k nearest neighbors": _of(
        lambda: make_pipeline(StandardScaler(), KNeighborsClassifier(75))
    ),
    "naive Bayes": _of(GaussianNB),
    "AdaBoost": _of(lambda: AdaBoostClassifier(n_estimators=50, random_state=SEED)),
    "extra trees": _of(
        lambda: ExtraTreesClassifier(100, min_samples_leaf=10, random_state=SEED)
    ),
    "gradient boosting": _of(
        lambda: GradientBoostingClassifier(
            n_estimators=60, max_depth=2, subsample=0.5, random_state=SEED
        )
    ),
}


def compare(
    cohort: Cohort, *, folds: int = FOLDS
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the metrics of every method on every set of inputs, cross-validated."""
    splits = [*KFold(folds, shuffle=True, random_state=SEED).split(cohort.inputs)]
    result: dict[str, dict[str, dict[str, float]]] = {}
    for name, columns in SETS.items():
        inputs = cohort.inputs[:, [INPUTS.index(column) for column in columns]]
        result[name] = {}
        for method, run in METHODS.items():
            found = np.zeros_like(cohort.probabilities)
            for train, check in splits:
                found[check] = run(inputs[train], cohort.choices[train], inputs[check])
            result[name][method] = metrics(cohort.choices, found)
    return result


def fit(inputs: Array, choices: Labels, rounds: int) -> lightgbm.Booster:
    """Train LightGBM; a not-a-number is an unknown input."""
    table = lightgbm.Dataset(inputs, label=choices)
    return lightgbm.train(PARAMETERS, table, num_boost_round=rounds)


def fit_served(cohort: Cohort) -> lightgbm.Booster:
    """Train on each patient twice: all known, and with inputs hidden by chance."""
    inputs = np.concatenate([cohort.inputs, hidden(cohort.inputs, seed=SEED)])
    choices = np.concatenate([cohort.choices, cohort.choices])
    return fit(inputs, choices, SERVED_ROUNDS)


def hidden(inputs: Array, *, seed: int) -> Array:
    """Hide inputs by chance, of some patients few and of others many."""
    rng = np.random.default_rng(seed)
    part = rng.uniform(0, MOST_HIDDEN, (len(inputs), 1))
    return np.where(rng.random(inputs.shape) < part, np.nan, inputs)


def half_hidden(cohort: Cohort) -> Array:
    """Return the inputs with some of every second patient's hidden."""
    inputs = cohort.inputs.copy()
    inputs[::2] = hidden(inputs[::2], seed=SEED)
    return inputs


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


def metrics(choices: Labels, found: Array) -> dict[str, float]:
    """Return AUROC (macro, one against the rest), log loss, error of calibration."""
    found = found / found.sum(axis=1, keepdims=True)
    return {
        "auroc": round(float(roc_auc_score(choices, found, multi_class="ovr")), 4),
        "log_loss": round(float(log_loss(choices, found)), 4),
        "calibration_error": round(calibration_error(choices, found), 4),
        "accuracy": round(float((found.argmax(axis=1) == choices).mean()), 4),
    }


def calibration_error(choices: Labels, found: Array) -> float:
    """Return the expected calibration error, the mean of all options.

    Per option, ten bins of equally many patients: how far the mean probability lies
    from how often it was chosen.
    """
    gaps = []
    for option in range(found.shape[1]):
        order = np.argsort(found[:, option])
        for part in np.array_split(order, BINS):
            gap = found[part, option].mean() - (choices[part] == option).mean()
            gaps.append(abs(gap) * len(part) / len(order))
    return float(np.sum(gaps)) / found.shape[1]


def ceiling(cohort: Cohort) -> dict[str, float]:
    """Return what the true probabilities reach: no model of these inputs can do better.

    Expected over all choices that these patients could have been given, so that no
    chance of a draw is in it: a patient counts for each option by its probability.
    """
    truth = cohort.probabilities
    aurocs = [_expected_auroc(truth[:, option]) for option in range(truth.shape[1])]
    return {
        "auroc": round(float(np.mean(aurocs)), 4),
        "auroc_surgical_opinion": round(aurocs[-1], 4),
        "log_loss": round(-float((truth * np.log(truth)).sum(axis=1).mean()), 4),
        "accuracy": round(float(truth.max(axis=1).mean()), 4),
    }


def by_group(
    cohort: Cohort, found: Array
) -> dict[str, dict[str, float | dict[str, float]]]:
    """Return the metrics by sex and age band, each beside the ceiling of that group."""
    age, female = cohort.column(Input.AGE), cohort.column(Input.FEMALE)
    groups = {"female": female == 1, "male": female == 0} | {
        name: (low <= age) & (age < high) for name, (low, high) in AGE_BANDS.items()
    }
    return {
        name: {
            "patients": int(of.sum()),
            **metrics(cohort.choices[of], found[of]),
            "ceiling": ceiling(
                Cohort(
                    inputs=cohort.inputs[of],
                    probabilities=cohort.probabilities[of],
                    choices=cohort.choices[of],
                )
            ),
        }
        for name, of in groups.items()
    }


def coverage(
    calibration: Calibration, choices: Labels, found: Array
) -> dict[str, float]:
    """Return how often the set holds what was chosen, and how large it is."""
    sets = calibration.sets(found)
    return {
        "coverage": round(float(sets[np.arange(len(choices)), choices].mean()), 4),
        "mean_size": round(float(sets.sum(axis=1).mean()), 3),
        "single": round(float((sets.sum(axis=1) == 1).mean()), 4),
    }


def train_and_check(
    *, version: str, directory: Path, served: int, compared: int
) -> dict[str, object]:
    """Train and write the served model, and return all that was measured.

    Args:
        version: Of the model.
        directory: Where it is written.
        served: Patients to train on; a quarter as many again to calibrate, and half as
            many to check.
        compared: Patients to compare the methods on.

    """
    booster = fit_served(draw_cohort(served, seed=SEED))
    aside = draw_cohort(served // 4, seed=SEED + 1)
    calibration = calibrate(_scores(booster, half_hidden(aside)), aside.choices)
    check = draw_cohort(served // 2, seed=SEED + 2)
    found = calibration.probabilities(_scores(booster, check.inputs))
    blurred = calibration.probabilities(
        _scores(booster, hidden(check.inputs, seed=SEED + 2))
    )
    best, reached = ceiling(check), metrics(check.choices, found)
    quality = (
        "trained on a synthetic cohort; retrain on local data before relying on it. "
        f"On {served // 2} invented patients never trained on: AUROC "
        f"{reached['auroc']:.3f}, where {best['auroc']:.3f} is the best possible."
    )
    write(booster, calibration, version=version, quality=quality, directory=directory)
    cohort = draw_cohort(compared, seed=SEED + 3)
    return {
        "ceiling": best,
        "served": reached,
        "served_with_inputs_hidden": metrics(check.choices, blurred),
        "calibration": asdict(calibration),
        "sets": coverage(calibration, check.choices, found),
        "sets_with_inputs_hidden": coverage(calibration, check.choices, blurred),
        "groups": by_group(check, found),
        "compared_ceiling": ceiling(cohort),
        "compared": compare(cohort),
    }


def write(
    booster: lightgbm.Booster,
    calibration: Calibration,
    *,
    version: str,
    quality: str,
    directory: Path,
) -> None:
    """Write the model as text, which loads without pickle, and its manifest."""
    write_weights(
        booster.model_to_string().encode(),
        directory / "treatment.txt",
        manifest=MANIFEST,
        name="spoils-treatment",
        version=version,
        quality=quality,
        inputs=[*INPUTS],
        options=[*OPTIONS],
        calibration=asdict(calibration),
    )


def _scores(booster: lightgbm.Booster, inputs: Array) -> Array:
    return np.asarray(booster.predict(inputs, raw_score=True, num_threads=1))


def _expected_auroc(probability: Array) -> float:
    """Return the AUROC of a true probability: each patient is both, by weight."""
    is_chosen = np.repeat([1, 0], len(probability))
    weights = np.concatenate([probability, 1 - probability])
    twice = np.concatenate([probability, probability])
    return float(roc_auc_score(is_chosen, twice, sample_weight=weights))
