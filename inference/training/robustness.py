"""How the segmentation holds when the images change and the anatomy does not.

There are no masks of other sequences here, so held-out slices are changed instead, and
T1 is compared with T2 where both show the same place.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.geometry.midsagittal import CHANNEL
from inference.results import Structure
from inference.segmentation.model import SegmentationModel
from inference.segmentation.preprocessing import NETWORK_SPACING_MM
from inference.segmentation.segment import segment
from inference.training.data import LabeledSlice
from inference.training.evaluation import (
    dice,
    patient_volume,
    reference_segmentation,
)
from inference.training.pseudo_labels import UnlabeledSlice, ask, structures
from inference.volume import Volume

Images = NDArray[np.float32]
CENTRAL_SLICES: Final = 5


def _with_pixels_of(pixel_mm: float) -> Callable[[Images, Images], Images]:
    """Blur as an acquisition with such pixels would."""
    sigma = pixel_mm / NETWORK_SPACING_MM / 2

    def changed(images: Images, _: Images) -> Images:
        return ndimage.gaussian_filter(images, (0, sigma, sigma))

    return changed


def _shaded(images: Images, _: Images) -> Images:
    """Make the coil's side four times as bright as the far one."""
    slope = np.linspace(0.25, 1.0, images.shape[2], dtype=np.float32)
    return images * slope


def _noisy(images: Images, _: Images) -> Images:
    rng = np.random.default_rng(7)
    return images + rng.normal(scale=0.1, size=images.shape).astype(np.float32)


def _like_t1(images: Images, labels: Images) -> Images:
    """Give the fluid the signal of T1, and turn the discs gray; borders stay soft."""
    wanted = {Structure.CANAL: 0.15, Structure.DISC: 0.35, Structure.VERTEBRA: 0.55}
    changed = images.copy()
    for structure, signal in wanted.items():
        mask = ndimage.gaussian_filter(
            (labels == CHANNEL[structure]).astype(np.float32), (0, 0.7, 0.7)
        )
        texture = 0.5 * (images - images[mask > 0.5].mean())  # noqa: PLR2004
        changed += mask * (signal + texture - images)
    return changed


#: Our choice of changes; each takes images and labels ``(slices, rows, columns)``.
CHANGES: Final[dict[str, Callable[[Images, Images], Images]]] = {
    "as acquired": lambda images, _: images,
    "inverted": lambda images, _: 1 - images,
    "gamma 0.5": lambda images, _: np.clip(images, 0, None) ** np.float32(0.5),
    "gamma 2": lambda images, _: np.clip(images, 0, None) ** np.float32(2),
    "like T1": _like_t1,
    "shaded 1 to 4": _shaded,
    "noise of 10 %": _noisy,
    "pixels of 1.5 mm": _with_pixels_of(1.5),
}


def dice_after_changes(
    slices: Sequence[LabeledSlice], model: SegmentationModel
) -> dict[str, dict[str, float]]:
    """Return the mean Dice over patients, per change and structure.

    Args:
        slices: Of patients never trained on.
        model: What is measured.

    """
    scores: dict[str, dict[str, list[float]]] = {name: {} for name in CHANGES}
    for patient in dict.fromkeys(item.patient for item in slices):
        own = [item for item in slices if item.patient == patient]
        first = (len(own) - CENTRAL_SLICES) // 2
        own = own[first : first + CENTRAL_SLICES]
        volume, truth = patient_volume(own), reference_segmentation(own).labels
        for name, change in CHANGES.items():
            voxels = change(volume.voxels, truth.astype(np.float32))
            changed = Volume(voxels=voxels.astype(np.float32), geometry=volume.geometry)
            found = segment(changed, model, lambda _: None).labels
            for structure in Structure:
                label = CHANNEL[structure]
                scores[name].setdefault(structure, []).append(
                    dice(found == label, truth == label)
                )
    return {
        name: {structure: round(float(np.mean(v)), 3) for structure, v in found.items()}
        for name, found in scores.items()
    }


def dice_between_t1_and_t2(
    slices: Sequence[UnlabeledSlice], model: SegmentationModel
) -> dict[str, float]:
    """Return how far the answers on T1 and on T2 of one patient agree.

    Median over patients per structure, and the number of patients whose two slices
    have the same size; a slice taken elsewhere lowers it too.
    """
    scores: dict[str, list[float]] = {structure: [] for structure in Structure}
    for patient in dict.fromkeys(item.patient for item in slices):
        own = [item for item in slices if item.patient == patient]
        if len({item.image.shape for item in own}) != 1 or len(own) == 1:
            continue
        first, second = (structures(ask(item, model)) for item in own[:2])
        for structure in Structure:
            label = CHANNEL[structure]
            scores[structure].append(dice(first == label, second == label))
    medians = {name: round(float(np.median(v)), 3) for name, v in scores.items()}
    return {**medians, "patients": len(scores[Structure.DISC])}
