"""What each way to other contrasts is worth: T1 is left out of training, and asked.

T1 has no masks here. So the answer on a T1 slice is compared with what the served
network says of the T2 slice of the same patient, where both show the same place: it
knows T2 from masks. Networks of few steps: they tell the ways apart, not more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference.geometry.midsagittal import CHANNEL
from inference.results import Structure
from inference.segmentation.model import SegmentationModel
from inference.segmentation.reference_engine import unreleased
from inference.training.evaluation import dice, mean_with_interval
from inference.training.pseudo_labels import (
    UnlabeledSlice,
    ask,
    is_same_place,
    structures,
)
from inference.training.segmentation import Pools, Recipe, train

LEFT_OUT: Final = "t1"
PSEUDO_SHARE: Final = 0.4  # our choice: about that of the served network's rounds

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What a network is trained on.

    Attributes:
        is_contrast_random: Whether the contrast of each crop is changed at random.
        phantom_share: Part of the crops that show a drawn spine.
        pseudo: Contrasts of the slices labeled by the served network.

    """

    is_contrast_random: bool = True
    phantom_share: float = 0.0
    pseudo: tuple[str, ...] = ()


#: Each adds one thing to the way before it; the last one leaves nothing out.
WAYS: Final[Mapping[str, Way]] = {
    "masks of T2 SPACE": Way(is_contrast_random=False),
    "contrast at random": Way(),
    "drawn spines": Way(phantom_share=0.2),
    "labeled slices of T2": Way(phantom_share=0.2, pseudo=("t2",)),
    "labeled slices of T1 too": Way(phantom_share=0.2, pseudo=("t2", LEFT_OUT)),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A slice of the contrast left out, and what it shows.

    Attributes:
        item: The slice.
        labels: Most probable structure per pixel, by the served network on T2.

    """

    item: UnlabeledSlice
    labels: Labels


def to_ask(slices: Sequence[UnlabeledSlice], served: SegmentationModel) -> list[Asked]:
    """Return the slices of ``LEFT_OUT`` that show the same place as the T2 slice.

    Args:
        slices: Of patients never trained on.
        served: Tells what the T2 slices show.

    """
    found = []
    for item in slices:
        if item.contrast != LEFT_OUT:
            continue
        for other in slices:
            if other.patient != item.patient or other.contrast == LEFT_OUT:
                continue
            own, known = ask(item, served), ask(other, served)
            if is_same_place(own, known):
                found.append(Asked(item=item, labels=structures(known)))
    return found


def compare(
    asked: Sequence[Asked], pools: Pools, *, steps: int, directory: Path
) -> dict[str, Any]:
    """Train one network per way and return the Dice of each, by structure.

    Args:
        asked: What the networks are asked.
        pools: Slices of patients that are not asked; the pseudo-labeled ones of every
            contrast.
        steps: Of each network.
        directory: Receives one run per way; those that lie there are continued.

    """
    return {
        "patients": len({one.item.patient for one in asked}),
        "steps": steps,
        "dice": {
            name: _scores(asked, _trained(way, pools, steps, directory / f"way{at}"))
            for at, (name, way) in enumerate(WAYS.items())
        },
    }


def _trained(way: Way, pools: Pools, steps: int, run: Path) -> SegmentationModel:
    recipe = Recipe(
        steps=steps,
        phantom_share=way.phantom_share,
        pseudo_share=PSEUDO_SHARE if way.pseudo else 0.0,
        is_contrast_random=way.is_contrast_random,
    )
    known = [item for item in pools.pseudo if item.contrast in way.pseudo]
    network = train(recipe, replace(pools, pseudo=known), directory=run)
    return unreleased(network, run.name)


def _scores(
    asked: Sequence[Asked], model: SegmentationModel
) -> dict[str, dict[str, float]]:
    """Mean over the slices with its 95 % bootstrap interval, per structure."""
    found: dict[str, list[float]] = {structure: [] for structure in Structure}
    for one in tqdm(asked, mininterval=10):
        answer = structures(ask(one.item, model))
        for structure in Structure:
            label = CHANNEL[structure]
            found[structure].append(dice(answer == label, one.labels == label))
    return {
        name: mean_with_interval(np.array(values)) for name, values in found.items()
    }
