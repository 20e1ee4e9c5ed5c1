"""The parts of a DICOMweb answer, however its server writes them. Pure.

The standard says ``multipart/related`` with a boundary, CRLF and a last delimiter (RFC
2046, 5.1; DICOM PS3.18, 8.6.1.2). Servers leave out the quotes, the boundary itself,
the CR, the headers of a part or the last delimiter, name another boundary than they
use, or send one instance without multipart.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Final

MAGIC: Final = b"DICM"
PREAMBLE_BYTES: Final = 128
MAX_HEADER_BYTES: Final = 4096  # our choice: a part has two or three short headers
MAX_BOUNDARY_BYTES: Final = 70  # RFC 2046, 5.1.1
_END: Final = b"--"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an answer.

    Attributes:
        body: Its content.
        is_closed: Whether a delimiter follows; else the answer may have been cut.

    """

    body: bytes
    is_closed: bool


def parts(
    chunks: Iterable[bytes], content_type: str, *, max_part_bytes: int
) -> Iterator[Part]:
    """Yield the parts of a body as they arrive; only one is held at a time.

    Args:
        chunks: The body.
        content_type: Header of the answer.
        max_part_bytes: A part that is larger ends the iteration with an error.

    Raises:
        ValueError: A part is too large.

    """
    stream = iter(chunks)
    buffer = bytearray()
    while len(buffer) < PREAMBLE_BYTES + len(MAGIC) and (more := next(stream, b"")):
        buffer += more
    boundary = _boundary(content_type, buffer)
    if boundary is None or _is_dicom(buffer):
        yield _whole(buffer, stream, max_part_bytes)
        return
    delimiter = _END + boundary
    searched, is_inside = 0, False
    while True:
        start = buffer.find(delimiter, searched)
        if start >= 0 and (tail := _after(buffer, start + len(delimiter), stream)):
            if is_inside and (body := _body(bytes(buffer[:start]))):
                yield Part(body, is_closed=True)
            is_inside = tail != _END
            if not is_inside:
                return
            del buffer[: start + len(delimiter)]
            searched = 0
            continue
        searched = max(0, len(buffer) - len(delimiter))
        if len(buffer) > max_part_bytes:
            raise ValueError(f"a part has more than {max_part_bytes} bytes")
        if not (more := next(stream, b"")):
            break
        buffer += more
    if is_inside and (body := _body(bytes(buffer))):
        yield Part(body, is_closed=False)


def _boundary(content_type: str, buffer: bytearray) -> bytes | None:
    """Return the boundary of the header, unless the body begins with another one."""
    header = Message()
    header["Content-Type"] = content_type
    found = header.get_param("boundary")
    named = found.strip(" '").encode() if isinstance(found, str) else b""
    first = _first_line(buffer)
    return named if named and (first is None or _END + named in buffer) else first


def _first_line(buffer: bytearray) -> bytes | None:
    """Return the boundary that a body begins with, where no header names it."""
    line = bytes(buffer).lstrip(b"\r\n").split(b"\n", 1)[0].strip()
    is_one = line.startswith(_END) and 0 < len(line) - len(_END) <= MAX_BOUNDARY_BYTES
    return line.removeprefix(_END) if is_one else None


def _is_dicom(body: bytes | bytearray) -> bool:
    return body[PREAMBLE_BYTES : PREAMBLE_BYTES + len(MAGIC)] == MAGIC


def _whole(buffer: bytearray, stream: Iterator[bytes], max_part_bytes: int) -> Part:
    for more in stream:
        buffer += more
        if len(buffer) > max_part_bytes:
            raise ValueError(f"a part has more than {max_part_bytes} bytes")
    return Part(bytes(buffer), is_closed=False)


def _after(buffer: bytearray, start: int, stream: Iterator[bytes]) -> bytes:
    """Return the two bytes after a delimiter, empty where the body ends there."""
    while len(buffer) < start + len(_END) and (more := next(stream, b"")):
        buffer += more
    return bytes(buffer[start : start + len(_END)])


def _body(part: bytes) -> bytes:
    """Leave out the line of the delimiter, the headers, and the last line break."""
    line_end = part.find(b"\n", 0, MAX_HEADER_BYTES) + 1
    start = line_end
    if not _is_dicom(part[line_end:][: PREAMBLE_BYTES + len(MAGIC)]):
        ends = [
            found + len(empty)
            for empty in (b"\r\n\r\n", b"\n\n")
            if (found := part.find(empty, 0, MAX_HEADER_BYTES)) >= 0
        ]
        start = min(ends, default=line_end)
    body = part[start:]
    if body.endswith(b"\r\n"):
        return body[:-2]
    # DICOM has an even length (PS3.5, 7.1.1), so a lone LF is not its own
    return body[:-1] if body.endswith(b"\n") and len(body) % 2 else body
