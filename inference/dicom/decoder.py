"""The child process that runs the native decoders (PS3.5, A.4): see ``compressed``.

Run as a file, in isolation and within limits, because a hostile codestream can crash a
decoder, keep it busy for ever, or announce more pixels than there is memory.

stdin is one line of JSON, then the encapsulated pixel data of each part in turn:
``{"memory_bytes": N, "cpu_s": N, "parts": [{"syntax": UID, "bytes": N, "indices":
[N, ...], "pixels": {options of pydicom's decoders}}, ...]}``. stdout is each chosen
frame, rows by columns, little endian.
"""

import json
import os
import resource
import sys
from typing import Any, BinaryIO

import libjpeg  # noqa: F401  before memory is limited
import openjpeg  # noqa: F401  idem
import rle  # noqa: F401  idem
from pydicom.pixels.decoders.base import get_decoder


def main() -> int:
    """Decode what stdin asks for; anything wrong ends in one line on stderr."""
    request = json.loads(sys.stdin.buffer.readline())
    limit(request["memory_bytes"], request["cpu_s"])
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # some decoders print
    try:
        for part in request["parts"]:
            write_frames(part, sys.stdin.buffer.read(part["bytes"]), output)
        output.flush()
    except Exception as error:  # noqa: BLE001  whatever it is, the parent refuses
        reason = " ".join(str(error).split())
        print(f"{type(error).__name__}: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Lower the limits of this process for good; SIGXCPU comes before SIGKILL."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def write_frames(part: dict[str, Any], encapsulated: bytes, output: BinaryIO) -> None:
    """Decode the chosen frames of one instance."""
    pixels = part["pixels"]
    shape = (pixels["rows"], pixels["columns"])
    kind = "<i" if pixels["pixel_representation"] else "<u"
    decoder = get_decoder(part["syntax"])
    decoded = decoder.iter_array(
        encapsulated,
        indices=part["indices"],
        raw=True,
        decoding_plugin="pylibjpeg",
        pixel_keyword="PixelData",
        **pixels,
    )
    for frame, _ in decoded:
        if frame.shape != shape:
            raise ValueError(f"{frame.shape} pixels were encoded, not {shape}")
        output.write(frame.astype(f"{kind}{pixels['bits_allocated'] // 8}").tobytes())


if __name__ == "__main__":
    sys.exit(main())
