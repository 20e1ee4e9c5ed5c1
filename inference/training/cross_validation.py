"""Cross-validate the segmentation by patient: every patient is once not trained on.

Readers' masks and drawn spines only: pseudo-labels come from a network that has seen
all folds.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sklearn.model_selection import GroupKFold

from inference.segmentation.reference_engine import unreleased
from inference.training.data import LabeledSlice
from inference.training.evaluation import PatientResult, evaluate
from inference.training.segmentation import Pools, Recipe, train


def cross_validate(
    recipe: Recipe,
    slices: Sequence[LabeledSlice],
    phantoms: Sequence[LabeledSlice],
    *,
    folds: int,
    directory: Path,
) -> list[PatientResult]:
    """Train one network per fold and measure it on the patients left out.

    Args:
        recipe: Of each network.
        slices: With masks of readers; split by patient.
        phantoms: Drawn spines, which every network sees.
        folds: Number of networks.
        directory: Receives one run per fold; those that lie there are continued.

    """
    results = []
    for fold, (seen, left_out) in enumerate(_splits(slices, folds)):
        pools = Pools(phantoms=phantoms, patients=seen)
        network = train(recipe, pools, directory=directory / f"fold{fold}")
        name = f"{recipe.encoder}, fold {fold}"
        results += evaluate(left_out, unreleased(network, name))
    return results


def _splits(
    slices: Sequence[LabeledSlice], folds: int
) -> Iterator[tuple[list[LabeledSlice], list[LabeledSlice]]]:
    patients = [item.patient for item in slices]
    split = GroupKFold(folds, shuffle=True, random_state=7)
    for seen, left_out in split.split(patients, groups=patients):
        yield [slices[i] for i in seen], [slices[i] for i in left_out]
