"""How well probabilities of a choice of treatment fit what was chosen."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from inference.cohort.inputs import INPUTS, Input
from inference.treatment.model import Calibration

BINS: Final = 10
AGE_BANDS: Final = {"below 45": (0, 45), "45 to 64": (45, 65), "65 and more": (65, 200)}

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def metrics(choices: Labels, found: Array) -> dict[str, float]:
    """Return AUROC (macro, one against the rest), log loss and how well calibrated.

    The AUROC is left out where an option was never chosen.
    """
    found = found / found.sum(axis=1, keepdims=True)
    labels = np.arange(found.shape[1])
    has_all = len(np.unique(choices)) == len(labels)
    auroc = roc_auc_score(choices, found, multi_class="ovr") if has_all else None
    return {
        **({} if auroc is None else {"auroc": round(float(auroc), 4)}),
        "log_loss": round(float(log_loss(choices, found, labels=labels)), 4),
        "brier": round(brier(choices, found), 4),
        "calibration_error": round(calibration_error(choices, found), 4),
        "accuracy": round(float((found.argmax(axis=1) == choices).mean()), 4),
    }


def brier(choices: Labels, found: Array) -> float:
    """Return the Brier score of several options: 0 is perfect, 2 the worst."""
    chosen = np.eye(found.shape[1])[choices]
    return float(((found - chosen) ** 2).sum(axis=1).mean())


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


def ceiling(truth: Array) -> dict[str, float]:
    """Return what the true probabilities reach: no model of these inputs can do better.

    Expected over all choices that these patients could have been given, so that no
    chance of a draw is in it: a patient counts for each option by its probability.

    Args:
        truth: Probabilities, shape ``(patients, options)``.

    """
    aurocs = [_expected_auroc(truth[:, option]) for option in range(truth.shape[1])]
    return {
        "auroc": round(float(np.mean(aurocs)), 4),
        "auroc_surgical_opinion": round(aurocs[-1], 4),
        "log_loss": round(-float((truth * np.log(truth)).sum(axis=1).mean()), 4),
        "accuracy": round(float(truth.max(axis=1).mean()), 4),
    }


def by_group(
    inputs: Array,
    choices: Labels,
    found: Array,
    *,
    calibration: Calibration,
    truth: Array | None = None,
) -> dict[str, dict[str, Any]]:
    """Return every metric by sex and age band; groups without a patient are left out.

    Args:
        inputs: Shape ``(patients, inputs)``.
        choices: What was chosen.
        found: The probabilities that were estimated.
        calibration: What makes sets of them.
        truth: The true probabilities where they are known: each group then stands
            beside its own ceiling.

    """
    age = inputs[:, INPUTS.index(Input.AGE)]
    female = inputs[:, INPUTS.index(Input.FEMALE)]
    groups = {"female": female == 1, "male": female == 0} | {
        name: (low <= age) & (age < high) for name, (low, high) in AGE_BANDS.items()
    }
    return {
        name: {
            "patients": int(of.sum()),
            **metrics(choices[of], found[of]),
            **coverage(calibration, choices[of], found[of]),
            **({} if truth is None else {"ceiling": ceiling(truth[of])}),
        }
        for name, of in groups.items()
        if of.any()
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


def _expected_auroc(probability: Array) -> float:
    """Return the AUROC of a true probability: each patient is both, by weight."""
    is_chosen = np.repeat([1, 0], len(probability))
    weights = np.concatenate([probability, 1 - probability])
    twice = np.concatenate([probability, probability])
    return float(roc_auc_score(is_chosen, twice, sample_weight=weights))
