"""All discs of SPIDER with a radiologist's grade, cut out as the pipeline sees them.

From the mid-sagittal T2 and T1 slices and the T2 SPACE volumes; cutting out takes
minutes, so it is kept.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from inference.errors import SpineNotFoundError
from inference.geometry.midsagittal import MidSagittal
from inference.grading.crops import level_crops, network_input
from inference.grading.features import disc_features
from inference.grading.model import CUTS, feature_table
from inference.levels.naming import NamedSpine, name_levels
from inference.measurements.shapes import shapes_of
from inference.results import MAX_LEVEL_SHIFT, FindingKind, Level, Weighting
from inference.segmentation.model import SegmentationModel
from inference.training.data import read_table
from inference.training.finding import found_spine
from inference.training.graded import GradedSlice, midsagittal_slices
from inference.training.levels import levels_are_right
from inference.volume import SAGITTAL_DIRECTIONS, Geometry, Volume

SPACE: Final = "space"
SERIES: Final = ("t2", "t1", SPACE)
#: What SPIDER calls each finding.
COLUMN_OF: Final = {
    FindingKind.NARROWING: "narrowing",
    FindingKind.BULGING: "bulging",
    FindingKind.HERNIATION: "herniation",
    FindingKind.SPONDYLOLISTHESIS: "spondylolisthesis",
    FindingKind.MODIC: "modic",
    FindingKind.UPPER_ENDPLATE: "upper_endplate",
    FindingKind.LOWER_ENDPLATE: "lower_endplate",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradedDiscs:
    """One row per disc and series.

    Attributes:
        patients: SPIDER patient number.
        series: ``"t2"``, ``"t1"`` or ``"space"``.
        levels: Index of the level, 0 for L1/L2.
        sure: Whether its name is right by a landmark; without landmarks as found.
        grades: Pfirrmann grade.
        answers: Whether each of ``grading.model.QUESTIONS`` is answered yes.
        names: Of the features.
        features: NaN where unknown, shape ``(discs, features)``.
        images: float16, what the network sees, shape ``(discs, 5, rows, columns)``.

    """

    patients: NDArray[np.int64]
    series: NDArray[np.str_]
    levels: NDArray[np.int64]
    sure: NDArray[np.bool_]
    grades: NDArray[np.int64]
    answers: NDArray[np.bool_]
    names: NDArray[np.str_]
    features: NDArray[np.float64]
    images: NDArray[np.float16]


def graded_discs(directory: Path, model: SegmentationModel, kept: Path) -> GradedDiscs:
    """Cut out and describe every graded disc, or read what was kept of it.

    Args:
        directory: The ``spider`` folder.
        model: That outlines.
        kept: Folder for what takes long; one file per network.

    """
    path = kept / f"{model.version.sha256[:8]}.npz"
    if not path.exists():
        kept.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **table(_spines(directory, model), directory))
    with np.load(path) as read:
        return GradedDiscs(
            **{item.name: read[item.name] for item in fields(GradedDiscs)}
        )


Found = tuple[int, str, MidSagittal, NamedSpine, bool]


def table(found: Iterator[Found], directory: Path) -> dict[str, Any]:
    """Return the columns of ``GradedDiscs``.

    Args:
        found: Patient, series, surface, named spine, and whether its names are right.
        directory: The ``spider`` folder, for the grades.

    """
    labels = _labels(directory)
    rows: list[tuple[Any, ...]] = []
    for patient, series, plane, spine, sure in found:
        shapes = shapes_of(plane, spine)
        crops = level_crops(plane, spine, shapes)
        weighting = Weighting.T1 if series == "t1" else Weighting.T2
        for level, described in disc_features(crops, shapes).items():
            if (patient, level) in labels:
                row = labels[patient, level]
                image = network_input(crops[level], weighting).astype(np.float16)
                place = list(Level).index(level)
                rows.append((patient, series, place, sure, row, described, image))
    names = list(dict.fromkeys(name for row in rows for name in row[5]))
    grades = np.array([int(row[4]["pfirrmann"]) for row in rows])
    present = [
        [int(row[4][COLUMN_OF[kind]]) > 0 for kind in FindingKind] for row in rows
    ]
    answers = np.hstack([grades[:, None] > np.array(CUTS), np.array(present)])
    return {
        "patients": np.array([row[0] for row in rows]),
        "series": np.array([row[1] for row in rows]),
        "levels": np.array([row[2] for row in rows]),
        "sure": np.array([row[3] for row in rows]),
        "grades": grades,
        "answers": answers,
        "names": np.array(names),
        "features": feature_table([row[5] for row in rows], names),
        "images": np.stack([row[6] for row in rows]),
    }


def _labels(directory: Path) -> dict[tuple[int, Level], dict[str, str]]:
    """Rows of the readers; disc 1 is L5/S1, counting upward."""
    return {
        (int(row["patient"]), list(Level)[len(Level) - int(row["disc"])]): row
        for row in read_table(directory / "gradings.csv")
        if 1 <= int(row["disc"]) <= len(Level)
    }


def _spines(directory: Path, model: SegmentationModel) -> Iterator[Found]:
    for contrast in SERIES[:2]:
        for item in tqdm(midsagittal_slices(directory, contrast), mininterval=5):
            with suppress(SpineNotFoundError):
                _, plane, spine = found_spine(item.volume, model)
                spine, sure = rightly_named(item, plane, spine)
                yield int(item.patient), contrast, plane, spine, sure
    for patient, volume in tqdm(space_volumes(directory), mininterval=5):
        with suppress(SpineNotFoundError):
            _, plane, spine = found_spine(volume, model)
            yield patient, SPACE, plane, spine, True


def rightly_named(
    item: GradedSlice, plane: MidSagittal, spine: NamedSpine
) -> tuple[NamedSpine, bool]:
    """Move the names to where the landmarks say, and tell whether they then fit.

    A reader's grade must not be learned at another disc.
    """
    for shift in sorted(range(-MAX_LEVEL_SHIFT, MAX_LEVEL_SHIFT + 1), key=abs):
        named = name_levels(plane, shift) if shift else spine
        if levels_are_right(item, plane, named):
            return named, True
    return spine, False


def space_volumes(directory: Path) -> list[tuple[int, Volume]]:
    """Read the T2 SPACE volumes."""
    slices: dict[int, list[dict[str, str]]] = {}
    for row in read_table(directory / "t2space" / "index.csv"):
        slices.setdefault(int(row["patient"]), []).append(row)
    volumes = []
    for patient, rows in slices.items():
        rows.sort(key=lambda row: int(row["slice"]))
        voxels = np.stack(
            [
                np.asarray(
                    Image.open(directory / "t2space" / "images" / row["file"]),
                    np.float32,
                )
                for row in rows
            ]
        )
        spacing = [
            float(rows[0][f"{axis}_spacing_mm"]) for axis in ("slice", "row", "column")
        ]
        affine = np.eye(4)
        affine[:3, :3] = SAGITTAL_DIRECTIONS * np.array(spacing)
        geometry = Geometry(affine_mm=affine, shape=voxels.shape)
        volumes.append((patient, Volume(voxels=voxels, geometry=geometry)))
    return volumes
