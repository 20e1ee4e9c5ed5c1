"""A series can hold several stacks of slices: tell them apart, and choose one.

Frames that show no anatomy (localizers, maps, phase, fat alone) are left out. The
others are of one stack when they agree in frame of reference, StackID, grid,
orientation, pixel spacing, echo time, contrast and kind of image. Where a stack then
images a place twice, it is divided by the first of ``REPEATS`` of which one value
covers every place.

Of the sagittal stacks that is chosen which, in this order, has slices enough; shows T2,
then fat-suppressed, T1, anything else; is original, not derived; is not opposed-phase;
has most places; has its echo nearest to ``USUAL_ECHO_MS``; lies lowest in the patient;
and comes first by ``REPEATS``.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import tag_for_keyword

from inference.dicom.frames import ORIENTATION_TOLERANCE, Frame, frame_of
from inference.dicom.header import Header
from inference.dicom.weighting import (
    echo_ms,
    is_derived,
    is_opposed_phase,
    reason_to_leave,
    weighting_of,
)
from inference.errors import SeriesNotFoundError
from inference.results import Weighting
from inference.volume import MIN_SAGITTAL_COSINE

MIN_SLICES: Final = 5  # our choice: fewer cannot hold both edges of the canal
RATIO_TOLERANCE: Final = 0.1  # our choice: of two echo times of one contrast
SPACING_TOLERANCE: Final = 1e-3  # part of the spacing: it is written with few digits
SAME_PLACE_MM: Final = 0.01  # our choice: far below any distance between slices
USUAL_ECHO_MS: Final = 100.0  # our choice: the middle of the T2 series of SPIDER
#: What can tell two images of one place apart, in this order.
REPEATS: Final = (
    "TemporalPositionIndex",
    "TemporalPositionIdentifier",
    "AcquisitionNumber",
    "FrameAcquisitionNumber",
    "TriggerTime",
    "NominalCardiacTriggerDelayTime",
    "DimensionIndexValues",
    "FrameType",
    "ImageType",
)
#: Dimensions that count places, so that no repeat is told by them.
_PLACE_DIMENSIONS: Final = frozenset(
    tag_for_keyword(name)
    for name in ("StackID", "InStackPositionNumber", "ImagePositionPatient")
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stack:
    """Parallel frames of one contrast, in the order in which they lie.

    Attributes:
        frames: Of these a place can still hold several.
        is_place: Whether a frame is the first one at its place.

    """

    frames: tuple[Frame, ...]
    is_place: NDArray[np.bool_]

    @property
    def weighting(self) -> Weighting:
        """Contrast of the frames."""
        return weighting_of(self.frames[0].header)

    @property
    def places(self) -> int:
        """Number of places that the frames show."""
        return int(self.is_place.sum())

    @property
    def preference(self) -> tuple[bool, int, bool, bool]:
        """The less, the better: what counts between series, too."""
        header = self.frames[0].header
        return (
            self.places < MIN_SLICES,
            list(Weighting).index(self.weighting),
            is_derived(header),
            is_opposed_phase(header),
        )


def best_stack(headers: Sequence[Header]) -> Stack:
    """Return the stack to measure by the rule above.

    Args:
        headers: All frames of a series, or the frames of one of its instances.

    Raises:
        UnsuitableStudyError: An attribute is missing or wrong.
        SeriesNotFoundError: No frame is a sagittal MR image of anatomy.

    """
    reasons = [reason_to_leave(header) for header in headers]
    shown_anatomy = [
        frame_of(header)
        for header, reason in zip(headers, reasons, strict=True)
        if reason is None
    ]
    sagittal = [
        frame for frame in shown_anatomy if abs(frame.normal[0]) >= MIN_SAGITTAL_COSINE
    ]
    if not sagittal:
        counts = Counter(reason or "not sagittal" for reason in reasons)
        said = ", ".join(f"{count} x {reason}" for reason, count in counts.items())
        raise SeriesNotFoundError(f"no sagittal frame: {said or 'none at all'}")
    stacks = [
        stack for frames in _alike(sagittal) for stack in _without_repeats(frames)
    ]
    return min(stacks, key=_order)


def _alike(frames: Sequence[Frame]) -> Iterator[list[Frame]]:
    """Group frames that can be slices of one volume."""
    exact: dict[tuple[object, ...], list[Frame]] = {}
    for frame in frames:
        header = frame.header
        key = (
            frame.shape,
            header.text("FrameOfReferenceUID"),
            header.text("StackID"),
            weighting_of(header),
            is_derived(header),
            is_opposed_phase(header),
        )
        exact.setdefault(key, []).append(frame)
    for group in exact.values():
        scaled = np.array([_scaled(frame) for frame in group])
        left = np.ones(len(group), bool)
        while left.any():
            seed = scaled[np.argmax(left)]
            near = left & (np.abs(scaled - seed) <= 1).all(axis=1)
            yield [group[index] for index in np.flatnonzero(near)]
            left &= ~near


def _scaled(frame: Frame) -> NDArray[np.float64]:
    """Return what has to agree, in units of how far it may differ."""
    logarithm = np.log(max(echo_ms(frame.header) or 1.0, 1e-3))
    return np.concatenate(
        [
            frame.row / ORIENTATION_TOLERANCE,
            frame.column / ORIENTATION_TOLERANCE,
            np.log(frame.spacing_mm) / SPACING_TOLERANCE,
            [logarithm / RATIO_TOLERANCE],
        ]
    )


def _without_repeats(frames: Sequence[Frame]) -> list[Stack]:
    """Divide frames until no place is imaged twice, or nothing tells them apart."""
    stack = _ordered(frames)
    for name in () if stack.is_place.all() else REPEATS:
        parts: dict[tuple[str, ...], list[Frame]] = {}
        for frame in frames:
            parts.setdefault(_repeat(frame.header, name), []).append(frame)
        covered = max(_ordered(part).places for part in parts.values())
        if len(parts) > 1 and covered == stack.places:
            return [
                found
                for key in sorted(parts, key=_rank)
                for found in _without_repeats(parts[key])
            ]
    return [stack]


def _repeat(header: Header, name: str) -> tuple[str, ...]:
    values = tuple(str(item) for item in header.items(name))
    if name != "DimensionIndexValues":
        return values
    pointers = [
        Header(instance=item).value("DimensionIndexPointer")  # type: ignore[arg-type]
        for item in header.items("DimensionIndexSequence")
    ]
    return tuple(
        value
        for value, pointer in zip(values, pointers, strict=False)
        if pointer not in _PLACE_DIMENSIONS
    )


def _rank(texts: tuple[str, ...]) -> list[tuple[float, str]]:
    """Order numbers as numbers, and after them what is no number."""
    ranks = []
    for text in texts:
        try:
            ranks.append((float(text), ""))
        except ValueError:
            ranks.append((np.inf, text))
    return ranks


def _ordered(frames: Sequence[Frame]) -> Stack:
    distances = np.array([frame.position_mm for frame in frames]) @ frames[0].normal
    order = np.argsort(distances, kind="stable")
    steps = np.diff(distances[order], prepend=-np.inf)
    return Stack(
        frames=tuple(frames[index] for index in order),
        is_place=steps > SAME_PLACE_MM,
    )


def _order(stack: Stack) -> tuple[bool | int | float, ...]:
    echo = echo_ms(stack.frames[0].header)
    heights_mm = [frame.position_mm[2] for frame in stack.frames]
    return (
        *stack.preference,
        -stack.places,
        abs((echo or USUAL_ECHO_MS) - USUAL_ECHO_MS),
        float(np.mean(heights_mm)),
    )
