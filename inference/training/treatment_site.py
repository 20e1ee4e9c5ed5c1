"""Retrain the treatment model on a site's own table, and refuse what got worse.

People are split once, by chance: of every five, three to train on, one to calibrate and
one to check. The new model is enabled (written) only if on the people of the check its
Brier score and its calibration error are no higher than those of the current model.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np
from sklearn.model_selection import GroupKFold

from inference.training.site_table import SiteTable
from inference.training.treatment_fit import (
    PARAMETERS,
    SEED,
    calibrate,
    fit_served,
    half_hidden,
    hidden,
    scores,
    spread_of,
    write,
)
from inference.training.treatment_metrics import (
    Array,
    Labels,
    brier,
    by_group,
    calibration_error,
    coverage,
    metrics,
)
from inference.treatment.model import Training, TreatmentModel

SHARES: Final = (0.6, 0.8)
FOLDS: Final = 4
MOST_ROUNDS: Final = 400
PATIENCE: Final = 20
RESAMPLES: Final = 1000
#: What must not get worse: the lower the better.
JUDGED: Final[dict[str, Callable[[Labels, Array], float]]] = {
    "brier": brier,
    "calibration_error": calibration_error,
}


def retrain(
    table: SiteTable, current: TreatmentModel, *, version: str, directory: Path
) -> dict[str, Any]:
    """Train on a table, compare with the current model, and write what is no worse.

    Args:
        table: The site's patients.
        current: The model that is served now.
        version: Of the new one.
        directory: Where it is written; nothing is where it is refused.

    Returns:
        All that was measured; ``refused`` says why the model was not written, and is
        empty where it was.

    """
    known, aside, check = _split(table)
    rounds = _rounds(known)
    booster = fit_served(known.inputs, known.choices, rounds)
    calibration = calibrate(scores(booster, half_hidden(aside.inputs)), aside.choices)
    found = calibration.probabilities(scores(booster, check.inputs))
    before = current.probabilities(check.inputs)
    changes = _changes(check, found, before)
    refused = [
        f"{name} {change['new']} is higher than {change['current']} of "
        f"{current.version.name} {current.version.version}"
        for name, change in changes.items()
        if change["new"] > change["current"]
    ]
    reached = metrics(check.choices, found)
    if not refused:
        directory.mkdir(parents=True, exist_ok=True)
        trained_on = (
            f"trained on {known.count} patients of this site's own table and checked "
            f"on {check.count} others"
        )
        write(
            booster,
            calibration,
            Training(
                trained_on=trained_on, spread=spread_of(known.inputs), cohort=None
            ),
            version=version,
            quality=f"{trained_on}: log loss {reached['log_loss']}, calibration error "
            f"{reached['calibration_error']}.",
            directory=directory,
        )
    return {
        "patients": {
            "train": known.count,
            "calibrate": aside.count,
            "check": check.count,
        },
        "rounds": rounds,
        "new": reached,
        "current": metrics(check.choices, before),
        "changes": changes,
        "calibration": asdict(calibration),
        "sets": coverage(calibration, check.choices, found),
        "groups": by_group(check.inputs, check.choices, found, calibration=calibration),
        "refused": refused,
    }


def _split(table: SiteTable) -> tuple[SiteTable, SiteTable, SiteTable]:
    """Return the people to train on, to calibrate and to check, each only once."""
    people = np.random.default_rng(SEED).permutation(np.unique(table.patients))
    ends = [round(share * len(people)) for share in SHARES]
    known, aside, check = (table.of(part) for part in np.split(people, ends))
    return known, aside, check


def _rounds(table: SiteTable) -> int:
    """Return how many rounds are best for a table of this size, by cross-validation."""
    inputs = np.concatenate([table.inputs, hidden(table.inputs, seed=SEED)])
    choices, people = np.tile(table.choices, 2), np.tile(table.patients, 2)
    found = lightgbm.cv(
        PARAMETERS,
        lightgbm.Dataset(inputs, label=choices),
        MOST_ROUNDS,
        folds=[*GroupKFold(FOLDS).split(inputs, choices, people)],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    losses = found["valid multi_logloss-mean"]
    return len(losses)  # type: ignore[arg-type] # a list, as no boosters are asked for


def _changes(
    check: SiteTable, found: Array, before: Array
) -> dict[str, dict[str, Any]]:
    """Return both models' scores, and their difference with 95 % over people."""
    rng = np.random.default_rng(SEED)
    people = np.unique(check.patients)
    rows = {person: np.flatnonzero(check.patients == person) for person in people}
    draws = [
        np.concatenate([rows[person] for person in rng.choice(people, len(people))])
        for _ in range(RESAMPLES)
    ]
    result = {}
    for name, score in JUDGED.items():
        new, now = score(check.choices, found), score(check.choices, before)
        differences = [
            score(check.choices[drawn], found[drawn])
            - score(check.choices[drawn], before[drawn])
            for drawn in draws
        ]
        low, high = np.percentile(differences, (2.5, 97.5))
        result[name] = {
            "new": round(new, 4),
            "current": round(now, 4),
            "difference": round(new - now, 4),
            "low": round(float(low), 4),
            "high": round(float(high), 4),
        }
    return result
