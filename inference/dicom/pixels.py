"""Stored values of frames (PS3.3, C.7.6.3): the header is checked, then decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    UncompressedTransferSyntaxes,
)

from inference.dicom.compressed import Part, decode
from inference.dicom.frames import Frame
from inference.dicom.header import Header, named, shown
from inference.errors import UnsuitableStudyError

NATIVE: Final = frozenset(UncompressedTransferSyntaxes)
COMPRESSED: Final = frozenset(
    {
        RLELossless,
        JPEGBaseline8Bit,
        JPEGExtended12Bit,
        JPEGLossless,
        JPEGLosslessSV1,
        JPEGLSLossless,
        JPEGLSNearLossless,
        JPEG2000Lossless,
        JPEG2000,
        HTJ2KLossless,
        HTJ2KLosslessRPCL,
        HTJ2K,
    }
)
BITS_ALLOCATED: Final = (8, 16, 32)
MONOCHROME: Final = ("MONOCHROME1", "MONOCHROME2")
_ITEM: Final = b"\xfe\xff\x00\xe0"  # encapsulated pixel data starts with this tag
_OVERLAY_BIT: Final = 0x60000102  # OverlayBitPosition: bits beside the pixel's own


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFormat:
    """How the pixels of an instance are stored.

    Attributes:
        syntax: Transfer syntax.
        frames: Number of frames.
        rows: Of a frame.
        columns: Of a frame.
        allocated: Bits per pixel in the file.
        stored: Bits that belong to the value.
        high_bit: The highest of these.
        is_signed: Whether values can be negative.
        photometric: PhotometricInterpretation.

    """

    syntax: UID
    frames: int
    rows: int
    columns: int
    allocated: int
    stored: int
    high_bit: int
    is_signed: bool
    photometric: str

    @property
    def dtype(self) -> np.dtype[np.signedinteger | np.unsignedinteger]:
        """Type of the stored values, in the byte order of the file."""
        order = ">" if self.syntax == ExplicitVRBigEndian else "<"
        return np.dtype(f"{order}{'i' if self.is_signed else 'u'}{self.allocated // 8}")


def pixel_format_of(instance: Dataset) -> PixelFormat:
    """Read how the pixels are stored.

    Raises:
        UnsuitableStudyError: Something is missing, contradictory or not gray.

    """
    header = Header(instance=instance)
    format_ = PixelFormat(
        syntax=_syntax(instance),
        frames=int(header.number("NumberOfFrames") or 1),
        rows=header.integer("Rows"),
        columns=header.integer("Columns"),
        allocated=header.integer("BitsAllocated"),
        stored=header.integer("BitsStored"),
        high_bit=header.integer("HighBit"),
        is_signed=_one_of(header, "PixelRepresentation", ("0", "1")) == "1",
        photometric=_one_of(header, "PhotometricInterpretation", MONOCHROME),
    )
    _one_of(header, "SamplesPerPixel", ("1",))
    _one_of(header, "BitsAllocated", tuple(map(str, BITS_ALLOCATED)))
    if not 0 < format_.stored <= format_.allocated:
        raise UnsuitableStudyError(f"{named('BitsStored')} is {format_.stored}")
    if not format_.stored - 1 <= format_.high_bit < format_.allocated:
        raise UnsuitableStudyError(f"{named('HighBit')} is {format_.high_bit}")
    return format_


def stored_values(frames: Sequence[Frame]) -> list[NDArray[np.integer]]:
    """Decode frames, each of shape ``(rows, columns)``.

    Raises:
        UnsuitableStudyError: The pixel data is missing, damaged or too much.

    """
    sources: dict[int, Source] = {}
    for frame in frames:
        instance, index = frame.header.instance, frame.header.index
        if id(instance) not in sources:
            sources[id(instance)] = _source(instance)
        sources[id(instance)].indices.append(index)
    packed = [item for item in sources.values() if item.format.syntax in COMPRESSED]
    decoded = dict(zip(map(id, packed), _unpacked(packed), strict=True))
    pixels = {
        key: iter(decoded.get(id(source)) or _native(source))
        for key, source in sources.items()
    }
    return [next(pixels[id(frame.header.instance)]) for frame in frames]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """One instance and the frames that are wanted of it.

    Attributes:
        instance: The object that holds the pixels.
        format: How it stores them.
        pixel_data: As they are stored.
        indices: Which frames, in the order in which they are wanted.

    """

    instance: Dataset
    format: PixelFormat
    pixel_data: bytes
    indices: list[int]


def _source(instance: Dataset) -> Source:
    pixel_data = Header(instance=instance).value("PixelData")
    if not isinstance(pixel_data, bytes):
        raise UnsuitableStudyError(f"a frame has no {named('PixelData')}")
    format_ = pixel_format_of(instance)
    return Source(instance=instance, format=format_, pixel_data=pixel_data, indices=[])


def _syntax(instance: Dataset) -> UID:
    meta = getattr(instance, "file_meta", None) or Dataset()
    found = Header(instance=meta).text("TransferSyntaxUID")
    if not found and not _is_encapsulated(instance):
        is_little_endian = instance.original_encoding[1]
        big = is_little_endian is False
        found = ExplicitVRBigEndian if big else ImplicitVRLittleEndian
    syntax = UID(found)
    if syntax not in NATIVE | COMPRESSED:
        raise UnsuitableStudyError(
            f"{named('TransferSyntaxUID')} is {shown(syntax.name)}, which is not read"
        )
    return syntax


def _is_encapsulated(instance: Dataset) -> bool:
    pixel_data = Header(instance=instance).value("PixelData")
    return isinstance(pixel_data, bytes) and pixel_data.startswith(_ITEM)


def _one_of(header: Header, name: str, allowed: Sequence[str]) -> str:
    found = header.text(name)
    if found not in allowed:
        raise UnsuitableStudyError(
            f"{named(name)} is {shown(found)}, read are {' and '.join(allowed)}"
        )
    return found


def _native(source: Source) -> list[NDArray[np.integer]]:
    """Return the wanted frames of uncompressed pixel data."""
    layout = source.format
    shape = (layout.frames, layout.rows, layout.columns)
    needed = layout.frames * layout.rows * layout.columns * layout.dtype.itemsize
    if len(source.pixel_data) not in {needed, needed + needed % 2}:
        raise UnsuitableStudyError(
            f"{named('PixelData')} has {len(source.pixel_data)} bytes, {needed} are "
            f"announced"
        )
    pixels = np.frombuffer(
        source.pixel_data, layout.dtype, needed // layout.dtype.itemsize
    )
    pixels = pixels.reshape(shape)
    return [_clean(pixels[index], source) for index in source.indices]


def _unpacked(sources: Sequence[Source]) -> list[list[NDArray[np.integer]]]:
    """Return the wanted frames of compressed pixel data, for each source."""
    if not sources:
        return []
    counts = [
        len(item.indices) * item.format.rows * item.format.columns for item in sources
    ]
    decoded, offset, found = decode(list(map(_part, sources)), sum(counts)), 0, []
    for source, count in zip(sources, counts, strict=True):
        layout = source.format
        pixels = np.frombuffer(decoded, layout.dtype, count, offset)
        offset += pixels.nbytes
        frames = pixels.reshape(-1, layout.rows, layout.columns)
        found.append([_clean(frame, source) for frame in frames])
    return found


def _part(source: Source) -> Part:
    layout = source.format
    return Part(
        syntax=layout.syntax,
        indices=tuple(source.indices),
        encapsulated=source.pixel_data,
        pixels={
            "rows": layout.rows,
            "columns": layout.columns,
            "number_of_frames": layout.frames,
            "samples_per_pixel": 1,
            "bits_allocated": layout.allocated,
            "bits_stored": layout.stored,
            "pixel_representation": int(layout.is_signed),
            "photometric_interpretation": layout.photometric,
        },
    )


def _clean(stored: NDArray[np.integer], source: Source) -> NDArray[np.integer]:
    """Return values without the bits that are not theirs.

    Old files keep an overlay there. Where nothing else explains them, BitsStored is
    wrong, and with it every value.
    """
    layout = source.format
    is_native = layout.syntax in NATIVE
    values = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    high_bit = layout.high_bit if is_native else layout.stored - 1
    smallest, largest = int(values.min()), int(values.max())
    top = 1 << layout.stored
    lowest = -top // 2 if layout.is_signed else 0
    is_plain = high_bit == layout.stored - 1
    if is_plain and lowest <= smallest and largest < top + lowest:
        return values
    shifted = values << (layout.allocated - 1 - high_bit)
    shifted >>= layout.allocated - layout.stored
    is_unextended = smallest >= 0 and largest < top  # negative, stored without its sign
    if is_plain and not is_unextended and _OVERLAY_BIT not in source.instance:
        raise UnsuitableStudyError(
            f"{named('BitsStored')} is {layout.stored}, but values go from {smallest} "
            f"to {largest}"
        )
    return shifted
