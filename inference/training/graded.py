"""Mid-sagittal slices of SPIDER with landmarks.

SPIDER: doi:10.1038/s41597-024-03090-w; landmarks: LumbarCoordinates; both CC BY 4.0.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from inference.results import Level
from inference.training.data import read_table
from inference.volume import SAGITTAL_DIRECTIONS, Geometry, Volume

#: The pictures carry no millimeters. Our choice: at this height the median distance
#: from L1/L2 to L5/S1 of the landmarks (0.44 of the picture) is that of an adult.
FIELD_OF_VIEW_MM: Final = 310.0
SLICE_MM: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradedSlice:
    """One mid-sagittal slice of a patient whose discs were graded.

    Attributes:
        patient: SPIDER patient number.
        volume: The slice as a volume of one, with an assumed pixel size: the pictures
            carry none.
        landmarks_px: Per level a (row, column) of the volume at the canal side of the
            disc; empty where SPIDER has none. They were set on the T2 slice: whether
            they fit a T1 slice must be checked.

    """

    patient: str
    volume: Volume
    landmarks_px: dict[Level, tuple[float, float]]


def midsagittal_slices(directory: Path, contrast: str = "t2") -> list[GradedSlice]:
    """Read the mid-sagittal slices of one contrast, with landmarks.

    Args:
        directory: The ``spider`` folder, with ``midsagittal`` and ``landmarks.csv``.
        contrast: ``"t1"`` or ``"t2"``.

    """
    points: dict[str, dict[Level, tuple[float, float]]] = {}
    for row in read_table(directory / "landmarks.csv"):
        point = (float(row["relative_row"]), float(row["relative_column"]))
        points.setdefault(row["patient"], {})[Level(row["level"])] = point
    return [
        _graded_slice(directory, row, points.get(row["patient"], {}))
        for row in read_table(directory / "midsagittal" / "index.csv")
        if row["contrast"] == contrast
    ]


def _graded_slice(
    directory: Path,
    row: dict[str, str],
    relative: dict[Level, tuple[float, float]],
) -> GradedSlice:
    picture = Image.open(directory / "midsagittal" / row["file"])
    pixels = np.asarray(picture, dtype=np.float32)
    rows, columns = pixels.shape
    pixel_mm = FIELD_OF_VIEW_MM / rows
    affine = np.eye(4)
    affine[:3, :3] = SAGITTAL_DIRECTIONS * np.array([SLICE_MM, pixel_mm, pixel_mm])
    return GradedSlice(
        patient=row["patient"],
        volume=Volume(
            voxels=pixels[None],
            geometry=Geometry(affine_mm=affine, shape=(1, rows, columns)),
        ),
        landmarks_px={
            level: (row_part * rows, column_part * columns)
            for level, (row_part, column_part) in relative.items()
        },
    )
