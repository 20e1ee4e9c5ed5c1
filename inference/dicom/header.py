"""Attributes of one frame, wherever its object keeps them (PS3.3, C.7.6.16).

Classic MR has one frame per instance and its attributes at the top. Enhanced MR has
many frames, and for most attributes a functional group: per frame, or shared.
"""

import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, config
from pydicom.datadict import tag_for_keyword
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import Tag

from inference.errors import UnsuitableStudyError

MAX_FRAMES: Final = 4096  # our choice: a long dynamic series, and a bound of the work
SHOWN_CHARACTERS: Final = 40  # our choice: of a wrong value in a message

#: What pydicom raises on bytes that are no DICOM, when reading or when converting.
READ_ERRORS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    BytesLengthException,
    InvalidDicomError,
)
#: Functional group by the attribute that it holds (PS3.3, C.7.6.16.2 and C.8.13.5).
MACROS: Final = {
    "ComplexImageComponent": "MRImageFrameTypeSequence",
    "DimensionIndexValues": "FrameContentSequence",
    "EffectiveEchoTime": "MREchoSequence",
    "FrameAcquisitionNumber": "FrameContentSequence",
    "FrameType": "MRImageFrameTypeSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "ImagePositionPatient": "PlanePositionSequence",
    "InversionTimes": "MRModifierSequence",
    "NominalCardiacTriggerDelayTime": "CardiacSynchronizationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "RepetitionTime": "MRTimingAndRelatedParametersSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "SpectrallySelectedSuppression": "MRModifierSequence",
    "StackID": "FrameContentSequence",
    "TemporalPositionIndex": "FrameContentSequence",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Header:
    """One frame of an instance, without its pixels.

    Attributes:
        instance: The object that holds the frame.
        index: Which of its frames, counted from 0.
        groups: Its functional groups, the nearest first; none in classic MR.

    """

    instance: Dataset
    index: int = 0
    groups: tuple[Dataset, ...] = ()

    def value(self, name: str) -> object | None:
        """Return the value of an attribute, ``None`` where it is absent or empty.

        Raises:
            UnsuitableStudyError: It is there and cannot be read.

        """
        try:
            for holder in self._holders(name):
                found = holder.get(name)
                if found is not None and not _is_empty(found):
                    return found
        except READ_ERRORS as error:
            reason = type(error).__name__
            raise UnsuitableStudyError(
                f"{named(name)} cannot be read: {reason}"
            ) from error
        return None

    def items(self, name: str) -> list[object]:
        """Return the values of an attribute that can hold several."""
        value = self.value(name)
        if value is None:
            return []
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            return list(value)
        return [value]

    def words(self, name: str) -> tuple[str, ...]:
        """Return coded strings in capitals, empty where the attribute is absent."""
        return tuple(str(item).strip().upper() for item in self.items(name))

    def text(self, name: str) -> str:
        """Return what can be printed of a string, empty where it is absent."""
        letters = " ".join(str(item) for item in self.items(name))
        return "".join(letter for letter in letters if letter.isprintable()).strip()

    def date(self, name: str) -> date | None:
        """Return a date, ``None`` where it is absent or none."""
        try:
            return datetime.strptime(self.text(name), "%Y%m%d").date()  # noqa: DTZ007
        except ValueError:
            return None

    def number(self, name: str) -> float | None:
        """Return the first number of an attribute, ``None`` where it is absent.

        Raises:
            UnsuitableStudyError: It is there and no number.

        """
        items = self.items(name)
        return self._floats(name, items[:1])[0] if items else None

    def numbers(self, name: str, count: int) -> NDArray[np.float64]:
        """Return exactly so many numbers.

        Raises:
            UnsuitableStudyError: They are absent, of another count, or no numbers.

        """
        items = self.items(name)
        if not items:
            raise UnsuitableStudyError(f"a frame has no {named(name)}")
        if len(items) != count:
            raise UnsuitableStudyError(
                f"{named(name)} has to be {count} numbers, got {shown(items)}"
            )
        return np.array(self._floats(name, items))

    def integer(self, name: str) -> int:
        """Return a whole number that has to be there and not negative."""
        number = float(self.numbers(name, 1)[0])
        if number < 0 or number != int(number):
            raise UnsuitableStudyError(f"{named(name)} is {number:g}")
        return int(number)

    def _holders(self, name: str) -> Iterator[Dataset]:
        for group in self.groups if name in MACROS else ():
            yield from (group.get(MACROS[name]) or ())[:1]
        yield self.instance

    def _floats(self, name: str, items: Sequence[object]) -> list[float]:
        try:
            numbers = [float(item) for item in items]  # type: ignore[arg-type]
        except READ_ERRORS as error:
            raise UnsuitableStudyError(
                f"{named(name)} is not numeric: {shown(items)}"
            ) from error
        if not np.isfinite(numbers).all():
            raise UnsuitableStudyError(f"{named(name)} is not finite: {shown(items)}")
        return numbers


def headers_of(instance: Dataset) -> list[Header]:
    """Return the header of every frame of an instance.

    Raises:
        UnsuitableStudyError: It has too many frames, or does not describe each.

    """
    top = Header(instance=instance)
    has_count = top.value("NumberOfFrames") is not None
    count = top.integer("NumberOfFrames") if has_count else 1
    if not 0 < count <= MAX_FRAMES:
        raise UnsuitableStudyError(
            f"{named('NumberOfFrames')} is {count}, at most {MAX_FRAMES} are read"
        )
    per_frame = top.items("PerFrameFunctionalGroupsSequence")
    shared = top.items("SharedFunctionalGroupsSequence")[:1]
    if not per_frame and count == 1:
        return [top]
    if len(per_frame) != count:
        raise UnsuitableStudyError(
            f"{named('PerFrameFunctionalGroupsSequence')} describes {len(per_frame)} "
            f"frames, {named('NumberOfFrames')} is {count}"
        )
    if not all(isinstance(group, Dataset) for group in (*per_frame, *shared)):
        raise UnsuitableStudyError("functional groups are no sequence")
    return [
        Header(instance=instance, index=index, groups=(group, *shared))  # type: ignore[arg-type]
        for index, group in enumerate(per_frame)
    ]


@contextmanager
def lenient() -> Iterator[None]:
    """Let pydicom read what it can without a word: its warnings quote values."""
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


@cache
def named(name: str) -> str:
    """Return the keyword of an attribute with its tag."""
    tag = tag_for_keyword(name)
    return name if tag is None else f"{name} {Tag(tag)}".replace(", ", ",")


def shown(value: object) -> str:
    """Return a wrong value for a message, cut where it is long."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else value[:SHOWN_CHARACTERS]
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def _is_empty(value: object) -> bool:
    return hasattr(value, "__len__") and len(value) == 0
