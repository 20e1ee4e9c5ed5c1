"""Train and check the Pfirrmann model on the radiologists' grades of SPIDER."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from inference.disc_features import disc_features
from inference.errors import SpineNotFoundError
from inference.grading import MANIFEST, median_grade
from inference.models import SegmentationModel
from inference.shapes import shapes_of
from inference.training.finding import found_spine
from inference.training.graded import GradedSlice
from inference.training.levels import levels_are_right
from inference.training.weights import write_weights

FOLDS: Final = 8  # as the paper's protocol, but by patient
ROUNDS: Final = 150  # our choice, fixed before the folds were looked at
PARAMETERS: Final = {
    "objective": "multiclass",
    "num_class": 5,
    "learning_rate": 0.04,
    "num_leaves": 7,
    "min_data_in_leaf": 15,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
BOOTSTRAPS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradedDiscs:
    """One row per disc: features, grade and patient."""

    features: NDArray[np.float64]
    grades: NDArray[np.int64]
    patients: NDArray[np.str_]


def graded_discs(
    slices: Sequence[GradedSlice], model: SegmentationModel
) -> tuple[GradedDiscs, dict[str, int]]:
    """Segment each slice, and pair the features of its discs with their grades.

    Returns:
        The discs, and counts of patients: ``seen``, ``all_levels_right`` (every
        landmark lies at the disc of its name), ``wrong_with_warning``, ``not_found``.

    """
    rows, grades, patients = [], [], []
    counts = Counter({"all_levels_right": 0, "wrong_with_warning": 0, "not_found": 0})
    for item in tqdm(slices, mininterval=5):
        counts["seen"] += 1
        try:
            _, plane, spine = found_spine(item.volume, model)
        except SpineNotFoundError:
            counts["not_found"] += 1
            continue
        if levels_are_right(item, plane, spine):
            counts["all_levels_right"] += 1
        elif spine.warnings:
            counts["wrong_with_warning"] += 1
        shapes = shapes_of(plane, spine)
        for level, features in disc_features(plane, spine, shapes).items():
            if level in item.pfirrmann:
                rows.append(features.row())
                grades.append(item.pfirrmann[level])
                patients.append(item.patient)
    discs = GradedDiscs(
        features=np.array(rows), grades=np.array(grades), patients=np.array(patients)
    )
    return discs, counts


def cross_validated(discs: GradedDiscs) -> NDArray[np.int64]:
    """Return for each disc the grade by a model that never saw its patient."""
    found = np.zeros_like(discs.grades)
    folds = GroupKFold(FOLDS, shuffle=True, random_state=7)
    for train, check in folds.split(discs.features, groups=discs.patients):
        booster = fit(discs.features[train], discs.grades[train])
        probabilities = np.asarray(booster.predict(discs.features[check]))
        found[check] = [median_grade(row) for row in probabilities.tolist()]
    return found


def fit(features: NDArray[np.float64], grades: NDArray[np.int64]) -> lightgbm.Booster:
    """Train on discs with grades 1 to 5."""
    table = lightgbm.Dataset(features, label=grades - 1)
    return lightgbm.train(PARAMETERS, table, num_boost_round=ROUNDS)


def metrics(
    discs: GradedDiscs, found: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """Return each metric with its 95 % interval, bootstrapped over patients."""
    names = np.unique(discs.patients)
    members = {name: np.flatnonzero(discs.patients == name) for name in names}
    rng = np.random.default_rng(7)
    draws = [
        np.concatenate([members[name] for name in rng.choice(names, len(names))])
        for _ in range(BOOTSTRAPS)
    ]
    result = {}
    for name, measure in METRICS.items():
        values = [measure(discs.grades[draw], found[draw]) for draw in draws]
        low, high = np.percentile(values, [2.5, 97.5])
        result[name] = {
            "value": round(float(measure(discs.grades, found)), 3),
            "low": round(float(low), 3),
            "high": round(float(high), 3),
        }
    return result


METRICS: Final = {
    "quadratic_kappa": lambda truth, found: cohen_kappa_score(
        truth, found, weights="quadratic"
    ),
    "unweighted_kappa": cohen_kappa_score,
    "balanced_accuracy": balanced_accuracy_score,
    "accuracy": lambda truth, found: (truth == found).mean(),
    "within_one_grade": lambda truth, found: (abs(truth - found) <= 1).mean(),
}


def write(booster: lightgbm.Booster, *, version: str, directory: Path) -> None:
    """Write the model as text, which loads without pickle, and its manifest."""
    write_weights(
        booster.model_to_string().encode(),
        directory / "pfirrmann.txt",
        manifest=MANIFEST,
        name="spoils-pfirrmann",
        version=version,
    )
