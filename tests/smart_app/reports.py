"""A report with a picture, built on the one of the mapping tests."""

import struct
import zlib
from dataclasses import replace
from typing import Final

from inference.results import (
    Caliper,
    CaliperLine,
    CaseReport,
    DiscFindings,
    Level,
    Outline,
    OutlineConfidence,
    Picture,
    Structure,
)
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


def caliper(quantity: str) -> Caliper:
    return Caliper(
        quantity=quantity, start_mm=(0, 0, 0), end_mm=(0, 0, 7.3), uncertainty_mm=1.2
    )


def caliper_line(quantity: str, column: float) -> CaliperLine:
    """Return a slanted caliper across the disc: a browser sees no upright line."""
    return CaliperLine(
        name="L4/L5", quantity=quantity, start_px=(column, 80), end_px=(column + 3, 96)
    )


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
    calipers=(
        caliper_line("disc_height_mm", 50),
        caliper_line("disc_height_anterior_mm", 35),
    ),
)
LEVELS: Final = tuple(
    replace(
        level,
        disc_height_anterior_mm=9.1,
        calipers=(caliper("disc_height_mm"), caliper("disc_height_anterior_mm")),
    )
    if level.level is Level.L4_L5
    else level
    for level in BARE_REPORT.levels
)
CONFIDENCES: Final = tuple(
    OutlineConfidence(name=name, dice=dice)
    for name, dice in (("L4", 0.93), ("L4/L5", 0.61), ("canal L4/L5", 0.9))
)
FINDINGS: Final = (DiscFindings(level=Level.L4_L5, narrowing=0.934, herniation=0.02),)
REPORT: Final[CaseReport] = replace(
    BARE_REPORT,
    picture=PICTURE,
    levels=LEVELS,
    confidences=CONFIDENCES,
    disc_findings=FINDINGS,
)
