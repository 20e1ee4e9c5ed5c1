"""Readers that other people wrote: DCMTK, dicom3tools and dcmqi."""

import gzip
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from inference.outputs.codes import SCHEME, SCHEME_UID

BIN = Path(sys.executable).parent
#: dciodvfy cannot know our coding scheme; it is defined in the object.
OURS = (f"<{SCHEME}>", f"<{SCHEME_UID}>")


def complaints(path: Path) -> list[str]:
    """Return what dciodvfy of dicom3tools finds wrong with an object.

    Warnings about our own coding scheme are none: it cannot know that one.
    """
    command = ["dciodvfy", "-new", str(path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (answer.stdout + answer.stderr).splitlines()
    return [line for line in lines if is_complaint(line)]


def is_complaint(line: str) -> bool:
    return line.startswith("Error") or (
        line.startswith("Warning") and not any(ours in line for ours in OURS)
    )


def dsrdump(path: Path) -> str:
    """Return a structured report as DCMTK prints it; it refuses what is not valid."""
    command = ["dsrdump", "--print-all-codes", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def tid1500(path: Path, into: Path) -> dict[str, Any]:
    """Return a measurement report as dcmqi reads it."""
    metadata = into / "tid1500.json"
    _dcmqi("tid1500reader", "--inputDICOM", path, "--outputMetadata", metadata)
    found: dict[str, Any] = json.loads(metadata.read_text())
    return found


def segments(path: Path, into: Path) -> dict[str, Any]:
    """Let dcmqi write a segmentation as one image per segment; return what it says."""
    _dcmqi(
        "segimage2itkimage",
        *("--inputDICOM", path, "--outputDirectory", into, "--outputType", "nii"),
    )
    found: dict[str, Any] = json.loads((into / "meta.json").read_text())
    return found


def voxel_count(path: Path) -> int:
    """Return how many voxels of a packed NIfTI-1 image are not zero."""
    content = gzip.decompress(path.read_bytes())
    (bits,) = struct.unpack_from("<h", content, 72)
    (start,) = struct.unpack_from("<f", content, 108)
    voxels = np.frombuffer(content, f"<u{bits // 8}", offset=int(start))
    return int(np.count_nonzero(voxels))


def _dcmqi(tool: str, *arguments: str | Path) -> None:
    command = [BIN / tool, *arguments]
    subprocess.run(command, capture_output=True, text=True, check=True)
