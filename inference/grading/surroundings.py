"""Endplates, bone and canal beside a disc, in units of its own spine."""

import math
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.geometry.rays import BORDER
from inference.grading.crops import (
    BODY_PER_COLUMN,
    CROP,
    STEP_PER_ROW,
    SURE_BONE,
    LevelCrop,
)
from inference.grading.outline import DiscOutline

#: Rows of bone beside an endplate: thin, and as deep as a Modic change reaches. Our
#: choice: about 1 to 3 and 3 to 8 mm.
BANDS: Final = ((1, 4), (4, 12))
#: Rows from the middle of the crop: the disc, the corners beside it, mid-body. Our
#: choice, about 4, 4 to 12, and 8 to 19 mm.
AT_DISC: Final = 6
AT_CORNERS: Final = (6, 18)
AT_BODIES: Final = (12, 28)
FAR: Final = 20
MIN_ROWS: Final = 8  # our choice: fewer do not tell the course of the canal


def endplates(crop: LevelCrop, outline: DiscOutline) -> Iterator[tuple[str, float]]:
    """Describe how even both endplates are, and the signal of the bone beside them."""
    bone = crop.signal[crop.vertebra >= SURE_BONE]
    usual = float(np.median(bone)) if bone.size else math.nan
    usual = usual if usual > 0 else math.nan
    yield "bone", usual
    for name, border, way in (
        ("upper", outline.top, -1),
        ("lower", outline.bottom, 1),
    ):
        for what, value in _endplate(crop, outline.central, border, way, usual):
            yield f"{name}_{what}", value


def _endplate(
    crop: LevelCrop,
    columns: NDArray[np.intp],
    border: NDArray[np.float64],
    way: int,
    usual: float,
) -> Iterator[tuple[str, float]]:
    """Describe one endplate; ``way`` is that from the disc into the bone."""
    rows = border[columns]
    curve = np.polyfit(columns, rows, 2)
    away = (rows - np.polyval(curve, columns)) * way * STEP_PER_ROW
    yield "roughness", float(away.std())
    yield "defect", float(away.max())
    yield "curve", float(curve[0]) * way
    steps = np.abs(np.diff(rows))
    yield "jumps", float(steps.mean() - np.median(steps))
    beside = np.round(rows + 2 * way).astype(int).clip(0, CROP[0] - 1)
    yield "seen", float(crop.vertebra[beside, columns].mean())
    for number, (near, far) in enumerate(BANDS):
        depths = np.arange(near, far)[:, None]
        at = np.round(rows + way * depths).astype(int).clip(0, CROP[0] - 1)
        band = crop.signal[at, columns].astype(float)
        yield f"band{number}", float(band.mean())
        yield f"band{number}_over_bone", float(band.mean()) / usual
        yield f"band{number}_bright", float(np.percentile(band, 95)) / usual
        yield f"band{number}_dark", float(np.percentile(band, 5)) / usual
        yield f"band{number}_spread", float(band.std()) / usual
    for number, third in enumerate(np.array_split(band.mean(axis=0), 3)):
        yield f"deep_{number}", float(third.mean()) / usual


def borders(crop: LevelCrop, outline: DiscOutline) -> Iterator[tuple[str, float]]:
    """Describe what is left of the canal, and how far the disc reaches beyond bone."""
    canal = crop.canal >= BORDER
    width = np.where(canal.any(axis=1), canal.sum(axis=1), math.nan)
    front = _first(canal)
    rows = np.arange(CROP[0]) - CROP[0] // 2  # from the middle downward
    here, far = np.abs(rows) <= AT_DISC, np.abs(rows) >= FAR
    narrowest, usual = _of(np.nanmin, width[here]), _of(np.nanmedian, width[far])
    yield "canal_behind", narrowest * BODY_PER_COLUMN
    yield "canal_away", usual * BODY_PER_COLUMN
    yield "canal_ratio", narrowest / usual
    fluid = crop.signal[here][canal[here]]
    yield "canal_signal", float(fluid.mean()) if fluid.size else math.nan
    yield "canal_dark", float(np.percentile(fluid, 25)) if fluid.size else math.nan

    disc_rows = np.flatnonzero(outline.inside.any(axis=1))
    known = far & np.isfinite(front)
    if known.sum() > MIN_ROWS:
        course = np.polyval(np.polyfit(rows[known], front[known], 1), rows)
        indent = (front - course) * BODY_PER_COLUMN
        above, below = _both_sides(rows, *AT_CORNERS)
        yield "indent", _of(np.nanmax, indent[here])
        yield "indent_above", _of(np.nanmax, indent[above])
        yield "indent_below", _of(np.nanmax, indent[below])
        back = CROP[1] - 1 - _first(outline.inside[:, ::-1])
        reach = (back - course)[disc_rows] * BODY_PER_COLUMN
        yield "bulge_back", _of(np.nanmax, reach)

    above, below = _both_sides(rows, *AT_BODIES)
    walls = _first(crop.vertebra >= BORDER)
    upper, lower = (_of(np.nanmedian, walls[side]) for side in (above, below))
    ahead = _of(np.nanmean, np.array([upper, lower])) - _first(outline.inside)
    yield "bulge_front", _of(np.nanmax, ahead[disc_rows]) * BODY_PER_COLUMN
    yield "step_front", (upper - lower) * BODY_PER_COLUMN
    upper, lower = (_of(np.nanmedian, front[side]) for side in (above, below))
    yield "step_canal", (upper - lower) * BODY_PER_COLUMN


def _both_sides(
    rows: NDArray[np.intp], near: int, far: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows above and rows below the middle that lie between two distances from it."""
    return (-rows > near) & (-rows < far), (rows > near) & (rows < far)


def _first(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Column of the first pixel in each row, NaN where there is none."""
    return np.where(mask.any(axis=1), mask.argmax(axis=1), math.nan)


def _of(
    reduce: Callable[[NDArray[np.float64]], float], values: NDArray[np.float64]
) -> float:
    """Reduce what is known, NaN where nothing is."""
    return float(reduce(values)) if np.isfinite(values).any() else math.nan
