"""Who is given what: the true probabilities of the cohort.

A surgeon's own leaning is not seen by any model; the probabilities are averages over
surgeons, so they are the best that a model can know.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.special import softmax

from inference.cohort.figures import Figures, Images
from inference.cohort.inputs import OPTIONS, Input
from inference.results import Option

SURGEONS: Final = 21  # nodes of the quadrature; more changes no fourth digit
LONG_WEEKS: Final = 12.0  # ACP 2017: chronic is longer
YEAR_WEEKS: Final = 52.0

Array = NDArray[np.float64]
Columns = Mapping[Input, Array]


def terms(given: Columns, images: Images) -> dict[str, Array]:
    """Return what ``figures.toml`` gives weights to, by the names that it uses."""
    is_axial = (1 - given[Input.HERNIATION]) * (1 - given[Input.STENOSIS])
    back, leg = given[Input.BACK_PAIN], given[Input.LEG_PAIN]
    failed, weeks = given[Input.FAILED_CARE], given[Input.DURATION]
    return {
        "leg pain exceeds back pain": leg - back >= 1,
        "narrow canal": given[Input.CANAL] < images.narrow_canal_mm,
        "slip": given[Input.SLIP] >= images.slip_from_percent,
        "ODI above 40, per 10": np.maximum(given[Input.ODI] - 40, 0) / 10,
        "care failed for 12 weeks": failed * (weeks > LONG_WEEKS),
        "age above 60, per year": np.maximum(given[Input.AGE] - 60, 0),
        "axial pain alone": is_axial,
        "smoker": given[Input.SMOKER],
        "STarT Back above 4, per point": np.maximum(given[Input.START_BACK] - 4, 0),
        "pain for more than a year": weeks > YEAR_WEEKS,
        "axial pain of 5 or more after failed care": is_axial * failed * (back >= 5),  # noqa: PLR2004 - as named
        "back pain above 5, per point": np.maximum(back - 5, 0),
    }


def log_odds(given: Columns, figures: Figures) -> Array:
    """Return the log odds by an average surgeon, shape ``(patients, options)``."""
    count = len(given[Input.AGE])
    result = np.zeros((count, len(OPTIONS)))
    values = terms(given, figures.images)
    for item in figures.intercepts:
        result[:, OPTIONS.index(item.option)] += item.value
    for effect in figures.effects:
        added = figures.decision.sharpness * effect.weight * values[effect.term]
        result[:, OPTIONS.index(effect.option)] += added
    return result


def true_probabilities(given: Columns, figures: Figures) -> Array:
    """Return the probability of each option, averaged over surgeons, rows sum to 1."""
    odds = log_odds(given, figures)
    nodes, weights = hermegauss(SURGEONS)
    column = OPTIONS.index(Option.SURGICAL_OPINION)
    result = np.zeros_like(odds)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        own = odds.copy()
        own[:, column] += figures.decision.surgeon_sd * node
        result += weight * softmax(own, axis=1)
    return result
