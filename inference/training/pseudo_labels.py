"""Label unlabeled slices with the present network, to train the next one on.

SPIDER's mid-sagittal T1 and T2 slices have no masks but, for most patients, one
landmark per lumbar disc. The network is asked at several sizes and contrasts; the
landmarks then say which disc is L5/S1 and where the sacrum begins, and a slice on
which a landmark has no disc is left out.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from tqdm import tqdm

from inference.geometry.midsagittal import CHANNEL
from inference.geometry.pieces import centroid, long_axis
from inference.results import Level, Structure
from inference.segmentation.model import SegmentationModel
from inference.segmentation.network import CLASSES, LUMBOSACRAL
from inference.segmentation.preprocessing import (
    NETWORK_SPACING_MM,
    normalized,
    padded,
)
from inference.training.data import LabeledSlice, read_table
from inference.training.evaluation import dice
from inference.training.graded import FIELD_OF_VIEW_MM

#: From the disc L1/L2 to L5/S1. Our choice: four levels of 36 mm.
LUMBAR_LENGTH_MM: Final = 145.0
SCALES: Final = (0.8, 1.0, 1.25)
GAMMAS: Final = (0.7, 1.0, 1.5)
#: Farthest that a disc may lie from its landmark, which is at its canal side.
REACH_MM: Final = 9.0
#: Our choice: mean probability inside the structures, below which a slice is left out.
LEAST_CERTAINTY: Final = 0.85
#: Our choice: Dice of the foregrounds of a patient's T1 and T2 slice from which both
#: show the same place, so that one answer serves both.
SAME_PLACE_DICE: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnlabeledSlice:
    """One mid-sagittal slice without masks.

    Attributes:
        file: Name of its picture.
        patient: SPIDER patient number.
        contrast: ``"t1"`` or ``"t2"``.
        image: float32, shape ``(rows, columns)``, as stored.
        pixel_mm: Assumed edge of a pixel: the pictures carry none.
        landmarks_px: Per level a (row, column) at the canal side of the disc.

    """

    file: str
    patient: str
    contrast: str
    image: NDArray[np.float32]
    pixel_mm: float
    landmarks_px: dict[Level, NDArray[np.float64]]


def unlabeled_slices(directory: Path) -> list[UnlabeledSlice]:
    """Read the mid-sagittal slices; a T1 slice has the landmarks of the T2 one.

    Where both do not show the same field, ``reviewed`` leaves the T1 slice out.

    Args:
        directory: The ``spider`` folder.

    """
    relative: dict[str, dict[Level, NDArray[np.float64]]] = {}
    for row in read_table(directory / "landmarks.csv"):
        point = np.array([float(row["relative_row"]), float(row["relative_column"])])
        relative.setdefault(row["patient"], {})[Level(row["level"])] = point
    rows = read_table(directory / "midsagittal" / "index.csv")
    slices = []
    for row in rows:
        picture = Image.open(directory / "midsagittal" / row["file"])
        image = np.asarray(picture, dtype=np.float32)
        points = relative.get(row["patient"], {})
        landmarks = {level: point * image.shape for level, point in points.items()}
        slices.append(
            UnlabeledSlice(
                file=row["file"],
                patient=row["patient"],
                contrast=row["contrast"],
                image=image,
                pixel_mm=_pixel_mm(image, landmarks),
                landmarks_px=landmarks,
            )
        )
    return slices


def _pixel_mm(
    image: NDArray[np.float32], landmarks: dict[Level, NDArray[np.float64]]
) -> float:
    if not landmarks:
        return FIELD_OF_VIEW_MM / len(image)
    length = landmarks[Level.L5_S1] - landmarks[Level.L1_L2]
    return LUMBAR_LENGTH_MM / float(np.linalg.norm(length))


def pseudo_labels(
    slices: Sequence[UnlabeledSlice], model: SegmentationModel
) -> list[tuple[UnlabeledSlice, NDArray[np.uint8]]]:
    """Return the slices that could be labeled, with labels as ``LabeledSlice`` has."""
    found = []
    for patient in tqdm(dict.fromkeys(item.patient for item in slices), mininterval=10):
        own = [item for item in slices if item.patient == patient]
        answers = [ask(item, model) for item in own]
        for item, answer in zip(own, answers, strict=True):
            same = [other for other in answers if is_same_place(answer, other)]
            labels = reviewed(item, np.mean(same, axis=0, dtype=np.float32))
            if labels is not None:
                found.append((item, labels))
    return found


def ask(item: UnlabeledSlice, model: SegmentationModel) -> NDArray[np.float32]:
    """Mean probabilities ``(classes, rows, columns)`` over sizes and contrasts."""
    total = np.zeros((CLASSES, *item.image.shape), np.float32)
    for scale in SCALES:
        step = NETWORK_SPACING_MM / item.pixel_mm * scale
        shape = np.round(np.array(item.image.shape) / step).astype(int)
        image = normalized(_resized(item.image, shape))
        low = np.clip(image, 0, None)
        batch = np.stack([padded(low**gamma) for gamma in GAMMAS])
        mean = model.probabilities(batch).mean(axis=0)[:, : shape[0], : shape[1]]
        total += np.stack([_resized(part, item.image.shape) for part in mean])
    total /= len(SCALES)
    return total


def _resized(
    image: NDArray[np.float32], shape: Sequence[int] | NDArray[np.int64]
) -> NDArray[np.float32]:
    size = (int(shape[1]), int(shape[0]))
    return np.asarray(
        Image.fromarray(image).resize(size, Image.Resampling.BILINEAR), np.float32
    )


def is_same_place(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    """Whether both answers of ``ask`` have their foreground at one place."""
    if first.shape != second.shape:
        return False
    one, other = (probabilities.argmax(axis=0) > 0 for probabilities in (first, second))
    return dice(one, other) >= SAME_PLACE_DICE


def reviewed(
    item: UnlabeledSlice, probabilities: NDArray[np.float32]
) -> NDArray[np.uint8] | None:
    """Labels that agree with the landmarks; ``None`` where they do not, or lack."""
    labels = probabilities.argmax(axis=0).astype(np.uint8)
    if not (labels > 0).any():
        return None
    if probabilities.max(axis=0)[labels > 0].mean() < LEAST_CERTAINTY:
        return None
    if not item.landmarks_px:
        return None
    disc = CHANNEL[Structure.DISC]
    labels[labels == LUMBOSACRAL] = disc
    parts, _ = ndimage.label(labels == disc)
    at = {
        level: _part_at(parts, point, item.pixel_mm)
        for level, point in item.landmarks_px.items()
    }
    if None in at.values() or len(set(at.values())) < len(at):
        return None
    lowest = parts == at[Level.L5_S1]
    labels[_below(item, lowest) & ~lowest & (labels != CHANNEL[Structure.CANAL])] = 0
    labels[lowest] = LUMBOSACRAL
    return labels


def _part_at(
    parts: NDArray[np.signedinteger], point_px: NDArray[np.float64], pixel_mm: float
) -> int | None:
    """Return the connected part nearest to a point, if it is near enough."""
    pixels = np.argwhere(parts > 0)
    distances = np.linalg.norm(pixels - point_px, axis=1) * pixel_mm
    if not len(distances) or distances.min() > REACH_MM:
        return None
    row, column = pixels[distances.argmin()]
    return int(parts[row, column])


def _below(item: UnlabeledSlice, lowest: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell what lies below the line of the lowest disc, in front of the canal."""
    center, along = centroid(lowest), long_axis(lowest)
    down = np.array([along[1], -along[0]])
    back = item.landmarks_px[Level.L5_S1]
    rows, columns = np.indices(item.image.shape)
    below = (rows - center[0]) * down[0] + (columns - center[1]) * down[1] > 0
    behind = (rows - back[0]) * along[0] + (columns - back[1]) * along[1]
    found: NDArray[np.bool_] = below & (behind * item.pixel_mm < REACH_MM)
    return found


def structures(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the most probable structure per pixel; L5/S1 is a disc as any."""
    labels = probabilities.argmax(axis=0)
    return np.where(labels == LUMBOSACRAL, CHANNEL[Structure.DISC], labels)


def write(
    labeled: Sequence[tuple[UnlabeledSlice, NDArray[np.uint8]]], directory: Path
) -> None:
    """Write images, labels and an index that ``read`` understands."""
    for folder in ("images", "labels"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    with (directory / "index.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["file", "patient", "contrast", "pixel_mm"])
        for item, labels in labeled:
            Image.fromarray(item.image.astype(np.uint8)).save(
                directory / "images" / item.file
            )
            Image.fromarray(labels).save(directory / "labels" / item.file)
            rows.writerow([item.file, item.patient, item.contrast, item.pixel_mm])


def read(directory: Path) -> list[LabeledSlice]:
    """Read what ``write`` wrote."""
    return [
        LabeledSlice(
            patient=row["patient"],
            image=normalized(
                np.asarray(Image.open(directory / "images" / row["file"]))
            ),
            labels=np.asarray(Image.open(directory / "labels" / row["file"])),
            spacing_mm=(float(row["pixel_mm"]), float(row["pixel_mm"])),
            contrast=row["contrast"],
        )
        for row in read_table(directory / "index.csv")
    ]
