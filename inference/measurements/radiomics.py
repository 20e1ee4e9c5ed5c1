"""Radiomic features of discs and vertebral bodies, as IBSI defines them.

IBSI is doi:10.1148/radiol.2020191145. z-rad computes the features; the tests compare
each with the reference value that IBSI published for its digital phantom. Their names
and definitions are in ``radiomics_features.csv``.

MR signal has no unit and changes along the coil, so it is first divided by that of the
cerebrospinal fluid at the same height. Slices are several times thicker than pixels are
wide, so texture is looked at within the slices, and their matrices are merged into one
(IBSI: 2.5D, all directions merged). Nothing is interpolated between slices.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from zrad.exceptions import DataStructureError
from zrad.image import Image
from zrad.preprocessing import RoiData
from zrad.radiomics import Radiomics

from inference.errors import UnmeasurableError
from inference.measurements.disc_signal import CSF_PERCENTILE, CSF_REACH_MM
from inference.volume import Volume

#: Gray levels of the texture, between the lowest and the highest signal of each
#: structure. IBSI recommends a fixed number of them where signal has no unit; 32 is our
#: choice.
BINS: Final = 32
#: Voxels farther from the mean are left out of signal and texture, as a vessel at the
#: edge would else take half of the gray levels (IBSI: outlier filtering).
OUTLIER_SD: Final = 3.0
#: How the features were made, for those who want to make them again.
SETTINGS: Final = {
    "software": f"z-rad {version('z-rad')}",
    "signal": f"over the {CSF_PERCENTILE:.0f}th percentile of the spinal canal within "
    f"{CSF_REACH_MM:.0f} mm",
    "interpolation": "linear within slices to the pixels of the network, none between",
    "re-segmentation": f"mean plus or minus {OUTLIER_SD:.0f} standard deviations",
    "discretization": f"fixed bin number, {BINS}",
    "texture": "2.5D, all directions merged, Chebyshev distance 1, NGLDM coarseness 0",
}
_FEATURES: Final = Path(__file__).with_name("radiomics_features.csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What one feature is.

    Attributes:
        name: Ours, with the family in front.
        family: Shape, signal, histogram, or the matrix that it is made from.
        ibsi_code: The four signs by which IBSI knows it.
        library_name: What z-rad calls it.
        unit: Its unit; ``1`` where it has none.
        definition: In words; the formula is in the manual of IBSI under its code.

    """

    name: str
    family: str
    ibsi_code: str
    library_name: str
    unit: str
    definition: str


def _definitions() -> Iterator[Definition]:
    with _FEATURES.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield Definition(**row)


DEFINITIONS: Final = tuple(_definitions())


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One value of one structure."""

    structure: str
    definition: Definition
    value: float


def table(
    volume: Volume,
    structures: Mapping[str, NDArray[np.bool_]],
    canal: NDArray[np.bool_],
) -> tuple[Feature, ...]:
    """Return the features of all structures; those that have none are left out.

    Args:
        volume: The series, sagittal.
        structures: Mask of each by its name, such as ``"L4/L5"``, on the volume's grid.
        canal: The spinal canal, on the same grid.

    """
    spacing = volume.geometry.spacing_mm
    found = []
    for name, mask in structures.items():
        try:
            image = volume.voxels / _fluid_signal(volume, canal, mask)
            values = features(image, mask, spacing)
        except UnmeasurableError:
            continue
        found += [
            Feature(structure=name, definition=item, value=values[item.name])
            for item in DEFINITIONS
        ]
    return tuple(found)


def features(
    image: NDArray[np.floating],
    mask: NDArray[np.bool_],
    spacing_mm: NDArray[np.float64],
    *,
    bins: int = BINS,
) -> dict[str, float]:
    """Return every feature of ``DEFINITIONS`` by its name.

    Args:
        image: Signal, shape ``(slices, rows, columns)``.
        mask: One structure, same shape.
        spacing_mm: Distance between slices, rows and columns.
        bins: Number of gray levels.

    Raises:
        UnmeasurableError: The structure is too small or its signal too even.

    """
    if not mask.any() or np.ptp(image[mask]) == 0:
        raise UnmeasurableError("no structure, or one of even signal")
    box = tuple(slice(item.min(), item.max() + 1) for item in np.nonzero(mask))
    image, mask = np.pad(image[box], 1).astype(float), np.pad(mask[box], 1)
    signal = np.where(mask, image, np.nan)
    far = np.abs(signal - np.nanmean(signal)) > OUTLIER_SD * np.nanstd(signal)
    signal[far] = np.nan
    region = RoiData(
        image=_library_image(image, spacing_mm),
        morphological_mask=_library_image(mask.astype(np.int8), spacing_mm),
        intensity_mask=_library_image(signal, spacing_mm),
        texture_discretized_image=_library_image(_levels(signal, bins), spacing_mm),
    )
    try:
        values = Radiomics(aggr_dim="2.5D", aggr_method="MERG").extract_features(
            region, features=[item.library_name for item in DEFINITIONS]
        )
    except DataStructureError as error:
        raise UnmeasurableError(f"no radiomic features: {error}") from error
    found = {item.name: float(values[item.library_name]) for item in DEFINITIONS}
    if not all(map(np.isfinite, found.values())):
        raise UnmeasurableError("a radiomic feature is not a number")
    return found


def _fluid_signal(
    volume: Volume, canal: NDArray[np.bool_], mask: NDArray[np.bool_]
) -> float:
    """Return the signal of cerebrospinal fluid at the height of a structure.

    Raises:
        UnmeasurableError: There is no canal near, or it has no signal.

    """
    rows = np.flatnonzero(mask.any(axis=(0, 2)))
    reach = round(CSF_REACH_MM / volume.geometry.spacing_mm[1])
    middle = int(rows.mean()) if rows.size else 0
    near = slice(max(0, middle - reach), middle + reach)
    signal = volume.voxels[:, near][canal[:, near]]
    fluid = float(np.percentile(signal, CSF_PERCENTILE)) if signal.size else 0.0
    if fluid <= 0:
        raise UnmeasurableError("no cerebrospinal fluid near this structure")
    return fluid


def _levels(signal: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Return gray levels 1 to ``bins`` of equal width, NaN where there is no signal."""
    low, high = np.nanmin(signal), np.nanmax(signal)
    return np.minimum(np.floor((signal - low) / (high - low) * bins) + 1, bins)


def _library_image(
    array: NDArray[np.generic], spacing_mm: NDArray[np.float64]
) -> Image:
    """Wrap an array for z-rad, whose geometry runs from columns to slices."""
    return Image(
        array=array,
        origin=(0.0, 0.0, 0.0),
        spacing=tuple(float(item) for item in spacing_mm[::-1]),
        direction=tuple(np.eye(3).ravel()),
        shape=array.shape[::-1],
    )
