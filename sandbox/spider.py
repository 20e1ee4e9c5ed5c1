"""Real lumbar MRI: slices of SPIDER as volumes.

SPIDER: van der Graaf et al. 2024, doi:10.1038/s41597-024-03090-w, CC BY 4.0. The slices
hold no identity: here they are lent to synthetic patients.
"""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from inference.volume import SAGITTAL_DIRECTIONS, Geometry, Volume

CREDIT = "SPIDER, doi:10.1038/s41597-024-03090-w, CC BY 4.0"


def spider_volume(directory: Path, patient: str) -> Volume:
    """Read the contiguous sagittal T2 SPACE slices of one patient.

    Superior is up and anterior is left in the pictures. Which end of the stack is left
    and which is right is not known; they are laid from right to left.

    Args:
        directory: Folder with ``index.csv`` and ``images``.
        patient: SPIDER patient number.

    """
    with (directory / "index.csv").open(newline="") as index:
        rows = [row for row in csv.DictReader(index) if row["patient"] == patient]
    rows.sort(key=lambda row: int(row["slice"]))
    pictures = [Image.open(directory / "images" / row["file"]) for row in rows]
    voxels = np.stack([np.asarray(picture) for picture in pictures])
    slice_mm, row_mm, column_mm = (
        float(rows[0][name])
        for name in ("slice_spacing_mm", "row_spacing_mm", "column_spacing_mm")
    )
    affine = np.eye(4)
    affine[:3, :3] = SAGITTAL_DIRECTIONS * np.array([slice_mm, row_mm, column_mm])
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    geometry = Geometry(affine_mm=affine, shape=shape)
    return Volume(voxels=voxels.astype(np.float32), geometry=geometry)
