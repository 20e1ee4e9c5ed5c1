"""How good the segmentation is on patients that it was never trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from tqdm import tqdm

from inference.geometry.midsagittal import CHANNEL
from inference.results import Structure
from inference.segmentation.model import SegmentationModel
from inference.segmentation.network import CLASSES
from inference.segmentation.preprocessing import NETWORK_SPACING_MM
from inference.segmentation.segment import segment, segmentation_of
from inference.training.data import LabeledSlice
from inference.training.lengths import (
    PairedLength,
    canal_summary,
    error_summary,
    paired_lengths,
)
from inference.volume import SAGITTAL_DIRECTIONS, Geometry, SpineSegmentation, Volume

SLICE_MM: Final = 0.9  # of SPIDER's T2 SPACE extract

Interval = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Agreement of one structure of one patient with its reference mask.

    Attributes:
        accuracy: Part of all voxels that are rightly inside or outside.
        precision: Part of the found voxels that are in the mask.
        recall: Part of the mask that was found.
        dice: Twice what both share over what both have.
        iou: What both share over what either has.
        hd95_mm: 95th percentile of the distances between both borders, both ways.

    """

    accuracy: float
    precision: float
    recall: float
    dice: float
    iou: float
    hd95_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientResult:
    """One patient: overlaps, and predicted less reference lengths.

    Attributes:
        patient: SPIDER patient number.
        overlaps: All slices of the patient together, on the network's grid.
        lengths: On the mid-sagittal surface; empty where no spine was found in the
            predicted masks.

    """

    patient: str
    overlaps: dict[Structure, Overlap]
    lengths: list[PairedLength]

    @property
    def mean_dice(self) -> float:
        """Mean over the structures."""
        return float(np.mean([item.dice for item in self.overlaps.values()]))


def evaluate(
    slices: Sequence[LabeledSlice], model: SegmentationModel
) -> list[PatientResult]:
    """Compare predicted with reference masks, patient by patient."""
    results = []
    for patient in tqdm(sorted({item.patient for item in slices}, key=int)):
        own = [item for item in slices if item.patient == patient]
        volume = patient_volume(own)
        found = segment(volume, model, lambda _: None)
        truth = reference_segmentation(own)
        results.append(
            PatientResult(
                patient=patient,
                overlaps={name: overlap(found, truth, name) for name in Structure},
                lengths=paired_lengths(volume, found, truth),
            )
        )
    return results


def summary(results: Sequence[PatientResult]) -> dict[str, Any]:
    """Return means over patients with intervals, and the spread of the lengths."""
    lengths = [length for result in results for length in result.lengths]
    mean_dice = np.array([result.mean_dice for result in results])
    return {
        "patients": {item.patient: round(item.mean_dice, 3) for item in results},
        "mean_dice": mean_with_interval(mean_dice),
        "overlap": {
            str(name): _overlaps([result.overlaps[name] for result in results])
            for name in Structure
        },
        "length_errors": error_summary(lengths),
        "central_canal": canal_summary(lengths),
    }


def sentence(found: Mapping[str, Any]) -> str:
    """Return a summary in a sentence, which is shown with every result."""
    dice, error = found["mean_dice"], found["length_errors"]["disc_height_mm"]
    return (
        f"On {len(found['patients'])} patients never trained on: mean Dice "
        f"{dice['value']}; half of the disc heights within {error['median']} mm and "
        f"95 % within {error['p95']} mm of those on a reader's outlines."
    )


def _overlaps(overlaps: Sequence[Overlap]) -> dict[str, Interval]:
    return {
        item.name: mean_with_interval(
            np.array([getattr(overlap, item.name) for overlap in overlaps])
        )
        for item in fields(Overlap)
    }


def mean_with_interval(values: NDArray[np.float64]) -> Interval:
    """Mean over patients with its 95 % bootstrap interval."""
    rng = np.random.default_rng(7)
    means = rng.choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return {
        "value": round(float(values.mean()), 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
    }


def patient_volume(slices: Sequence[LabeledSlice]) -> Volume:
    """Return one patient's slices as a volume on the network's grid."""
    return _volume([item.image for item in slices], slices[0].spacing_mm)


def _volume(
    images: Sequence[NDArray[np.generic]], spacing_mm: tuple[float, float]
) -> Volume:
    voxels = np.stack(images).astype(np.float32)
    affine = np.eye(4)
    affine[:3, :3] = SAGITTAL_DIRECTIONS * np.array([SLICE_MM, *spacing_mm])
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    volume = Volume(voxels=voxels, geometry=Geometry(affine_mm=affine, shape=shape))
    return volume.resampled_in_plane(NETWORK_SPACING_MM)


def reference_segmentation(slices: Sequence[LabeledSlice]) -> SpineSegmentation:
    """Return one patient's reference masks as a segmentation on the network's grid."""
    classes = [
        _volume([item.labels == label for item in slices], slices[0].spacing_mm)
        for label in range(CLASSES)
    ]
    return segmentation_of(
        np.stack([item.voxels for item in classes]), classes[0].geometry
    )


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Overlap of two masks, 0 to 1; of two empty ones 1."""
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return 2 * np.count_nonzero(first & second) / total if total else 1.0


def overlap(
    found: SpineSegmentation, truth: SpineSegmentation, structure: Structure
) -> Overlap:
    """Compare one structure of two segmentations of the same grid."""
    first, second = (item.labels == CHANNEL[structure] for item in (found, truth))
    both = np.count_nonzero(first & second)
    either = np.count_nonzero(first | second)
    return Overlap(
        accuracy=np.count_nonzero(first == second) / first.size,
        precision=both / max(int(np.count_nonzero(first)), 1),
        recall=both / np.count_nonzero(second),
        dice=dice(first, second),
        iou=both / either,
        hd95_mm=_hd95_mm(first, second, found.geometry.spacing_mm),
    )


def _hd95_mm(
    first: NDArray[np.bool_], second: NDArray[np.bool_], spacing: NDArray[np.float64]
) -> float:
    """95th percentile of the distances between both surfaces, both ways."""
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (first, second)]
    distances = [
        ndimage.distance_transform_edt(~surface, sampling=spacing)
        for surface in surfaces
    ]
    both_ways = np.concatenate([distances[1][surfaces[0]], distances[0][surfaces[1]]])
    return float(np.percentile(both_ways, 95))
