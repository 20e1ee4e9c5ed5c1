"""Training images: SPIDER slices with masks, and phantom slices.

SPIDER: van der Graaf et al. 2024, doi:10.1038/s41597-024-03090-w, CC BY 4.0. Splits are
by patient, always.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from inference.geometry.midsagittal import CHANNEL
from inference.phantom.drawing import draw_phantom
from inference.phantom.spec import DiscSpec, random_spec
from inference.results import Structure
from inference.segmentation.network import LUMBOSACRAL
from inference.segmentation.preprocessing import normalized

HELD_OUT_EVERY = 5  # our choice: every fifth patient is never trained on
LEAST_DISC_PART = 0.15  # our choice, of the median disc: less is a speck
PHANTOM_SLICES = (4, 5, 7, 8, 10)  # of 15: the midline and both sides of it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabeledSlice:
    """One sagittal slice, superior up and anterior left.

    Attributes:
        patient: SPIDER patient number, or ``"phantom-7"``.
        image: float32, shape ``(rows, columns)``, as ``preprocessing.normalized``.
        labels: uint8 like the image: 0 background, then ``Structure`` from 1, and
            ``network.LUMBOSACRAL`` for the disc L5/S1.
        spacing_mm: Distance between rows, then between columns.
        contrast: ``"space"``, ``"t1"``, ``"t2"`` or ``"drawn"``.

    """

    patient: str
    image: NDArray[np.float32]
    labels: NDArray[np.uint8]
    spacing_mm: tuple[float, float]
    contrast: str = "space"


def spider_slices(directory: Path) -> list[LabeledSlice]:
    """Read the T2 SPACE slices with their masks.

    Args:
        directory: Folder with ``index.csv``, ``images`` and ``masks``.

    """
    slices = [
        LabeledSlice(
            patient=row["patient"],
            image=normalized(
                np.asarray(Image.open(directory / "images" / row["file"]))
            ),
            labels=np.asarray(Image.open(directory / "masks" / row["file"])),
            spacing_mm=(
                float(row["row_spacing_mm"]),
                float(row["column_spacing_mm"]),
            ),
        )
        for row in read_table(directory / "index.csv")
    ]
    return [
        replace(item, labels=labels)
        for patient in dict.fromkeys(item.patient for item in slices)
        for own in [[item for item in slices if item.patient == patient]]
        for item, labels in zip(
            own,
            with_lumbosacral(np.stack([item.labels for item in own])),
            strict=True,
        )
    ]


def with_lumbosacral(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the lowest disc the label of L5/S1: SPIDER counts upward from it.

    Args:
        labels: One patient, shape ``(slices, rows, columns)``, rows downward.

    """
    parts, _ = ndimage.label(labels == CHANNEL[Structure.DISC])
    sizes = np.bincount(parts.ravel())[1:]
    whole = 1 + np.flatnonzero(sizes >= LEAST_DISC_PART * np.median(sizes))
    lowest = max(whole, key=lambda part: np.argwhere(parts == part)[:, 1].mean())
    return np.where(parts == lowest, np.uint8(LUMBOSACRAL), labels)


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file with a header."""
    with path.open(newline="") as table:
        return list(csv.DictReader(table))


def split_by_patient(
    slices: Sequence[LabeledSlice],
) -> tuple[list[LabeledSlice], list[LabeledSlice]]:
    """Return the slices to train on and those of patients never trained on."""
    patients = sorted({item.patient for item in slices}, key=int)
    held_out = set(patients[::HELD_OUT_EVERY])
    return (
        [item for item in slices if item.patient not in held_out],
        [item for item in slices if item.patient in held_out],
    )


def held_out_patients(directory: Path) -> frozenset[str]:
    """Return all patients never trained on: those with masks, and as many without.

    Args:
        directory: The ``spider`` folder.

    """
    masked, every = (
        {row["patient"] for row in read_table(directory / folder / "index.csv")}
        for folder in ("t2space", "midsagittal")
    )
    groups = (sorted(masked, key=int), sorted(every - masked, key=int))
    return frozenset(name for group in groups for name in group[::HELD_OUT_EVERY])


def _maybe_narrow(disc: DiscSpec, rng: np.random.Generator) -> DiscSpec:
    """Narrow every second canal, to as little as 40 %: patients' seldom are."""
    narrowing = rng.uniform(0.4, 1.0) if rng.random() < 0.5 else 1.0  # noqa: PLR2004
    return replace(disc, canal_mm=disc.canal_mm * narrowing)


def phantom_slices(count: int, seed: int) -> list[LabeledSlice]:
    """Draw ``count`` random phantoms and return their central slices."""
    rng = np.random.default_rng(seed)
    slices = []
    for number in range(count):
        spec = random_spec(rng)
        spec = replace(
            spec,
            discs=tuple(_maybe_narrow(disc, rng) for disc in spec.discs),
            t1_weighted=bool(rng.random() < 0.3),  # noqa: PLR2004  our choice
            rotation_degrees=tuple(rng.normal(scale=3.0, size=3)),
        )
        phantom = draw_phantom(spec)
        labels = with_lumbosacral(phantom.labels)
        slices += [
            LabeledSlice(
                patient=f"phantom-{number}",
                image=normalized(phantom.volume.voxels[index]),
                labels=labels[index],
                spacing_mm=spec.spacing_mm[1:],
                contrast="drawn",
            )
            for index in PHANTOM_SLICES
        ]
    return slices
