"""Pfirrmann grade of each disc by gradient boosting on its signal and shape.

Trained on the radiologists' grades of SPIDER (doi:10.1038/s41597-024-03090-w).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import lightgbm
import numpy as np

from inference.disc_features import DiscFeatures
from inference.manifest import WEIGHTS, read_weights
from inference.results import DiscGrading, Level, ModelVersion

MANIFEST: Final = "pfirrmann.json"


class GradingModel:
    """Probabilities of the five grades from the features of a disc."""

    def __init__(self, booster: lightgbm.Booster, version: ModelVersion) -> None:
        self.version = version
        self._booster = booster

    def grade(self, discs: Mapping[Level, DiscFeatures]) -> tuple[DiscGrading, ...]:
        """Grade each disc; the grade is the median of the probabilities.

        The median is the best guess on an ordinal scale when a mistake costs as much
        as it is grades away.
        """
        if not discs:
            return ()
        rows = np.array([item.row() for item in discs.values()])
        # One thread: more hang in a process that was forked after loading.
        probabilities = np.asarray(self._booster.predict(rows, num_threads=1))
        return tuple(
            DiscGrading(level=level, pfirrmann=median_grade(row), probabilities=(*row,))
            for level, row in zip(discs, probabilities.tolist(), strict=True)
        )


def median_grade(probabilities: list[float]) -> int:
    """Return the grade, 1 to 5, at which half of the probability is reached."""
    return 1 + int(np.searchsorted(np.cumsum(probabilities), 0.5))


def load_grading_model(directory: Path = WEIGHTS) -> GradingModel:
    """Return the grading model.

    Raises:
        ModelError: A file is absent or is not the one that the manifest names.

    """
    text, version = read_weights(directory, MANIFEST)
    return GradingModel(lightgbm.Booster(model_str=text.decode()), version)
