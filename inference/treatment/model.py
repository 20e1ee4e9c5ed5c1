"""The trees, calibrated, with the limits inside which they may be asked."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from inference.cohort.inputs import INPUTS, OPTIONS, Input
from inference.cohort.patients import Cohort, draw_cohort
from inference.errors import ModelError
from inference.manifest import TREATMENT_MANIFEST, WEIGHTS, read_weights
from inference.results import (
    ClinicalFeatures,
    DiscGrading,
    LevelMeasurement,
    ModelVersion,
    TreatmentEstimate,
)
from inference.treatment.explained import (
    missing_inputs,
    nearest_change,
    reasons,
    similar_patients,
)
from inference.treatment.inputs import (
    LABELS,
    NEEDED,
    inputs_of,
    sources_of,
    value_words,
)

#: Our choice: with ``NEEDED`` known, so many may be missing.
MOST_MISSING: Final = 10
#: Lengths without a limit at their healthy end. Our choice: the trees say the same of a
#: spine that is better than any that they learned from as of the best of these.
NO_LEAST: Final = frozenset({Input.SLIP})
NO_GREATEST: Final = frozenset({Input.HEIGHT_INDEX, Input.CANAL})
RED_FLAG: Final = (
    "There is a red flag: the urgent route comes first, and no routine treatment is "
    "estimated beside it."
)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What makes probabilities and sets of the scores of the trees.

    Attributes:
        temperature: Scores are divided by it.
        least_probability: Options at least so probable are in the conformal set.

    """

    temperature: float
    least_probability: float

    def probabilities(self, scores: Array) -> Array:
        """Return probabilities of scores, both of shape ``(patients, options)``."""
        result: Array = softmax(scores / self.temperature, axis=1)
        return result

    def sets(self, probabilities: Array) -> NDArray[np.bool_]:
        """Tell which options are in the set; the most probable always is."""
        best = probabilities.max(axis=1, keepdims=True)
        return (probabilities >= self.least_probability) | (probabilities == best)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What the model has learned from.

    Attributes:
        trained_on: That in words, which stand wherever the model is shown.
        spread: Of each input the values below which lie 0, 5, 25, 50, 75, 95 and
            100 % of the patients; empty where none of them had it.
        cohort: How many patients of the synthetic cohort, and the seed that draws
            them; ``None`` where the patients were others.

    """

    trained_on: str
    spread: Mapping[Input, tuple[float, ...]]
    cohort: tuple[int, int] | None


class TreatmentModel:
    """Calibrated probabilities of the options, with a set and reasons."""

    def __init__(
        self,
        booster: lightgbm.Booster,
        calibration: Calibration,
        training: Training,
        version: ModelVersion,
    ) -> None:
        self.version = version
        self.calibration = calibration
        self.training = training
        self._booster = booster

    @cached_property
    def cohort(self) -> Cohort | None:
        """The synthetic patients that it learned from, drawn again."""
        if self.training.cohort is None:
            return None
        count, seed = self.training.cohort
        return draw_cohort(count, seed=seed)

    def probabilities(self, inputs: Array) -> Array:
        """Return ``(patients, options)`` of inputs ``(patients, inputs)``."""
        # One thread: more hang in a process that was forked after loading.
        scores = self._booster.predict(inputs, raw_score=True, num_threads=1)
        return self.calibration.probabilities(np.asarray(scores))

    def estimate(
        self,
        features: ClinicalFeatures,
        levels: Sequence[LevelMeasurement],
        gradings: Sequence[DiscGrading],
        *,
        has_red_flag: bool,
    ) -> TreatmentEstimate:
        """Estimate what this patient would be given, or say why that is refused."""
        spread = self.training.spread
        grades = [item.pfirrmann for item in gradings]
        known = {
            name: value if spread[name] else math.nan
            for name, value in inputs_of(features, levels, grades).items()
        }
        if refusals := tuple(self._refusals(known, has_red_flag=has_red_flag)):
            return TreatmentEstimate(
                trained_on=self.training.trained_on,
                refusals=refusals,
                model=self.version,
            )
        row = np.array([known[name] for name in INPUTS])
        probabilities = self.probabilities(row[None])[0]
        in_set = self.calibration.sets(probabilities[None])[0]
        order = [int(index) for index in np.argsort(-probabilities, kind="stable")]
        contributions = self._contributions(row)[order[0]]
        return TreatmentEstimate(
            trained_on=self.training.trained_on,
            probabilities=tuple((OPTIONS[i], float(probabilities[i])) for i in order),
            conformal_set=tuple(OPTIONS[i] for i in order if in_set[i]),
            reasons=tuple(reasons(known, contributions, OPTIONS[order[0]])),
            nearest_change=nearest_change(row, spread, self.probabilities),
            similar=similar_patients(row, self.cohort) if self.cohort else None,
            used=tuple(
                (LABELS[name][0], value_words(name, value))
                for name, value in known.items()
                if not math.isnan(value)
            ),
            missing=tuple(missing_inputs(row, spread, self.probabilities)),
            sources=sources_of(features),
            model=self.version,
        )

    def _contributions(self, row: Array) -> Array:
        """Return LightGBM's own SHAP values, shape ``(options, inputs)``.

        Only differences between options matter: each is against the mean of all.
        """
        parts = self._booster.predict(row[None], pred_contrib=True, num_threads=1)
        values = np.asarray(parts).reshape(len(OPTIONS), len(INPUTS) + 1)[:, :-1]
        return np.asarray(values - values.mean(axis=0))

    def _refusals(
        self, known: Mapping[Input, float], *, has_red_flag: bool
    ) -> Iterator[str]:
        if has_red_flag:
            yield RED_FLAG
            return
        learned = [name for name in INPUTS if self.training.spread[name]]
        missing = [name for name in learned if math.isnan(known[name])]
        if needed := [LABELS[name][0] for name in missing if name in NEEDED]:
            yield f"Not known, and needed: {', '.join(needed)}."
        if len(missing) > MOST_MISSING:
            labels = ", ".join(LABELS[name][0] for name in missing)
            yield (
                f"{len(missing)} of {len(learned)} inputs are not known, and at most "
                f"{MOST_MISSING} may be: {labels}."
            )
        for name in learned:
            value = known[name]
            low, *_, high = self.training.spread[name]
            is_less = value < low and name not in NO_LEAST
            if is_less or (value > high and name not in NO_GREATEST):
                words = value_words(name, value)
                yield (
                    f"The {LABELS[name][0]} is {words}; the model has learned from "
                    f"{value_words(name, low)} to {value_words(name, high)}."
                )


@cache
def load_treatment_model(directory: Path = WEIGHTS) -> TreatmentModel:
    """Return the treatment model of a folder, once per process.

    Raises:
        ModelError: A file is absent, is not the one that the manifest names, or was
            trained on other inputs or options.

    """
    text, version = read_weights(directory, TREATMENT_MANIFEST)
    manifest = json.loads((directory / TREATMENT_MANIFEST).read_text())
    if (manifest["inputs"], manifest["options"]) != ([*INPUTS], [*OPTIONS]):
        raise ModelError(
            f"{version.name} {version.version} has other inputs or options"
        )
    return TreatmentModel(
        lightgbm.Booster(model_str=text.decode()),
        Calibration(**manifest["calibration"]),
        _training(manifest),
        version,
    )


def _training(manifest: Mapping[str, Any]) -> Training:
    cohort = manifest["cohort"]
    return Training(
        trained_on=manifest["trained_on"],
        spread={Input(name): tuple(v) for name, v in manifest["spread"].items()},
        cohort=(cohort["patients"], cohort["seed"]) if cohort else None,
    )
