"""Draws what images show, from the summary of SPIDER's discs in ``spider.csv``.

The table is made by ``python -m benchmarks.cohort_images`` and holds no patient's row.
SPIDER: doi:10.1038/s41597-024-03090-w, CC BY 4.0.
"""

import csv
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from inference.cohort.figures import Images
from inference.cohort.inputs import DEGENERATE_FROM, Input
from inference.results import Level

FILE: Final = Path(__file__).with_name("spider.csv")
GRADES: Final = 5
#: Below these the draws are cut off. Our choice: no disc and no canal is nothing.
LEAST_INDEX: Final = 0.05
LEAST_CANAL_MM: Final = 4.0

Array = NDArray[np.float64]


def draw_images(
    rng: np.random.Generator, degeneration: Array, is_stenosis: Array, images: Images
) -> dict[Input, Array]:
    """Draw what the images of each patient show.

    Args:
        rng: Source of chance.
        degeneration: Standard normal, one per patient; more is worse.
        is_stenosis: 1 where the patient has a stenosis, else 0.
        images: Figures.

    """
    grades = _grades(rng, degeneration)
    slips = _slips(rng, len(degeneration))
    mean, sd = _figure("smallest_canal_mm")
    canal = rng.normal(mean, sd, len(degeneration))
    canal *= np.where(is_stenosis, images.stenosis_canal_ratio, 1.0)
    return {
        Input.WORST_GRADE: grades.max(axis=1).astype(float),
        Input.DEGENERATE: (grades >= DEGENERATE_FROM).sum(axis=1).astype(float),
        Input.HEIGHT_INDEX: _height_indices(rng, grades).min(axis=1),
        Input.CANAL: np.maximum(canal, LEAST_CANAL_MM),
        Input.SLIP: abs(slips).max(axis=1),
    }


def _grades(rng: np.random.Generator, degeneration: Array) -> NDArray[np.int64]:
    """Return Pfirrmann grades, shape ``(patients, levels)``."""
    alike, _ = _figure("pfirrmann_correlation")
    own = rng.normal(size=(len(degeneration), len(Level)))
    badness = np.sqrt(alike) * degeneration[:, None] + np.sqrt(1 - alike) * own
    columns = []
    for column, level in enumerate(Level):
        shares = [
            _figure("pfirrmann_share", level, str(grade))[0]
            for grade in range(1, GRADES + 1)
        ]
        limits = norm.ppf(np.minimum(np.cumsum(shares)[:-1], 1.0))
        columns.append(1 + np.searchsorted(limits, badness[:, column]))
    return np.stack(columns, axis=1)


def _height_indices(rng: np.random.Generator, grades: NDArray[np.int64]) -> Array:
    figures = np.array(
        [
            _figure("disc_height_index_ratio", "", str(grade))
            for grade in range(1, GRADES + 1)
        ]
    )
    mean, sd = figures[grades - 1].transpose(2, 0, 1)
    return np.maximum(rng.normal(mean, sd), LEAST_INDEX)


def _slips(rng: np.random.Generator, count: int) -> Array:
    """Return slips in percent, shape ``(count, levels)``."""
    shares = [_figure("slip_share", level)[0] for level in Level]
    has_slip = rng.random((count, len(Level))) < np.array(shares)
    without, with_slip = (_figure("slip_percent", "", group) for group in "01")
    shape = has_slip.shape
    return np.where(
        has_slip, rng.normal(*with_slip, shape), rng.normal(*without, shape)
    )


def _figure(quantity: str, site: str = "", group: str = "") -> tuple[float, float]:
    """Return a mean or share, and its standard deviation where it has one."""
    return _figures()[quantity, site, group]


@cache
def _figures() -> dict[tuple[str, str, str], tuple[float, float]]:
    with FILE.open(encoding="utf-8", newline="") as lines:
        return {
            (row["quantity"], row["site"], row["group"]): (
                float(row["mean"]),
                float(row["sd"] or "nan"),
            )
            for row in csv.DictReader(lines)
        }
