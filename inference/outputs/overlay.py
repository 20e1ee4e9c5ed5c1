"""The mid-sagittal picture with outlines, names, calipers and a table of values.

Nothing on it says whose images they are.
"""

import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inference.levels.named_voxels import NAMES
from inference.outputs.seg import color_of
from inference.pipeline import Analysis
from inference.results import Caliper, CaseReport, Outline

SCALE: Final = 2  # our choice: outlines are thin against a pixel of 0.4 mm
PANEL_PX: Final = 760
MARGIN_PX: Final = 24
TEXT_PX: Final = 20
LINE_PX: Final = 28
LETTERS: Final = 76  # that fit into a line of the panel
WHITE: Final = (235, 235, 235)
GRAY: Final = (150, 150, 150)
CALIPER: Final = (255, 241, 118)
TICK_PX: Final = 5
COLUMNS: Final = (0, 110, 220, 330, 440, 570)
NOTICE: Final = "Research software. Made by AI, not verified by a clinician."

Color = tuple[int, int, int]
Points = NDArray[np.float64]


def overlay_png(analysis: Analysis) -> bytes:
    """Return the picture as PNG."""
    picture = analysis.report.picture
    with Image.open(io.BytesIO(picture.png)) as gray:
        size = (gray.width * SCALE, gray.height * SCALE)
        slice_ = gray.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    lines = list(_lines(analysis.report))
    height = max(size[1], 2 * MARGIN_PX + len(lines) * LINE_PX)
    image = Image.new("RGB", (size[0] + PANEL_PX, height))
    image.paste(slice_, (0, 0))
    draw = ImageDraw.Draw(image)
    for outline in picture.outlines:
        _draw_outline(draw, outline)
    for caliper in _calipers(analysis.report):
        _draw_caliper(draw, _picture_px(analysis, caliper))
    _draw_names(draw, picture.outlines)
    _draw_panel(draw, size[0] + MARGIN_PX, lines)
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()


def _calipers(report: CaseReport) -> Iterator[Caliper]:
    for level in report.levels:
        yield from level.calipers
    for vertebra in report.vertebrae:
        yield from vertebra.calipers


def _picture_px(analysis: Analysis, caliper: Caliper) -> Points:
    """Return both ends of a caliper as (column, row) of the picture."""
    points = np.array([caliper.start_mm, caliper.end_mm])
    return analysis.plane.to_pixels(points)[:, ::-1]


def _draw_outline(draw: ImageDraw.ImageDraw, outline: Outline) -> None:
    if len(outline.points_px) > 1:
        points = _scaled(np.array(outline.points_px))
        draw.line([*points, points[0]], fill=_color(outline), width=SCALE)


def _draw_caliper(draw: ImageDraw.ImageDraw, ends_px: Points) -> None:
    """Draw a line with a tick across each end."""
    along = ends_px[1] - ends_px[0]
    length = float(np.linalg.norm(along)) or 1.0
    across = np.array([-along[1], along[0]]) / length * TICK_PX / SCALE
    draw.line(_scaled(ends_px), fill=CALIPER)
    for end in ends_px:
        draw.line(_scaled(np.array([end - across, end + across])), fill=CALIPER)


def _draw_names(draw: ImageDraw.ImageDraw, outlines: Sequence[Outline]) -> None:
    """Write each name once, in the middle of its largest outline."""
    seen: set[str] = set()
    for outline in outlines:
        if outline.name in seen or not outline.name:
            continue
        seen.add(outline.name)
        draw.text(
            _scaled(_middle_px(outline))[0],
            outline.name,
            fill=WHITE,
            font=ImageFont.load_default(TEXT_PX),
            anchor="mm",
            stroke_width=2,
            stroke_fill=(0, 0, 0),
        )


def _middle_px(outline: Outline) -> Points:
    """Return the middle of a shape, half way along its length, shape ``(1, 2)``."""
    columns, rows = np.array(outline.points_px).T
    row = (rows.min() + rows.max()) / 2
    here = np.abs(rows - row) <= 0.1 * np.ptp(rows) + np.abs(rows - row).min()
    return np.array([[(columns[here].min() + columns[here].max()) / 2, row]])


def _draw_panel(
    draw: ImageDraw.ImageDraw, left: int, lines: Sequence[tuple[Color, Sequence[str]]]
) -> None:
    font = ImageFont.load_default(TEXT_PX)
    for number, (color, cells) in enumerate(lines):
        top = MARGIN_PX + number * LINE_PX
        for offset, cell in zip(COLUMNS, cells, strict=False):
            draw.text((left + offset, top), cell, fill=color, font=font)


def _lines(report: CaseReport) -> Iterator[tuple[Color, Sequence[str]]]:
    """Yield the color and the cells of every line of the panel."""
    grades = {grading.level: str(grading.pfirrmann) for grading in report.gradings}
    yield GRAY, ("disc", "height", "width", "canal", "signal", "Pfirrmann")
    for level in report.levels:
        yield (
            WHITE,
            (
                level.level,
                _shown(level.disc_height_mm),
                _shown(level.disc_width_mm),
                _shown(level.canal_diameter_mm),
                _shown(level.disc_signal_ratio, 2),
                grades.get(level.level, "-"),
            ),
        )
    yield GRAY, ()
    yield GRAY, ("body", "height", "width")
    for body in report.vertebrae:
        yield WHITE, (body.vertebra, _shown(body.height_mm), _shown(body.width_mm))
    yield GRAY, ()
    yield GRAY, ("Lengths in mm; signal over that of cerebrospinal fluid.",)
    for warning in report.warnings:
        for part in textwrap.wrap(warning, LETTERS):
            yield CALIPER, (part,)
    yield GRAY, ()
    yield GRAY, (f"{report.model.name} {report.model.version}",)
    yield GRAY, (NOTICE,)


def _shown(value: float | None, decimals: int = 1) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _color(outline: Outline) -> Color:
    name = next((name for name in NAMES if name == outline.name), None)
    return GRAY if name is None else color_of(name)


def _scaled(points_px: Points) -> list[tuple[float, float]]:
    """Middle of the pixels of the picture on the larger image."""
    return [(float(x), float(y)) for x, y in (points_px + 0.5) * SCALE - 0.5]
