"""Learn what lumbar spines look like when they are found, from real ones alone.

Images of other things take no part in the fit: they only check it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.model_selection import GroupKFold

from inference.errors import InferenceError
from inference.quality.likeness import Likeness, refuse_sizes
from inference.quality.metal import refuse_metal, refuse_void, widest_void_mm
from inference.quality.traits import likeness_row, traits_of
from inference.segmentation.model import SegmentationModel
from inference.training.data import read_table, spider_slices
from inference.training.evaluation import patient_volume
from inference.training.finding import found_spine
from inference.training.graded import FIELD_OF_VIEW_MM
from inference.training.others import volume_of
from inference.volume import Volume

FOLDS: Final = 10
#: Part of the real spines that may lie beyond, before the margin. Our choice: half of
#: the 2 % that all refusals together may take.
FALSE_REFUSALS: Final = 0.01
#: Times the strangeness that only so few real spines exceed. Our choice: the next
#: hospital's spines are a little stranger, and other images are far stranger.
MARGIN: Final = 1.15
SHRINKAGE: Final = 1e-3  # our choice: keeps the covariance invertible
SLICE_STEP: Final = 5  # every fifth slice of 0.9 mm, as a routine series has them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RealSpine:
    """A slice or stack of a lumbar spine that must not be refused."""

    patient: str
    name: str
    volume: Volume


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RealTraits:
    """What was found of the real spines.

    Attributes:
        names: Of the spines whose traits are known.
        patients: Of the same.
        rows: ``traits.LIKENESS``, shape ``(spines, traits)``.
        voids_mm: Widest signal void of each.
        refused: Name to the reason, of those refused for another reason than their
            strangeness.

    """

    names: tuple[str, ...]
    patients: NDArray[np.str_]
    rows: NDArray[np.float64]
    voids_mm: NDArray[np.float64]
    refused: dict[str, str]


def real_spines(directory: Path) -> Iterator[RealSpine]:
    """Yield the mid-sagittal T1 and T2 slices and the T2 SPACE stacks of SPIDER."""
    for row in read_table(directory / "midsagittal" / "index.csv"):
        picture = np.asarray(Image.open(directory / "midsagittal" / row["file"]))
        pixel_mm = FIELD_OF_VIEW_MM / len(picture)
        yield RealSpine(
            patient=row["patient"],
            name=row["file"],
            volume=volume_of(picture.astype(np.float32), (pixel_mm, pixel_mm)),
        )
    slices = spider_slices(directory / "t2space")
    for patient in sorted({item.patient for item in slices}, key=int):
        own = [item for item in slices if item.patient == patient][::SLICE_STEP]
        yield RealSpine(
            patient=patient, name=f"T2 SPACE of {patient}", volume=patient_volume(own)
        )


def traits_of_real(spines: Iterable[RealSpine], model: SegmentationModel) -> RealTraits:
    """Find each real spine, and apply all refusals but that by strangeness."""
    names, patients, rows, voids, refused = [], [], [], [], {}
    for item in spines:
        try:
            volume, plane, spine = found_spine(item.volume, model)
            traits = traits_of(plane, spine)
            names.append(item.name)
            patients.append(item.patient)
            rows.append(likeness_row(traits))
            voids.append(widest_void_mm(volume, plane, spine))
            refuse_sizes(traits)
            refuse_void(voids[-1])
        except InferenceError as error:
            refused[item.name] = f"{type(error).__name__}: {error}"
    return RealTraits(
        names=tuple(names),
        patients=np.array(patients),
        rows=np.array(rows),
        voids_mm=np.array(voids),
        refused=refused,
    )


def fit_likeness(rows: NDArray[np.float64]) -> Likeness:
    """Return middle, spread and limit of the rows of real spines."""
    covariance = np.cov(rows.T)
    covariance += SHRINKAGE * np.diag(np.diag(covariance))
    fitted = Likeness(
        mean=np.median(rows, axis=0),
        precision=np.linalg.inv(covariance).astype(np.float64),
        limit=np.inf,
    )
    distances = [fitted.distance(row) for row in rows]
    limit = MARGIN * float(np.quantile(distances, 1 - FALSE_REFUSALS))
    return Likeness(mean=fitted.mean, precision=fitted.precision, limit=limit)


def strange_in_turn(real: RealTraits) -> list[str]:
    """Name the real spines that a fit without their patient finds too strange."""
    strange = []
    folds = GroupKFold(FOLDS, shuffle=True, random_state=7)
    for train, check in folds.split(real.rows, groups=real.patients):
        fitted = fit_likeness(real.rows[train])
        strange += [
            real.names[index]
            for index in check
            if fitted.distance(real.rows[index]) > fitted.limit
        ]
    return strange


def refusal_of(
    volume: Volume, model: SegmentationModel, likeness: Likeness
) -> str | None:
    """Name the refusal of an image, ``None`` when it would be measured."""
    try:
        volume, plane, spine = found_spine(volume, model)
        traits = traits_of(plane, spine)
        refuse_sizes(traits)
        likeness.refuse_strange(traits)
        refuse_metal(volume, plane, spine)
    except InferenceError as error:
        return type(error).__name__
    return None


def check_others(
    others: Iterable[tuple[str, Volume]], model: SegmentationModel, likeness: Likeness
) -> dict[str, object]:
    """Count the refusals of images that have to be refused."""
    found = {name: refusal_of(volume, model, likeness) for name, volume in others}
    return {
        "images": len(found),
        "refused": sum(reason is not None for reason in found.values()),
        "by": dict(Counter(reason for reason in found.values() if reason)),
        "accepted": [name for name, reason in found.items() if reason is None],
    }
