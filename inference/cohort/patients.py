"""Draws patients of the synthetic cohort and what each of them is given."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.cohort.decision import true_probabilities
from inference.cohort.figures import Diagnosis, Figures, load_figures
from inference.cohort.images import draw_images
from inference.cohort.inputs import INPUTS, Input

#: What is drawn together, by the correlations of ``figures.toml``.
TOGETHER: Final = (
    *(Input.BACK_PAIN, Input.LEG_PAIN, Input.ODI, Input.START_BACK),
    "degeneration",
)
WHOLE: Final = (Input.AGE, Input.BACK_PAIN, Input.LEG_PAIN, Input.START_BACK)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cohort:
    """Invented patients, one per row.

    Attributes:
        inputs: Shape ``(patients, inputs)``, columns as ``INPUTS``.
        probabilities: True ones, shape ``(patients, options)``, columns as ``OPTIONS``.
        choices: What was drawn from them: index into ``OPTIONS``.

    """

    inputs: Array
    probabilities: Array
    choices: NDArray[np.int64]

    def column(self, name: Input) -> Array:
        """Return one input of all patients."""
        return self.inputs[:, INPUTS.index(name)]


def draw_cohort(count: int, *, seed: int, figures: Figures | None = None) -> Cohort:
    """Draw patients; the same seed draws the same ones."""
    figures = figures or load_figures()
    rng = np.random.default_rng(seed)
    shares = [figures.share("diagnosis", item) for item in Diagnosis]
    kinds = rng.choice(len(Diagnosis), size=count, p=shares)
    given = _people(rng, kinds, figures)
    z = rng.multivariate_normal(np.zeros(len(TOGETHER)), _correlations(figures), count)
    for column, name in enumerate(TOGETHER[:-1]):
        given[Input(name)] = _scaled(z[:, column], name, kinds, figures)
    for name in WHOLE:
        given[name] = given[name].round()
    images = figures.images
    aged = (given[Input.AGE] - images.age_center_years) / images.age_scale_years
    worse = images.age_correlation * aged
    worse += np.sqrt(1 - images.age_correlation**2) * z[:, -1]
    given |= draw_images(rng, worse, given[Input.STENOSIS], images)
    probabilities = true_probabilities(given, figures)
    limits = probabilities.cumsum(axis=1)[:, :-1]
    return Cohort(
        inputs=np.stack([given[name] for name in INPUTS], axis=1),
        probabilities=probabilities,
        choices=(rng.random(count)[:, None] > limits).sum(axis=1),
    )


def _people(
    rng: np.random.Generator, kinds: NDArray[np.int64], figures: Figures
) -> dict[Input, Array]:
    """Draw who they are, and how long they have had pain and care."""
    count = len(kinds)
    weeks = np.exp(_scaled(rng.normal(size=count), "log_weeks", kinds, figures))
    return {
        Input.AGE: _scaled(rng.normal(size=count), Input.AGE, kinds, figures),
        Input.FEMALE: _is(rng, Input.FEMALE, kinds, figures),
        Input.BMI: _scaled(rng.normal(size=count), Input.BMI, kinds, figures),
        Input.SMOKER: _is(rng, Input.SMOKER, kinds, figures),
        Input.DURATION: weeks.round(),
        Input.HERNIATION: _diagnosed(kinds, Diagnosis.HERNIATION),
        Input.STENOSIS: _diagnosed(kinds, Diagnosis.STENOSIS),
        Input.FAILED_CARE: _is(rng, Input.FAILED_CARE, kinds, figures),
    }


def _diagnosed(kinds: NDArray[np.int64], diagnosis: Diagnosis) -> Array:
    return (kinds == list(Diagnosis).index(diagnosis)).astype(float)


def _scaled(z: Array, name: str, kinds: NDArray[np.int64], figures: Figures) -> Array:
    """Turn standard normal numbers into those of each patient's diagnosis."""
    rows = [figures.normal(name, item) for item in Diagnosis]
    mean, sd, low, high = np.array(
        [(row.mean, row.sd, row.low, row.high) for row in rows]
    )[kinds].T
    return np.clip(mean + sd * z, low, high)


def _is(
    rng: np.random.Generator, name: str, kinds: NDArray[np.int64], figures: Figures
) -> Array:
    shares = np.array([figures.share(name, item) for item in Diagnosis])
    return (rng.random(len(kinds)) < shares[kinds]).astype(float)


def _correlations(figures: Figures) -> Array:
    matrix = np.eye(len(TOGETHER))
    for item in figures.correlations:
        one, other = (TOGETHER.index(name) for name in item.of)
        matrix[one, other] = matrix[other, one] = item.value
    return matrix
