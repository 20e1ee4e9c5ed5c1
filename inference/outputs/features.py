"""Radiomic features of a study: a table of values, and what each of them is."""

import csv
import io
import json
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.levels.named_voxels import NamedVoxels, name_voxels
from inference.measurements.radiomics import DEFINITIONS, SETTINGS, table
from inference.pipeline import Analysis
from inference.results import Level, Structure, Vertebra
from inference.volume import square_pixels

COLUMNS: Final = ("structure", "feature", "ibsi_code", "value", "unit")
#: How far beyond its outline on the mid-sagittal slice a body may reach on the others.
#: Our choice: endplates are hollow in the middle; pedicles begin behind.
BODY_MARGIN_MM: Final = 3.0


def feature_table(analysis: Analysis) -> str:
    """Return one row per disc or vertebral body and feature, comma-separated.

    The pixels are those of the network, so that the same is seen whatever the scanner's
    pixels were. Vertebrae are taken without their arches.
    """
    volume = analysis.volume
    voxels = name_voxels(
        analysis.segmentation, analysis.plane, analysis.spine, volume.geometry
    )
    structures = {
        str(name): _mask(name, voxels, analysis)
        for name in voxels.names
        if isinstance(name, Level | Vertebra)
    }
    found = table(volume, structures, voxels.mask(Structure.CANAL))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        (item.structure, kind.name, kind.ibsi_code, item.value, kind.unit)
        for item in found
        for kind in (item.definition,)
    )
    return text.getvalue()


def feature_definitions() -> str:
    """Return the settings, and what every feature is, as JSON."""
    features = [
        {
            "feature": item.name,
            "family": item.family,
            "ibsi_code": item.ibsi_code,
            "unit": item.unit,
            "definition": item.definition,
        }
        for item in DEFINITIONS
    ]
    return json.dumps({"settings": SETTINGS, "features": features}, indent=2) + "\n"


def _mask(
    name: Level | Vertebra, voxels: NamedVoxels, analysis: Analysis
) -> NDArray[np.bool_]:
    mask = voxels.mask(name)
    body = analysis.spine.bodies.get(name) if isinstance(name, Vertebra) else None
    return mask if body is None else mask & _near(body, voxels, analysis)


def _near(
    body: NDArray[np.bool_], voxels: NamedVoxels, analysis: Analysis
) -> NDArray[np.bool_]:
    """Where a body may be on every slice, shape ``(1, rows, columns)``."""
    pixel_mm = analysis.plane.pixel_mm
    away_mm = ndimage.distance_transform_edt(~body, sampling=pixel_mm)
    on_slices = square_pixels(
        away_mm[None].astype(np.float32),
        np.array([pixel_mm, pixel_mm]),
        float(voxels.geometry.spacing_mm[1]),
    )
    rows, columns = voxels.geometry.shape[1:]
    near = np.zeros((1, rows, columns), bool)
    found = on_slices[:, :rows, :columns] <= BODY_MARGIN_MM
    near[:, : found.shape[1], : found.shape[2]] = found
    return near
