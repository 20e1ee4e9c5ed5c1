"""Signal of a disc and of its parts, over that of cerebrospinal fluid."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.grading.outline import DiscOutline

#: Parts of a disc from top to bottom and from front to back. Our choice.
PARTS: Final = (3, 5)
#: Ends of the disc that count as rim, and where the nucleus begins. Our choice.
RIM: Final = 0.2
NUCLEUS: Final = 0.25
TINY: Final = 1e-3  # a signal of nothing


def texture(
    signal: NDArray[np.float32], outline: DiscOutline
) -> Iterator[tuple[str, float]]:
    """Describe the signal of a disc.

    Args:
        signal: Of its crop.
        outline: Where it is there.

    """
    values = signal[outline.inside].astype(float)
    mean, spread = float(values.mean()), float(values.std())
    deviations = (values - mean) / max(spread, TINY)
    yield "signal", mean
    for name, part in (("dark", 10), ("median", 50), ("bright", 90), ("peak", 98)):
        yield name, float(np.percentile(values, part))
    yield "variation", spread / max(mean, TINY)
    yield "skewness", float((deviations**3).mean())
    yield "kurtosis", float((deviations**4).mean())
    yield from _parts(values, outline)
    steps = np.hypot(*np.gradient(signal))
    yield "edges", float(steps[outline.inside].mean())


def _parts(
    values: NDArray[np.float64], outline: DiscOutline
) -> Iterator[tuple[str, float]]:
    rows, columns = np.nonzero(outline.inside)
    length = outline.columns[-1] - outline.columns[0]
    along = (columns - outline.columns[0]) / length
    height = np.maximum(outline.bottom - outline.top, TINY)
    down = ((rows - outline.top[columns]) / height[columns]).clip(0, 1)
    row = np.minimum((down * PARTS[0]).astype(int), PARTS[0] - 1)
    column = np.minimum((along * PARTS[1]).astype(int), PARTS[1] - 1)
    table = np.array(
        [
            [_mean(values[(row == i) & (column == j)]) for j in range(PARTS[1])]
            for i in range(PARTS[0])
        ]
    )
    for (i, j), value in np.ndenumerate(table):
        yield f"signal_{i}{j}", float(value)
    upper, middle, lower = table[:, 1:-1].mean(axis=1)
    yield "cleft", float(middle - (upper + lower) / 2)
    nucleus = values[np.abs(along - 0.5) < 0.5 - NUCLEUS]
    rim = values[np.abs(along - 0.5) >= 0.5 - RIM]
    yield "nucleus", _mean(nucleus)
    yield "contrast", _mean(nucleus) - _mean(rim)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else math.nan
