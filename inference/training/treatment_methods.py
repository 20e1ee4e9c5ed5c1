"""The methods that the treatment model was chosen from, cross-validated."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from inference.cohort.inputs import CLINICAL, GEOMETRY, INPUTS
from inference.cohort.patients import Cohort
from inference.training.treatment_fit import SEED, fit
from inference.training.treatment_metrics import Array, Labels, metrics

FOLDS: Final = 8  # as the paper's protocol; one row is one patient
SETS: Final = {"geometry": GEOMETRY, "clinical": CLINICAL, "both": INPUTS}
ROUNDS: Final = 80
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
