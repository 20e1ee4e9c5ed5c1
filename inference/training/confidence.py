"""Learn how well an outline fits from what the probabilities say about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from inference.errors import SpineNotFoundError
from inference.geometry.midsagittal import mid_sagittal
from inference.levels.naming import NamedSpine, name_levels
from inference.quality.confidence import (
    OutlinePiece,
    expected_dice,
    outline_pieces,
)
from inference.quality.model import Calibration, bounded_logit
from inference.results import LOW_DICE, Structure
from inference.segmentation.model import SegmentationModel
from inference.training.data import LabeledSlice
from inference.training.degraded import degraded
from inference.training.evaluation import (
    dice,
    patient_volume,
    reference_segmentation,
)
from inference.training.finding import found_spine

FOLDS: Final = 10
BINS: Final = 8
BAD_DICE: Final = 0.7  # our choice: an outline that no clinician would accept
STEPS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One found outline with its true Dice."""

    patient: str
    version: str
    structure: Structure
    expected: float
    dice: float


def outlines_of(
    slices: Sequence[LabeledSlice], model: SegmentationModel
) -> Iterator[Outline]:
    """Yield the outlines on a patient's middle slice and its worse versions.

    Args:
        slices: Of one patient, with reference masks.
        model: The network.

    """
    middle = slices[len(slices) // 2]
    truth = name_levels(
        mid_sagittal(patient_volume([middle]), reference_segmentation([middle]))
    )
    rng = np.random.default_rng(int(middle.patient))
    for version, image in degraded(middle.image, middle.spacing_mm, rng).items():
        try:
            volume = patient_volume([replace(middle, image=image)])
            _, plane, spine = found_spine(volume, model)
        except SpineNotFoundError:
            continue
        for piece in outline_pieces(spine, plane.pixel_mm):
            yield Outline(
                patient=middle.patient,
                version=version,
                structure=piece.structure,
                expected=expected_dice(plane, piece),
                dice=_true_dice(piece, truth),
            )


def fit_calibration(outlines: Sequence[Outline]) -> Calibration:
    """Fit a logistic curve to Dice values between 0 and 1.

    Each outline counts once as a success, by its Dice, and once as a failure, by what
    is missing to 1.
    """
    rows = np.array([[bounded_logit(item.expected)] for item in outlines])
    dices = np.array([item.dice for item in outlines])
    fitted = LogisticRegression(C=10.0, max_iter=STEPS)
    fitted.fit(
        np.concatenate([rows, rows]),
        np.repeat([1, 0], len(rows)),
        sample_weight=np.concatenate([dices, 1 - dices]),
    )
    return Calibration(
        slope=float(fitted.coef_[0, 0]), intercept=float(fitted.intercept_[0])
    )


def fit_calibrations(outlines: Sequence[Outline]) -> dict[Structure, Calibration]:
    """Fit one curve per structure."""
    return {
        structure: fit_calibration(
            [item for item in outlines if item.structure is structure]
        )
        for structure in Structure
    }


def predicted_in_turn(outlines: Sequence[Outline]) -> NDArray[np.float64]:
    """Predict each Dice by curves that never saw the outline's patient."""
    patients = np.array([item.patient for item in outlines])
    predicted = np.zeros(len(outlines))
    for train, check in GroupKFold(FOLDS, shuffle=True, random_state=7).split(
        patients, groups=patients
    ):
        curves = fit_calibrations([outlines[index] for index in train])
        for index in check:
            item = outlines[index]
            predicted[index] = curves[item.structure].dice(item.expected)
    return predicted


def agreement(
    outlines: Sequence[Outline], predicted: NDArray[np.float64]
) -> dict[str, float]:
    """Compare predicted with true Dice, and the mark on the page with bad outlines."""
    dices = np.array([item.dice for item in outlines])
    is_marked, is_bad = predicted < LOW_DICE, dices < BAD_DICE
    return {
        "outlines": len(dices),
        "mean_dice": _rounded(dices.mean()),
        "spearman": _rounded(spearmanr(predicted, dices).statistic),
        "mean_absolute_error": _rounded(np.abs(predicted - dices).mean()),
        "marked_part": _rounded(is_marked.mean()),
        "bad_part": _rounded(is_bad.mean()),
        "bad_that_are_marked": _rounded(is_marked[is_bad].mean())
        if is_bad.any()
        else 1,
        "good_that_are_marked": _rounded(is_marked[~is_bad].mean()),
    }


def reliability(
    outlines: Sequence[Outline], predicted: NDArray[np.float64]
) -> list[dict[str, float]]:
    """Return mean predicted and mean true Dice in bins of equal number."""
    dices = np.array([item.dice for item in outlines])
    return [
        {
            "outlines": len(members),
            "predicted_dice": _rounded(predicted[members].mean()),
            "true_dice": _rounded(dices[members].mean()),
        }
        for members in np.array_split(np.argsort(predicted), BINS)
    ]


def _true_dice(piece: OutlinePiece, truth: NamedSpine) -> float:
    """Dice with the reference structure that overlaps most, zero where none does."""
    if piece.structure is Structure.CANAL:
        references = [truth.canal & piece.around]
    else:
        references = truth.instances(piece.structure)
    both = [np.count_nonzero(piece.mask & reference) for reference in references]
    return dice(piece.mask, references[int(np.argmax(both))])


def _rounded(value: float) -> float:
    return round(float(value), 3)
