"""How good the segmentation is on patients that it was never trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from tqdm import tqdm

from inference.boxes import box_of
from inference.errors import SpineNotFoundError, UnmeasurableError
from inference.levels import NamedSpine, name_levels
from inference.measurements import measure_levels
from inference.midsagittal import CHANNEL, MidSagittal, mid_sagittal
from inference.models import SegmentationModel
from inference.network import CLASSES
from inference.preprocessing import NETWORK_SPACING_MM
from inference.results import Structure
from inference.segmentation import segment, segmentation_of
from inference.training.data import LabeledSlice
from inference.volume import SAGITTAL_DIRECTIONS, Geometry, SpineSegmentation, Volume

SLICE_MM: Final = 0.9  # of SPIDER's T2 SPACE extract
LENGTHS: Final = (
    "disc_height",
    "disc_width",
    "body_height",
    "body_width",
    "canal_diameter",
)


Interval = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Agreement of one structure of one patient with its reference mask."""

    dice: float
    iou: float
    hd95_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientResult:
    """One patient: overlaps, and predicted less reference lengths.

    Attributes:
        patient: SPIDER patient number.
        overlaps: All slices of the patient together, on the network's grid.
        differences_mm: Per quantity, on the mid-sagittal slice; empty where no spine
            was found in the predicted masks.

    """

    patient: str
    overlaps: dict[Structure, Overlap]
    differences_mm: dict[str, list[float]]

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
                overlaps={name: _overlap(found, truth, name) for name in Structure},
                differences_mm=_length_differences_mm(volume, found, truth),
            )
        )
    return results


def summary(results: Sequence[PatientResult]) -> dict[str, Interval]:
    """Return means over patients with intervals, and the spread of the lengths."""
    scores: dict[str, Interval] = {}
    for name in Structure:
        overlaps = [result.overlaps[name] for result in results]
        for metric in ("dice", "iou", "hd95_mm"):
            values = [getattr(overlap, metric) for overlap in overlaps]
            scores[f"{name}_{metric}"] = _mean_with_interval(np.array(values))
    mean_dice = np.array([result.mean_dice for result in results])
    scores["mean_dice"] = _mean_with_interval(mean_dice)
    scores["lowest_patient_dice"] = {"value": round(float(mean_dice.min()), 3)}
    for quantity in LENGTHS:
        lists = [result.differences_mm.get(quantity, []) for result in results]
        signed = np.concatenate(lists)
        scores[f"{quantity}_error_mm"] = {
            "n": len(signed),
            "mean": round(float(signed.mean()), 2),
            "median": round(float(np.median(np.abs(signed))), 2),
            "p95": round(float(np.percentile(np.abs(signed), 95)), 2),
            "largest": round(float(np.abs(signed).max()), 2),
        }
    return scores


def _mean_with_interval(values: NDArray[np.float64]) -> Interval:
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


def _overlap(
    found: SpineSegmentation, truth: SpineSegmentation, structure: Structure
) -> Overlap:
    first, second = (item.labels == CHANNEL[structure] for item in (found, truth))
    both = np.count_nonzero(first & second)
    either = np.count_nonzero(first | second)
    return Overlap(
        dice=2 * both / (both + either),
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


def _length_differences_mm(
    volume: Volume, found: SpineSegmentation, truth: SpineSegmentation
) -> dict[str, list[float]]:
    """Predicted less reference, for discs and bodies that both masks name."""
    reference = mid_sagittal(volume, truth)
    try:
        predicted = mid_sagittal(volume, _slice_of(found, reference.slice_index))
        spines = (name_levels(predicted), name_levels(reference))
    except SpineNotFoundError:
        return {}
    result: dict[str, list[float]] = {
        "canal_diameter": _canal_differences_mm((predicted, reference), spines, truth)
    }
    for kind in ("disc", "body"):
        for one, other in _pairs(*spines, kind):
            try:
                boxes = [box_of(mask, reference.pixel_mm) for mask in (one, other)]
            except UnmeasurableError:
                continue
            result.setdefault(f"{kind}_height", []).append(
                boxes[0].height_mm - boxes[1].height_mm
            )
            result.setdefault(f"{kind}_width", []).append(
                boxes[0].width_mm - boxes[1].width_mm
            )
    return result


def _canal_differences_mm(
    planes: tuple[MidSagittal, MidSagittal],
    spines: tuple[NamedSpine, NamedSpine],
    any_volume: SpineSegmentation,
) -> list[float]:
    predicted, reference = (
        [level.canal_diameter_mm for level in measure_levels(plane, spine, any_volume)]
        for plane, spine in zip(planes, spines, strict=True)
    )
    return [
        first - second
        for first, second in zip(predicted, reference, strict=True)
        if first is not None and second is not None
    ]


def _slice_of(segmentation: SpineSegmentation, index: int) -> SpineSegmentation:
    """Blank all slices but one, so that lengths of the same slice are compared."""
    probabilities = np.zeros_like(segmentation.probabilities)
    probabilities[0] = 1
    probabilities[:, index] = segmentation.probabilities[:, index]
    lumbosacral = np.zeros_like(segmentation.lumbosacral)
    lumbosacral[index] = segmentation.lumbosacral[index]
    return SpineSegmentation(
        probabilities=probabilities,
        lumbosacral=lumbosacral,
        geometry=segmentation.geometry,
    )


def _pairs(
    first: NamedSpine, second: NamedSpine, kind: str
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    if kind == "disc":
        return [
            (first.discs[name], mask)
            for name, mask in second.discs.items()
            if name in first.discs
        ]
    return [
        (first.bodies[name], mask)
        for name, mask in second.bodies.items()
        if name in first.bodies
    ]
