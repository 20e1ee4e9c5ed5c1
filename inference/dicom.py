"""DICOM MR series: choose one, say whose it is, read it as a volume (PS3.3, C.7.6.2).

Slices are ordered by ImageOrientationPatient and ImagePositionPatient, never by
InstanceNumber.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from inference.errors import (
    IrregularVolumeError,
    SeriesNotFoundError,
    UnsuitableStudyError,
)
from inference.results import Identity, Study
from inference.volume import MIN_SAGITTAL_COSINE, Geometry, Volume

MIN_SLICES: Final = 5  # our choice: fewer cannot hold both edges of the canal
MAX_VOXELS: Final = 300 * 1024 * 1024  # our choice: refused before decoding
SPACING_TOLERANCE: Final = 0.02  # our choice: part of the spacing, as scanners round
ORIENTATION_TOLERANCE: Final = 1e-3  # direction cosines are written with few digits
#: T2 weighting: long echo and repetition time. Our choice, below every T2 of SPIDER
#: and above every T1 (midsagittal/index.csv).
MIN_ECHO_TIME_MS: Final = 50.0
MIN_REPETITION_TIME_MS: Final = 1000.0
FAT_SUPPRESSED: Final = ("stir", "tirm", "fs", "fatsat", "fat sat", "spair", "water")
SEXES: Final = {"M": "male", "F": "female", "O": "other"}  # DICOM PS3.3, C.7.1.1


def select_series(first_instances: Mapping[str, Dataset]) -> str:
    """Return the UID of the best sagittal T2 series by its metadata.

    Plain T2 is preferred to fat-suppressed T2, then the series with the smaller pixels.

    Args:
        first_instances: SeriesInstanceUID to the attributes of one of its instances.

    Raises:
        SeriesNotFoundError: No series is a sagittal T2-weighted MR acquisition.

    """
    suitable = [
        uid for uid, instance in first_instances.items() if _is_sagittal_t2(instance)
    ]
    if not suitable:
        raise SeriesNotFoundError(
            f"none of {len(first_instances)} series is a sagittal T2 acquisition"
        )
    return min(suitable, key=lambda uid: _preference(first_instances[uid]))


def identity_of(dataset: Dataset) -> Identity:
    """Read whose images these are."""
    name = dataset.get("PatientName")
    patient_id = str(dataset.get("PatientID") or "").strip()
    return Identity(
        identifiers=frozenset({patient_id} if patient_id else ()),
        family=str(name.family_name) or None if name else None,
        given=str(name.given_name) or None if name else None,
        birth_date=_date(dataset.get("PatientBirthDate")),
        sex=SEXES.get(str(dataset.get("PatientSex") or "")),
    )


def study_of(datasets: Sequence[Dataset]) -> Study:
    """Describe the series that was read."""
    first = datasets[0]
    return Study(
        study_uid=str(first.StudyInstanceUID),
        series_uid=str(first.SeriesInstanceUID),
        acquired_on=_date(first.get("StudyDate")),
        description=str(first.get("SeriesDescription") or ""),
        slice_count=len(datasets),
    )


def read_volume(datasets: Sequence[Dataset]) -> Volume:
    """Stack the slices of one series in the order in which they lie in the patient.

    Args:
        datasets: All instances of one classic (single-frame) MR series, in any order.

    Raises:
        UnsuitableStudyError: An attribute or the pixel data is missing or broken.
        IrregularVolumeError: The slices differ in grid, orientation or distance.

    """
    if len(datasets) < MIN_SLICES:
        raise UnsuitableStudyError(
            f"{len(datasets)} slices, at least {MIN_SLICES} are needed"
        )
    row, column, normal = _orientation(datasets)
    spacing = _common(datasets, "PixelSpacing", 2)
    rows, columns = (int(_common(datasets, name, 1)[0]) for name in ("Rows", "Columns"))
    if rows * columns * len(datasets) > MAX_VOXELS:
        raise UnsuitableStudyError(f"{rows}x{columns}x{len(datasets)} is too large")
    positions = np.array(
        [_numbers(item, "ImagePositionPatient", 3) for item in datasets]
    )
    order = np.argsort(positions @ normal)
    step = _slice_step_mm((positions @ normal)[order])
    affine = np.eye(4)
    affine[:3, 0] = normal * step
    affine[:3, 1] = column * spacing[0]
    affine[:3, 2] = row * spacing[1]
    affine[:3, 3] = positions[order[0]]
    _refuse_sheared(positions[order], affine)
    voxels = np.stack([_pixels(datasets[index]) for index in order])
    return Volume(
        voxels=voxels,
        geometry=Geometry(affine_mm=affine, shape=(len(datasets), rows, columns)),
    )


def _is_sagittal_t2(instance: Dataset) -> bool:
    image_type = [str(part).upper() for part in instance.get("ImageType") or ()]
    if str(instance.get("Modality")) != "MR":
        return False
    if "LOCALIZER" in image_type or "DERIVED" in image_type[:1]:
        return False
    return _is_sagittal(instance) and _is_t2(instance)


def _is_sagittal(instance: Dataset) -> bool:
    cosines = instance.get("ImageOrientationPatient")
    if cosines is None or len(cosines) != 6:  # noqa: PLR2004  two directions in space
        return False
    values = np.array([float(cosine) for cosine in cosines])
    return bool(abs(np.cross(values[:3], values[3:])[0]) >= MIN_SAGITTAL_COSINE)


def _is_t2(instance: Dataset) -> bool:
    echo, repetition = instance.get("EchoTime"), instance.get("RepetitionTime")
    if echo is None or repetition is None:
        return "t2" in str(instance.get("SeriesDescription") or "").lower()
    return (
        float(echo) >= MIN_ECHO_TIME_MS and float(repetition) >= MIN_REPETITION_TIME_MS
    )


def _preference(instance: Dataset) -> tuple[bool, float]:
    description = str(instance.get("SeriesDescription") or "").lower()
    inverted = instance.get("InversionTime") is not None
    suppressed = inverted or any(word in description for word in FAT_SUPPRESSED)
    spacing = instance.get("PixelSpacing")
    return suppressed, float(spacing[0]) if spacing else np.inf


def _date(value: object) -> date | None:
    try:
        return datetime.strptime(str(value or ""), "%Y%m%d").date()  # noqa: DTZ007
    except ValueError:
        return None


def _numbers(dataset: Dataset, name: str, count: int) -> NDArray[np.float64]:
    value = dataset.get(name)
    if value is None:
        raise UnsuitableStudyError(f"an instance has no {name}")
    try:
        numbers = np.array(value, dtype=float).reshape(-1)
    except (TypeError, ValueError) as error:
        raise UnsuitableStudyError(f"{name} is not numeric: {value!r}") from error
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise UnsuitableStudyError(f"{name} has to be {count} numbers, got {value!r}")
    return numbers


def _common(datasets: Sequence[Dataset], name: str, count: int) -> NDArray[np.float64]:
    """Return the one positive value that all slices agree on."""
    values = np.array([_numbers(item, name, count) for item in datasets])
    if not np.allclose(values, values[0], rtol=1e-3):
        raise IrregularVolumeError(f"slices differ in {name}")
    if (values <= 0).any():
        raise UnsuitableStudyError(f"{name} has to be positive, got {values.min()}")
    return values[0]


def _orientation(
    datasets: Sequence[Dataset],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return directions along a row, along a column, and across the slices."""
    name = "ImageOrientationPatient"
    cosines = np.array([_numbers(item, name, 6) for item in datasets])
    spread = np.abs(cosines - cosines[0]).max()
    if spread > ORIENTATION_TOLERANCE * 10:
        raise IrregularVolumeError(f"slices differ in orientation by {spread:.3f}")
    row, column = cosines[0, :3], cosines[0, 3:]
    lengths = np.linalg.norm([row, column], axis=1)
    if np.abs(lengths - 1).max() > 0.01 or abs(row @ column) > 0.01:  # noqa: PLR2004
        raise IrregularVolumeError(f"{name} is not a pair of orthogonal directions")
    row, normal = row / lengths[0], np.cross(row, column)
    normal = normal / np.linalg.norm(normal)
    return row, np.cross(normal, row), normal


def _slice_step_mm(distances_mm: NDArray[np.float64]) -> float:
    steps = np.diff(distances_mm)
    step = float(np.median(steps))
    if steps.min() <= 0.01:  # noqa: PLR2004  mm: the same place twice
        raise IrregularVolumeError("two slices lie at the same place")
    if np.abs(steps - step).max() > SPACING_TOLERANCE * step + 0.01:
        raise IrregularVolumeError(
            f"slice spacing varies from {steps.min():.2f} to {steps.max():.2f} mm, "
            f"at most {SPACING_TOLERANCE:.0%} is allowed"
        )
    return float(steps.mean())


def _refuse_sheared(
    positions_mm: NDArray[np.float64], affine_mm: NDArray[np.float64]
) -> None:
    """Refuse slices that shift in their own plane: no regular grid describes them."""
    expected = affine_mm[:3, 3] + np.outer(
        np.arange(len(positions_mm)), affine_mm[:3, 0]
    )
    shift_mm = float(np.abs(positions_mm - expected).max())
    if shift_mm > np.linalg.norm(affine_mm[:3, 1]):
        raise IrregularVolumeError(f"slices are shifted in plane by {shift_mm:.1f} mm")


def _pixels(dataset: Dataset) -> NDArray[np.float32]:
    """Decode one slice and apply the rescale; bright always means more signal."""
    try:
        stored = dataset.pixel_array
    except (ValueError, AttributeError, RuntimeError, NotImplementedError) as error:
        raise UnsuitableStudyError(f"pixel data cannot be decoded: {error}") from error
    if stored.ndim != 2:  # noqa: PLR2004  rows and columns
        raise UnsuitableStudyError(
            f"an instance has pixel data of shape {stored.shape}"
        )
    slope = float(dataset.get("RescaleSlope") or 1)
    values = stored.astype(np.float32) * slope + float(
        dataset.get("RescaleIntercept") or 0
    )
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        values = values.max() - values
    return values
