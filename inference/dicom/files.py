"""DICOM Part 10 files (PS3.10): one dataset from a file, within limits."""

import zlib
from io import BytesIO
from pathlib import Path
from typing import Final

from pydicom import Dataset, dcmread
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from inference.dicom.header import READ_ERRORS, lenient
from inference.errors import NotDicomError, UnsuitableStudyError

MAX_FILE_BYTES: Final = 256 * 1024**2  # our choice: it is in memory twice for a moment
MAX_INFLATED_BYTES: Final = 128 * 1024**2  # our choice: an archive bomb is larger
_PREAMBLE_BYTES: Final = 128
_MAGIC: Final = b"DICM"
HEAD_BYTES: Final = _PREAMBLE_BYTES + len(_MAGIC)  # what tells a DICOM file
_META_GROUP: Final = 0x0002
#: First group of a dataset that was stored without preamble, as before 1993.
_BARE_STARTS: Final = (b"\x02\x00", b"\x08\x00")


@lenient()
def read_instance(source: Path | bytes) -> Dataset:
    """Read one DICOM file, its pixel data still encoded.

    Args:
        source: A file, or what it holds.

    Raises:
        NotDicomError: It is something else.
        UnsuitableStudyError: It is damaged, or larger than the limits.

    """
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UnsuitableStudyError(
                f"a file has {size} bytes, at most {MAX_FILE_BYTES} are read"
            )
        return _parsed(source if isinstance(source, bytes) else source.read_bytes())
    except (*READ_ERRORS, zlib.error) as error:
        name = type(error).__name__
        raise UnsuitableStudyError(f"a file cannot be read as DICOM: {name}") from error


def looks_like_dicom(head: bytes) -> bool:
    """Tell whether a file that begins so, with ``HEAD_BYTES`` or more, may be read."""
    return _has_preamble(head) or head.startswith(_BARE_STARTS)


def _has_preamble(head: bytes) -> bool:
    return head[_PREAMBLE_BYTES:HEAD_BYTES] == _MAGIC


def _parsed(content: bytes) -> Dataset:
    if not looks_like_dicom(content):
        raise NotDicomError("a file has no DICOM prefix")
    has_preamble = _has_preamble(content)
    if has_preamble:
        _refuse_bomb(content)
    return dcmread(BytesIO(content), force=not has_preamble)


def _refuse_bomb(content: bytes) -> None:
    """Refuse a deflated dataset that would grow beyond the limit, before it does."""
    stream = BytesIO(content)
    stream.seek(HEAD_BYTES)
    meta = read_dataset(
        stream, is_implicit_VR=False, is_little_endian=True, stop_when=_is_after_meta
    )
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflater.decompress(stream.read(), MAX_INFLATED_BYTES)
    if inflater.unconsumed_tail:
        raise UnsuitableStudyError(
            f"a deflated file grows beyond {MAX_INFLATED_BYTES} bytes"
        )


def _is_after_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group != _META_GROUP
