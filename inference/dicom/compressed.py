"""Compressed pixel data, decoded in a child process within limits of time and memory.

Uncompressed data never comes here. Starting the child costs about 0.3 s per series.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

from inference.dicom.header import named
from inference.errors import UnsuitableStudyError

DECODER: Final = Path(__file__).with_name("decoder.py")
MEMORY_BYTES: Final = 640 * 1024**2  # our choice: a large frame, many times over
CPU_S: Final = 3.0  # our choice, on the processor: a start and much room
PIXELS_PER_S: Final = 1_000_000  # our choice: less than a slow decoder does
#: Our choice: a decoder that waits, or whose machine is busy, may take so much longer.
WALL_FACTOR: Final = 10.0
_SHOWN_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Frames of one instance, still encapsulated.

    Attributes:
        syntax: TransferSyntaxUID.
        indices: Which frames, counted from 0.
        pixels: What the header says of them, as pydicom's decoders want it.
        encapsulated: PixelData.

    """

    syntax: str
    indices: tuple[int, ...]
    pixels: dict[str, Any]
    encapsulated: bytes


def decode(parts: Sequence[Part], pixel_count: int) -> bytes:
    """Return the pixels of all chosen frames one after another.

    Args:
        parts: In the order of the result.
        pixel_count: Rows times columns, summed over all chosen frames.

    Raises:
        UnsuitableStudyError: A decoder refuses, crashes, or reaches a limit.

    """
    allowed_s = ceil(CPU_S + pixel_count / PIXELS_PER_S)
    request = {
        "memory_bytes": MEMORY_BYTES,
        "cpu_s": allowed_s,
        "parts": [
            {
                "syntax": part.syntax,
                "bytes": len(part.encapsulated),
                "indices": part.indices,
                "pixels": part.pixels,
            }
            for part in parts
        ],
    }
    line = json.dumps(request).encode() + b"\n"
    try:
        child = subprocess.run(  # noqa: S603  our own file, no shell
            [sys.executable, "-I", DECODER],
            input=b"".join([line, *(part.encapsulated for part in parts)]),
            capture_output=True,
            check=False,
            timeout=allowed_s * WALL_FACTOR,
            env={"OPENBLAS_NUM_THREADS": "1"},  # no secrets of ours, little memory
        )
    except subprocess.TimeoutExpired as error:
        raise UnsuitableStudyError(
            f"{named('PixelData')} is not decoded after {error.timeout:g} s"
        ) from error
    if child.returncode == -signal.SIGXCPU:
        raise UnsuitableStudyError(
            f"{named('PixelData')} takes more than {allowed_s} s to decode"
        )
    if child.returncode != 0:
        said = child.stderr.decode(errors="replace").strip()[-_SHOWN_CHARACTERS:]
        raise UnsuitableStudyError(
            f"{named('PixelData')} cannot be decoded: "
            f"{said or f'the decoder ended with {child.returncode}'}"
        )
    return child.stdout
