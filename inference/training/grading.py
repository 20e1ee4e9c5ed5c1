"""Train and check the grading on the radiologists' grades of SPIDER.

Trees on features, a network on crops, and both joined are compared by the same folds:
no disc is ever graded by a model, joined by weights or calibrated by a curve that saw
its patient.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from inference.grading.crops import level_crops
from inference.grading.model import (
    CUTS,
    MANIFEST,
    QUESTIONS,
    Answers,
    GradingModel,
    GradingParts,
    Joining,
    in_order,
    log_odds,
)
from inference.measurements.shapes import shapes_of
from inference.results import FindingKind, Level, Weighting
from inference.segmentation.model import SegmentationModel
from inference.training.data import held_out_patients, read_table
from inference.training.finding import found_spine
from inference.training.graded import midsagittal_slices
from inference.training.graded_discs import (
    SERIES,
    SPACE,
    GradedDiscs,
    graded_discs,
)
from inference.training.grading_metrics import (
    GRADE_METRICS,
    calibration,
    confusion,
    counted,
    findings,
    quadratic_kappa,
    with_interval,
)
from inference.training.grading_network import (
    EPOCHS,
    Seen,
    answers_of,
    fit,
    frozen_stages,
    graph,
    look,
)
from inference.training.weights import write_weights

FOLDS: Final = 8  # as the paper's protocol, but by patient
ROUNDS: Final = 150  # our choice, as of the settings below
PARAMETERS: Final = {
    "objective": "binary",
    "learning_rate": 0.04,
    "num_leaves": 7,
    "min_data_in_leaf": 15,
    "feature_fraction": 0.12,  # many features say the same
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
WEAK_PRIOR: Final = 10.0  # inverse strength of the prior on the joining weights
STRETCHES: Final = np.linspace(0, 0.4, 9)  # of the expected grade about its mean
PARTS: Final = (0.25, 0.5, 1.0)  # of the patients, for the learning curve
SMALLEST_GROUP: Final = 20  # our choice, in discs: fewer say nothing of a group

GRADES: Final = {grade: str(grade) for grade in range(1, len(CUTS) + 2)}

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutOfFold:
    """What models say of discs whose patient they never saw.

    Attributes:
        trees: Log odds, shape ``(discs, questions)``; NaN on T1.
        network: Log odds, same shape.
        folds: Of each disc.

    """

    trees: Answers
    network: Answers
    folds: NDArray[np.int64]


def train_and_check(
    directory: Path, model: SegmentationModel, kept: Path
) -> tuple[GradingParts, dict[str, Any]]:
    """Return the model that was trained on all discs, and how good it probably is.

    Args:
        directory: The ``spider`` folder.
        model: That outlines the discs.
        kept: Folder for what takes long.

    """
    discs = graded_discs(directory, model, kept)
    stages = frozen_stages()
    seen = look(stages, discs.images, discs.answers)
    found = cross_validated(discs, seen)
    right = np.flatnonzero(discs.sure)
    parts = served(
        discs,
        found,
        trees=[tree.model_to_string() for tree in fit_trees(discs, right)],
        network=graph(stages, fit(seen, right, seed=FOLDS)),
    )
    return parts, {
        "discs": {name: int((discs.series == name).sum()) for name in SERIES},
        "names_not_sure": int((~discs.sure).sum()),
        **checked(discs, found),
        "quadratic_kappa_by": by_group(discs, found, directory),
        "learning_curve": learning_curve(discs, seen, found),
    }


def cross_validated(
    discs: GradedDiscs,
    seen: Seen,
    *,
    part: float = 1.0,
    epochs: int = EPOCHS,
) -> OutOfFold:
    """Let models answer that were trained on other patients.

    Args:
        discs: All of them.
        seen: What the frozen stages see of them.
        part: Of the other patients that is trained on, for a learning curve.
        epochs: Of the network.

    """
    folds = np.zeros(len(discs.patients), np.int64)
    splits = GroupKFold(FOLDS, shuffle=True, random_state=7)
    for fold, (_, check) in enumerate(splits.split(folds, groups=discs.patients)):
        folds[check] = fold
    trees, network = (np.full(discs.answers.shape, np.nan) for _ in range(2))
    rng = np.random.default_rng(7)
    for fold in tqdm(range(FOLDS), mininterval=5):
        others = np.unique(discs.patients[folds != fold])
        chosen = rng.permutation(others)[: round(part * len(others))]
        train = np.flatnonzero(np.isin(discs.patients, chosen) & discs.sure)
        check = np.flatnonzero(folds == fold)
        head = fit(seen, train, seed=fold, epochs=epochs)
        network[check] = answers_of(head, seen, check)
        check = check[discs.series[check] != "t1"]
        for index, tree in enumerate(fit_trees(discs, train)):
            found = np.asarray(tree.predict(discs.features[check], num_threads=1))
            trees[check, index] = log_odds(found)
    return OutOfFold(trees=trees, network=network, folds=folds)


def fit_trees(discs: GradedDiscs, train: Rows) -> list[lightgbm.Booster]:
    """Train one model per question, on T2 alone."""
    rows = train[discs.series[train] != "t1"]
    return [
        lightgbm.train(
            PARAMETERS,
            lightgbm.Dataset(discs.features[rows], label=answers[rows].astype(float)),
            num_boost_round=ROUNDS,
        )
        for answers in discs.answers.T
    ]


def joining_weights(odds: Sequence[Answers], answers: NDArray[np.bool_]) -> Answers:
    """Return per question an intercept and a weight for each of some log odds."""
    found = []
    for index, said in enumerate(answers.T):
        table = np.stack([item[:, index] for item in odds], axis=1)
        model = LogisticRegression(C=WEAK_PRIOR).fit(table, said)
        found.append([*model.intercept_, *model.coef_[0]])
    return np.array(found)


def joined(
    odds: Sequence[Answers], answers: NDArray[np.bool_], folds: NDArray[np.int64]
) -> Answers:
    """Return calibrated probabilities, with weights fitted on other folds."""
    result = np.zeros(answers.shape)
    for fold in np.unique(folds):
        train, check = folds != fold, folds == fold
        weights = joining_weights([item[train] for item in odds], answers[train])
        result[check] = _weighted(weights, [item[check] for item in odds])
    return result


def _weighted(weights: Answers, odds: Sequence[Answers]) -> Answers:
    terms = [weights[:, 1 + at] * item for at, item in enumerate(odds)]
    probabilities: Answers = expit(weights[:, 0] + sum(terms))
    return probabilities


def on_t2(discs: GradedDiscs, found: OutOfFold) -> tuple[Rows, Answers]:
    """Return the discs of T2, and what trees and network say of them together."""
    rows = np.flatnonzero(discs.series == "t2")
    odds = [found.trees[rows], found.network[rows]]
    return rows, joined(odds, discs.answers[rows], found.folds[rows])


def of_first_patient(
    directory: Path, outlines: SegmentationModel, model: GradingModel
) -> dict[str, Any]:
    """Return what a model says of the first patient's T2 slice.

    No quality, because it was trained on that patient: a quick check that weights,
    features and outlines still belong together.
    """
    first = min(midsagittal_slices(directory), key=lambda item: int(item.patient))
    _, plane, spine = found_spine(first.volume, outlines)
    shapes = shapes_of(plane, spine)
    found = model.assess(level_crops(plane, spine, shapes), shapes, Weighting.T2)
    return {
        "patient": first.patient,
        "pfirrmann": {item.level.value: item.pfirrmann for item in found.gradings},
        "narrowing": {
            item.level.value: round(item.narrowing or 0.0, 3) for item in found.findings
        },
    }


def best_limits(above: Answers, grades: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the expected grades between the grades at which quadratic kappa is best.

    Expected grades shrink toward the middle; they are stretched about their mean.
    """
    expected = 1 + above.sum(axis=1)
    choices = [_limits(float(expected.mean()), stretch) for stretch in STRETCHES]
    return max(
        choices,
        key=lambda limits: quadratic_kappa(
            grades, 1 + np.searchsorted(limits, expected)
        ),
    )


def _limits(mean: float, stretch: float) -> NDArray[np.float64]:
    between = np.array(CUTS) + 0.5
    limits: NDArray[np.float64] = mean + (between - mean) / (1 + stretch)
    return limits


def graded(
    probabilities: Answers, grades: NDArray[np.int64], folds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return grades, with limits found on other folds."""
    above = in_order(probabilities[:, : len(CUTS)])
    found = np.zeros_like(grades)
    for fold in np.unique(folds):
        train, check = folds != fold, folds == fold
        limits = best_limits(above[train], grades[train])
        found[check] = 1 + np.searchsorted(limits, 1 + above[check].sum(axis=1))
    return found


def checked(discs: GradedDiscs, found: OutOfFold) -> dict[str, Any]:
    """Compare trees, network and both; measure the served one in every way."""
    rows, both = on_t2(discs, found)
    answers, folds = discs.answers[rows], found.folds[rows]
    trees, network = found.trees[rows], found.network[rows]
    ways = {
        "trees": joined([trees], answers, folds),
        "network": joined([network], answers, folds),
        "joined": both,
    }
    results: dict[str, Any] = {
        "models": {
            name: scores(discs, rows, probabilities, folds)
            for name, probabilities in ways.items()
        }
    }
    results["rule"] = counted(both, answers)
    results["calibration"] = {
        name: {
            "before": calibration(expit((trees + network) / 2)[:, index], said),
            "after": calibration(both[:, index], said),
        }
        for index, (name, said) in enumerate(zip(QUESTIONS, answers.T, strict=True))
    }
    space = np.flatnonzero(discs.series == SPACE)
    if space.size:
        weights = joining_weights([trees, network], answers)
        results["on_space"] = scores(
            discs,
            space,
            _weighted(weights, [found.trees[space], found.network[space]]),
            found.folds[space],
        )
    on_t1 = np.flatnonzero(discs.series == "t1")
    if on_t1.size:
        odds, said = found.network[on_t1], discs.answers[on_t1]
        alone = joined([odds], said, found.folds[on_t1])
        results["on_t1"] = findings(alone, said, discs.patients[on_t1])
        results["rule_on_t1"] = counted(alone, said)
    return results


def scores(
    discs: GradedDiscs, rows: Rows, probabilities: Answers, folds: NDArray[np.int64]
) -> dict[str, Any]:
    """Return metrics of grades and findings on some discs."""
    truth, patients = discs.grades[rows], discs.patients[rows]
    grades = graded(probabilities, truth, folds)
    return {
        "discs": len(rows),
        "patients": len(np.unique(patients)),
        "pfirrmann": {
            name: with_interval(measure, truth, grades, patients)
            for name, measure in GRADE_METRICS.items()
        },
        "confusion": confusion(truth, grades, GRADES),
        "findings": findings(probabilities, discs.answers[rows], patients),
    }


def by_group(
    discs: GradedDiscs, found: OutOfFold, directory: Path
) -> dict[str, dict[str, Any]]:
    """Return quadratic kappa by sex, scanner, level and what the outlines rest on.

    Groups below ``SMALLEST_GROUP`` are left out.
    """
    rows, probabilities = on_t2(discs, found)
    truth = discs.grades[rows]
    grades = graded(probabilities, truth, found.folds[rows])
    index = {
        int(row["patient"]): row
        for row in read_table(directory / "midsagittal" / "index.csv")
        if row["contrast"] == "t2"
    }
    patients = discs.patients[rows]
    described = [index[patient] for patient in patients.tolist()]
    held_out = held_out_patients(directory)
    groups = {
        "sex": [row["sex"] for row in described],
        "manufacturer": [row["manufacturer"].split()[0] for row in described],
        "field_strength_t": [row["field_strength_t"] for row in described],
        "slice_mm": [f"{float(row['slice_thickness_mm']):.1f}" for row in described],
        "segmentation": [
            "never saw them" if row["patient"] in held_out else "trained on them"
            for row in described
        ],
        "level": [list(Level)[at].value for at in discs.levels[rows]],
    }
    return {
        name: {
            value: {
                "discs": int(own.sum()),
                "quadratic_kappa": with_interval(
                    quadratic_kappa, truth[own], grades[own], patients[own]
                ),
            }
            for value in sorted(set(values))
            if (own := np.array(values) == value).sum() >= SMALLEST_GROUP
        }
        for name, values in groups.items()
    }


def learning_curve(
    discs: GradedDiscs, seen: Seen, whole: OutOfFold
) -> dict[str, dict[str, float]]:
    """Return metrics of both joined, by the number of patients trained on.

    Args:
        discs: All of them.
        seen: What the frozen stages see of them.
        whole: Answers of models that were trained on all other patients.

    """
    curve = {}
    for part in PARTS:
        found = whole if part == 1 else cross_validated(discs, seen, part=part)
        rows, probabilities = on_t2(discs, found)
        grades = graded(probabilities, discs.grades[rows], found.folds[rows])
        auroc = {
            str(kind): round(
                float(roc_auc_score(discs.answers[rows, at], probabilities[:, at])), 3
            )
            for at, kind in enumerate(FindingKind, start=len(CUTS))
        }
        patients = len(np.unique(discs.patients)) * (FOLDS - 1) / FOLDS * part
        kappa = round(quadratic_kappa(discs.grades[rows], grades), 3)
        curve[str(round(patients))] = {"quadratic_kappa": kappa, **auroc}
    return curve


def served(
    discs: GradedDiscs, found: OutOfFold, trees: Sequence[str], network: bytes
) -> GradingParts:
    """Join models that were trained on all discs as out-of-fold answers say.

    Args:
        discs: All of them.
        found: Out-of-fold answers.
        trees: Text of one model per question.
        network: As ``graph`` returns it.

    """
    t2, t1 = (np.flatnonzero(discs.series == name) for name in ("t2", "t1"))
    odds = [found.trees[t2], found.network[t2]]
    on_t2 = joining_weights(odds, discs.answers[t2])
    above = in_order(_weighted(on_t2, odds)[:, : len(CUTS)])
    known = slice(len(CUTS), None)
    on_t1 = joining_weights([found.network[t1][:, known]], discs.answers[t1][:, known])
    return GradingParts(
        trees=tuple(trees),
        network=network,
        joining=Joining(
            features=tuple(discs.names.tolist()),
            on_t2=tuple((a, b, c) for a, b, c in on_t2.tolist()),
            on_t1=tuple((a, b) for a, b in on_t1.tolist()),
            limits=tuple(best_limits(above, discs.grades[t2]).tolist()),
        ),
    )


def write(
    parts: GradingParts, *, version: str, directory: Path, quality: str
) -> Mapping[str, Any]:
    """Write the model and its manifest, which is returned."""
    return write_weights(
        parts.packed(),
        directory / "grading.zip",
        manifest=MANIFEST,
        name="spoils-grading",
        version=version,
        quality=quality,
    )


def sentence(results: Mapping[str, Any]) -> str:
    """Return what was measured in a sentence, which is shown with every result."""
    both = results["models"]["joined"]
    found, patients = both["pfirrmann"], both["patients"]
    return (
        f"In cross-validation by patient ({patients} patients): kappa of the Pfirrmann "
        f"grade with the reader {found['unweighted_kappa']['value']} unweighted and "
        f"{found['quadratic_kappa']['value']} quadratic, within one grade "
        f"{found['within_one_grade']['value']:.1%}."
    )
