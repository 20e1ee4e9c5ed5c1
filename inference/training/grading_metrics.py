"""How good grades, findings and classes are, against what readers said."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    roc_auc_score,
)

from inference.grading.model import CUTS, Answers
from inference.results import FindingKind
from inference.severity.spondylosis import RULE

BOOTSTRAPS: Final = 300  # our choice: half a minute for all intervals
BINS: Final = 5  # of the calibration curve


def quadratic_kappa(truth: NDArray[np.int64], found: NDArray[np.int64]) -> float:
    """Agreement beyond chance, in which a mistake costs the square of its grades."""
    return float(cohen_kappa_score(truth, found, weights="quadratic"))


GRADE_METRICS: Final[dict[str, Callable[..., float]]] = {
    "quadratic_kappa": quadratic_kappa,
    "unweighted_kappa": cohen_kappa_score,
    "balanced_accuracy": balanced_accuracy_score,
    "accuracy": lambda truth, found: float((truth == found).mean()),
    "within_one_grade": lambda truth, found: float((abs(truth - found) <= 1).mean()),
}
FINDING_METRICS: Final[dict[str, Callable[..., float]]] = {
    "auroc": roc_auc_score,
    "average_precision": average_precision_score,
}


def with_interval(
    measure: Callable[..., float],
    truth: NDArray[Any],
    found: NDArray[Any],
    patients: NDArray[np.int64],
) -> dict[str, float]:
    """Return a metric with its 95 % interval, bootstrapped over patients."""
    members = [np.flatnonzero(patients == name) for name in np.unique(patients)]
    rng = np.random.default_rng(7)
    values = []
    for _ in range(BOOTSTRAPS):
        chosen = rng.integers(len(members), size=len(members))
        draw = np.concatenate([members[index] for index in chosen])
        if np.unique(truth[draw]).size > 1:
            values.append(measure(truth[draw], found[draw]))
    low, high = np.percentile(values, [2.5, 97.5])
    return {
        "value": round(float(measure(truth, found)), 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
    }


def confusion(
    truth: NDArray[np.int64], found: NDArray[np.int64], names: Mapping[int, str]
) -> dict[str, dict[str, int]]:
    """Return per class of the reader how often each class was found.

    Args:
        truth: Classes of the reader.
        found: Those found.
        names: Of each class, in order.

    """
    table = confusion_matrix(truth, found, labels=[*names]).tolist()
    return {
        name: dict(zip(names.values(), row, strict=True))
        for name, row in zip(names.values(), table, strict=True)
    }


def findings(
    probabilities: Answers, answers: NDArray[np.bool_], patients: NDArray[np.int64]
) -> dict[str, Any]:
    """Return metrics of the findings."""
    return {
        str(kind): {
            "present": int(answers[:, index].sum()),
            **{
                name: with_interval(
                    measure, answers[:, index], probabilities[:, index], patients
                )
                for name, measure in FINDING_METRICS.items()
            },
        }
        for index, kind in enumerate(FindingKind, start=len(CUTS))
    }


def counted(
    probabilities: Answers, answers: NDArray[np.bool_]
) -> dict[str, dict[str, Any]]:
    """Return how often a finding is there that the severity rule counts as one or not.

    Between the limits of ``spondylosis.toml`` a finding is open to that rule.
    """
    result = {}
    for index, kind in enumerate(FindingKind, start=len(CUTS)):
        said, was = probabilities[:, index], answers[:, index]
        absent, present = said < RULE.findings.absent, said >= RULE.findings.present
        result[str(kind)] = {
            "counted_absent": int(absent.sum()),
            "of_these_there": _part(was[absent]),
            "counted_present": int(present.sum()),
            "of_those_there": _part(was[present]),
        }
    return result


def _part(answers: NDArray[np.bool_]) -> float | None:
    return round(float(answers.mean()), 3) if answers.size else None


def calibration(
    probabilities: NDArray[np.float64], answers: NDArray[np.bool_]
) -> dict[str, Any]:
    """Return Brier score, expected calibration error and its curve in equal bins."""
    order = np.argsort(probabilities)
    bins = [
        (float(probabilities[part].mean()), float(answers[part].mean()), len(part))
        for part in np.array_split(order, BINS)
    ]
    error = sum(abs(said - was) * count for said, was, count in bins) / len(order)
    return {
        "brier": round(float(np.mean((probabilities - answers) ** 2)), 3),
        "error": round(error, 3),
        "curve": [[round(said, 2), round(was, 2)] for said, was, _ in bins],
    }
