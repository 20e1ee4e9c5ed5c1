"""A report with a picture, built on the one of the mapping tests."""

import struct
import zlib
from dataclasses import replace
from typing import Final

from inference.results import CaseReport, Outline, Picture, Structure
from tests.fhir_mappings.reports import REPORT as BARE_REPORT

WIDTH_PX: Final = 120
HEIGHT_PX: Final = 200


def gray_png(width_px: int, height_px: int) -> bytes:
    """Return a dark gray PNG without any library for pictures."""
    rows = (b"\0" + b"\x20" * width_px) * height_px
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + name
        + data
        + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def box(name: str, structure: Structure, left: float, top: float) -> Outline:
    """Return a rectangle of 40 by 16 pixels."""
    right, bottom = left + 40, top + 16
    points = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Outline(name=name, structure=structure, points_px=points)


PICTURE: Final = Picture(
    png=gray_png(WIDTH_PX, HEIGHT_PX),
    width_px=WIDTH_PX,
    height_px=HEIGHT_PX,
    pixel_mm=1.0,
    outlines=(
        box("L4", Structure.VERTEBRA, 30, 60),
        box("L4/L5", Structure.DISC, 31, 80),
        box("canal", Structure.CANAL, 75, 70),
        box("", Structure.VERTEBRA, 30, 20),
    ),
)
REPORT: Final[CaseReport] = replace(BARE_REPORT, picture=PICTURE)
