"""Volumes as DICOM MR series of an invented person."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import date

import numpy as np
from pydicom import Dataset
from pydicom.uid import generate_uid
from scipy import ndimage

from inference.phantom.mr_series import SeriesDescription, enhanced_mr, mr_series
from inference.volume import Geometry, Volume

INVENTED = SeriesDescription(
    patient_id="MRN-0001",
    patient_name="Example^Erin",
    birth_date=date(1970, 3, 31),
    sex="F",
    study_date=date(2026, 2, 28),
    study_uid="2.25.1001",
)
SMALL_SHAPE, SMALL_SPACING_MM = (6, 40, 32), (4.5, 2.5, 2.0)


def phantom_series(volume: Volume) -> list[Dataset]:
    return mr_series(volume, INVENTED)


def enhanced_series(volume: Volume) -> Dataset:
    return enhanced_mr(volume, INVENTED)


def small_volume(seed: int = 0) -> Volume:
    """Smooth shapes without anatomy: small, sagittal, non-square pixels."""
    noise = np.random.default_rng(seed).random(SMALL_SHAPE)
    smooth = ndimage.gaussian_filter(noise, (0, 2, 2))
    smooth = (smooth - smooth.min()) / np.ptp(smooth) * 4095
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]) * SMALL_SPACING_MM
    return Volume(
        voxels=np.round(smooth).astype(np.float32),
        geometry=Geometry(affine_mm=affine, shape=SMALL_SHAPE),
    )


def small_series(seed: int = 0) -> list[Dataset]:
    return phantom_series(small_volume(seed))


def changed(instance: Dataset, **attributes: object) -> Dataset:
    """Return a copy with other values; ``None`` takes an attribute away."""
    copy = deepcopy(instance)
    for name, value in attributes.items():
        if value is None:
            delattr(copy, name)
        else:
            setattr(copy, name, value)
    return copy


def all_changed(series: Sequence[Dataset], **attributes: object) -> list[Dataset]:
    """Return copies with other values and identifiers of their own."""
    copies = [changed(item, **attributes) for item in series]
    for item in copies:
        item.SOPInstanceUID = generate_uid()
    return copies
