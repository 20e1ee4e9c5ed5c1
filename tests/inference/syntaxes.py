"""One DICOM file in every transfer syntax that is read, by independent encoders.

pydicom writes the native ones, RLE and JPEG 2000, DCMTK JPEG and JPEG-LS, and OpenJPH
High-Throughput JPEG 2000.
"""

import subprocess
from copy import deepcopy
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
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

from inference.dicom import read_instance

NATIVE = tuple(UncompressedTransferSyntaxes)
DCMTK = {
    JPEGBaseline8Bit: ("dcmcjpeg", "+eb", "+rm", "+q", "98"),
    JPEGExtended12Bit: ("dcmcjpeg", "+ee", "+rm", "+q", "98"),
    JPEGLossless: ("dcmcjpeg", "+el"),
    JPEGLosslessSV1: ("dcmcjpeg", "+e1"),
    JPEGLSLossless: ("dcmcjpls", "+el"),
    JPEGLSNearLossless: ("dcmcjpls", "+en", "+md", "1"),
}
OPENJPH = {
    HTJ2KLossless: ("ojph_compress", "-reversible", "true"),
    HTJ2KLosslessRPCL: (
        "ojph_compress",
        "-reversible",
        "true",
        "-prog_order",
        "RPCL",
    ),
    HTJ2K: ("ojph_compress", "-qstep", "0.0005"),
}
PYDICOM = (RLELossless, JPEG2000Lossless, JPEG2000)
LOSSLESS = (
    *NATIVE,
    RLELossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
)
LOSSY = (JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K)


def encoded(dataset: Dataset, syntax: UID, folder: Path) -> bytes:
    """Return an uncompressed little endian image as a file in a transfer syntax."""
    if syntax in DCMTK:
        return _by_dcmtk(dataset, DCMTK[syntax], folder)
    copy = deepcopy(dataset)
    if syntax == JPEG2000:
        copy.compress(syntax, j2k_cr=[2], generate_instance_uid=False)
    elif syntax in PYDICOM:
        copy.compress(syntax, generate_instance_uid=False)
    elif syntax in OPENJPH:
        frames = [
            _by_openjph(frame, dataset.BitsStored, OPENJPH[syntax], folder)
            for frame in np.atleast_3d(dataset.pixel_array.T).T
        ]
        copy.PixelData = encapsulate(frames)
    elif syntax == ExplicitVRBigEndian:
        words = np.frombuffer(dataset.PixelData, f"<u{dataset.BitsAllocated // 8}")
        copy.PixelData = words.byteswap().tobytes()
    copy.file_meta.TransferSyntaxUID = syntax
    copy["PixelData"].VR = "OB" if syntax.is_encapsulated else "OW"
    copy["PixelData"].is_undefined_length = syntax.is_encapsulated
    return written(copy)


def in_syntax(dataset: Dataset, syntax: UID, folder: Path) -> Dataset:
    """Return the image as it is read from a file in a transfer syntax."""
    return read_instance(encoded(dataset, syntax, folder))


def written(dataset: Dataset) -> bytes:
    """Return a dataset as a file, as wrong as it is."""
    buffer = BytesIO()
    syntax = dataset.file_meta.TransferSyntaxUID
    dataset.save_as(
        buffer,
        implicit_vr=syntax.is_implicit_VR,
        little_endian=syntax.is_little_endian,
        enforce_file_format=True,
    )
    return buffer.getvalue()


def _by_dcmtk(dataset: Dataset, command: tuple[str, ...], folder: Path) -> bytes:
    source, target = folder / "source.dcm", folder / "target.dcm"
    source.write_bytes(written(dataset))
    subprocess.run([*command, source, target], check=True, capture_output=True)
    return target.read_bytes()


def _by_openjph(
    frame: np.ndarray, bits: int, command: tuple[str, ...], folder: Path
) -> bytes:
    source, target = folder / "source.pgm", folder / "target.j2c"
    header = f"P5 {frame.shape[1]} {frame.shape[0]} {(1 << bits) - 1}\n".encode()
    source.write_bytes(header + frame.astype(">u2").tobytes())
    subprocess.run(
        [*command, "-i", source, "-o", target],
        check=True,
        capture_output=True,
    )
    return target.read_bytes()
