"""A DICOM MR series as one volume (PS3.3, C.7.6.2).

Slices are ordered by ImageOrientationPatient and ImagePositionPatient, never by
InstanceNumber. Everything is checked before the first pixel is decoded.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from inference.dicom.frames import Frame
from inference.dicom.grid import grid_of, refuse_size
from inference.dicom.header import MAX_FRAMES, Header, headers_of, lenient, named
from inference.dicom.identity import identity_of
from inference.dicom.pixels import pixel_format_of, stored_values
from inference.dicom.stacks import MIN_SLICES, Stack, best_stack
from inference.errors import IrregularVolumeError, UnsuitableStudyError
from inference.volume import Geometry, Volume

#: In what slices have to agree to be of one stack, besides their weighting.
STACK_ATTRIBUTES: Final = (
    "FrameOfReferenceUID",
    "StackID",
    "ImageType",
    "ImageOrientationPatient",
    "PixelSpacing",
    "Rows",
    "Columns",
    "EchoTime",
    "RepetitionTime",
    "InversionTime",
)


@lenient()
def slice_frames(datasets: Sequence[Dataset]) -> tuple[Frame, ...]:
    """Return the frames that ``read_volume`` stacks, in the order of its slices.

    Args:
        datasets: All instances of one MR series, classic or Enhanced, in any order.

    Raises:
        UnsuitableStudyError: An attribute is missing or wrong.
        IrregularVolumeError: The slices differ in grid, orientation or distance.

    """
    return _places(_chosen(datasets)[0])


@lenient()
def read_volume(datasets: Sequence[Dataset]) -> Volume:
    """Stack the slices of one series in the order in which they lie in the patient.

    Where the series holds several stacks, one is chosen by the rule of ``stacks``.

    Args:
        datasets: All instances of one MR series, classic or Enhanced, in any order.

    Raises:
        UnsuitableStudyError: An attribute or the pixel data is missing or wrong.
        IrregularVolumeError: The slices differ in grid, orientation or distance.

    """
    stack, geometry = _chosen(datasets)
    voxels = np.empty(geometry.shape, np.float32)
    place = -1
    for frame, is_place, stored in zip(
        stack.frames, stack.is_place, stored_values(stack.frames), strict=True
    ):
        values = _rescaled(frame.header, stored)
        if is_place:
            place += 1
            voxels[place] = values
        elif not np.array_equal(voxels[place], values):
            raise IrregularVolumeError(
                "two different slices lie at the same place, "
                f"{named('ImagePositionPatient')} {frame.position_mm.tolist()}"
            )
    if _is_inverted(stack):
        voxels = voxels.max() - voxels
    return Volume(voxels=voxels, geometry=geometry)


def _chosen(datasets: Sequence[Dataset]) -> tuple[Stack, Geometry]:
    _refuse_mixture(datasets)
    headers = [header for item in _distinct(datasets) for header in headers_of(item)]
    if len(headers) > MAX_FRAMES:
        raise UnsuitableStudyError(
            f"{len(headers)} frames, at most {MAX_FRAMES} are read"
        )
    stack = best_stack(headers)
    if stack.places < MIN_SLICES:
        raise UnsuitableStudyError(
            f"{stack.places} slices form a stack, at least {MIN_SLICES} are needed"
            f"{_left_out(stack, headers)}"
        )
    refuse_size(stack.frames[0], len(stack.frames))
    try:
        return stack, grid_of(_places(stack))
    except IrregularVolumeError as error:
        raise IrregularVolumeError(f"{error}{_left_out(stack, headers)}") from error


def _left_out(stack: Stack, headers: Sequence[Header]) -> str:
    """Say in what the frames that are not of the stack differ from it."""
    first = stack.frames[0].header
    used = {id(frame.header) for frame in stack.frames}
    others = [header for header in headers if id(header) not in used]
    names = [
        named(name)
        for name in STACK_ATTRIBUTES
        if any(header.items(name) != first.items(name) for header in others)
    ]
    return f"; {len(others)} more differ in {', '.join(names)}" if names else ""


def _refuse_mixture(datasets: Sequence[Dataset]) -> None:
    """Refuse images of several series or persons, without saying of whom."""
    for name in ("StudyInstanceUID", "SeriesInstanceUID"):
        values = {Header(instance=item).text(name) for item in datasets}
        if len(values) > 1:
            raise UnsuitableStudyError(f"{named(name)} has {len(values)} values")
    persons = len({identity_of(item) for item in datasets})
    if persons > 1:
        raise UnsuitableStudyError(
            f"the images are of {persons} persons: {named('PatientID')}, "
            f"{named('PatientName')}, {named('PatientBirthDate')} or "
            f"{named('PatientSex')} differ"
        )


def _distinct(datasets: Sequence[Dataset]) -> list[Dataset]:
    """Leave out an instance that came twice."""
    first: dict[str, Dataset] = {}
    found = []
    for item in datasets:
        header = Header(instance=item)
        known = first.setdefault(header.text("SOPInstanceUID"), item)
        pixels = Header(instance=known).value("PixelData")
        if known is item or pixels != header.value("PixelData"):
            found.append(item)
    return found


def _places(stack: Stack) -> tuple[Frame, ...]:
    pairs = zip(stack.frames, stack.is_place, strict=True)
    return tuple(frame for frame, is_place in pairs if is_place)


def _rescaled(header: Header, stored: NDArray[np.integer]) -> NDArray[np.float32]:
    slope, intercept = header.number("RescaleSlope"), header.number("RescaleIntercept")
    if slope is not None and slope <= 0:
        raise UnsuitableStudyError(f"{named('RescaleSlope')} is {slope:g}")
    values = stored.astype(np.float32) * np.float32(1 if slope is None else slope)
    values += np.float32(intercept or 0)
    if not np.isfinite(values).all():
        raise UnsuitableStudyError(
            f"{named('RescaleSlope')} {slope} makes values without end"
        )
    return values


def _is_inverted(stack: Stack) -> bool:
    """Tell whether the frames store dark as high; bright always means more signal."""
    instances = {
        id(frame.header.instance): frame.header.instance for frame in stack.frames
    }
    found = {pixel_format_of(item).photometric for item in instances.values()}
    if len(found) > 1:
        raise IrregularVolumeError(
            f"slices differ in {named('PhotometricInterpretation')}"
        )
    return found == {"MONOCHROME1"}
