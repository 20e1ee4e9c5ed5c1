"""Which treatment patients like this one are given, in a synthetic cohort.

A third answer, apart from the guidelines and the registry and never blended with them.
Trained on ``inference.cohort``: retrain on local data before relying on it. It knows no
red flags and no contraindications: beside a red flag it must not be shown.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from inference.cohort.inputs import DEGENERATE_FROM, INPUTS, OPTIONS, Input
from inference.errors import ModelError
from inference.models import WEIGHTS, read_weights
from inference.results import (
    ClinicalFeatures,
    ClinicalValue,
    DiscGrading,
    Flag,
    LevelMeasurement,
    ModelVersion,
    Option,
    Smoking,
)

MANIFEST: Final = "treatment.json"
#: Log odds below which a contribution is not worth a sentence. Our choice: it would
#: move a probability of 50 % by less than 3 %.
LEAST_CONTRIBUTION: Final = 0.1
LABELS: Final = {
    Input.AGE: "age {:.0f}",
    Input.FEMALE: "sex",
    Input.BMI: "body mass index {:.1f} kg/m2",
    Input.SMOKER: "smoking",
    Input.BACK_PAIN: "back pain {:.0f} of 10",
    Input.LEG_PAIN: "leg pain {:.0f} of 10",
    Input.ODI: "Oswestry disability index {:.0f} %",
    Input.DURATION: "back pain for {:.0f} weeks",
    Input.START_BACK: "STarT Back score {:.0f} of 9",
    Input.HERNIATION: "herniation of a disc",
    Input.STENOSIS: "lumbar spinal stenosis",
    Input.FAILED_CARE: "conservative care without lasting effect",
    Input.WORST_GRADE: "worst disc of Pfirrmann grade {:.0f}",
    Input.DEGENERATE: "discs of Pfirrmann grade 4 or 5: {:.0f}",
    Input.HEIGHT_INDEX: "lowest disc height index {:.2f}",
    Input.CANAL: "smallest canal {:.1f} mm",
    Input.SLIP: "largest slip {:.0f} %",
}
UNKNOWN: Final = {
    **{item: label.split(" {")[0].rstrip(":") for item, label in LABELS.items()},
    Input.DURATION: "duration of back pain",
    Input.WORST_GRADE: "Pfirrmann grade of the worst disc",
    Input.DEGENERATE: "number of discs of Pfirrmann grade 4 or 5",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentEstimate:
    """What the model says of one patient.

    Attributes:
        probabilities: Of each option, the most probable first; they sum to 1.
        conformal_set: The options that hold what was chosen for 90 of 100 patients of
            the cohort; several mean that there is no single suggestion.
        contributions: Sentences on what moved the most probable option, most first.
        unknown: Labels of inputs that are not known; none of them is filled in.
        model: The model, with what it was trained on.

    """

    probabilities: tuple[tuple[Option, float], ...]
    conformal_set: tuple[Option, ...]
    contributions: tuple[str, ...]
    unknown: tuple[str, ...]
    model: ModelVersion

    @property
    def single_suggestion(self) -> Option | None:
        """The only option of the set, ``None`` where there are several."""
        return self.conformal_set[0] if len(self.conformal_set) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What makes probabilities and sets of the scores of the trees.

    Attributes:
        temperature: Scores are divided by it.
        least_probability: Options at least so probable are in the conformal set.

    """

    temperature: float
    least_probability: float

    def probabilities(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return probabilities of scores, both of shape ``(patients, options)``."""
        result: NDArray[np.float64] = softmax(scores / self.temperature, axis=1)
        return result

    def sets(self, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which options are in the set; the most probable always is."""
        best = probabilities.max(axis=1, keepdims=True)
        return (probabilities >= self.least_probability) | (probabilities == best)


class TreatmentModel:
    """Calibrated probabilities of the options, with a set and reasons."""

    def __init__(
        self, booster: lightgbm.Booster, calibration: Calibration, version: ModelVersion
    ) -> None:
        self.version = version
        self.calibration = calibration
        self._booster = booster

    def scores(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores of the trees, shape ``(patients, options)``."""
        return np.asarray(self._booster.predict(inputs, raw_score=True, num_threads=1))

    def predict(
        self,
        features: ClinicalFeatures,
        levels: Sequence[LevelMeasurement],
        gradings: Sequence[DiscGrading],
    ) -> TreatmentEstimate:
        """Estimate what this patient would be given in the cohort."""
        known = inputs_of(features, levels, gradings)
        row = np.array([[known[name] for name in INPUTS]])
        # One thread: more hang in a process that was forked after loading.
        parts = np.asarray(
            self._booster.predict(row, pred_contrib=True, num_threads=1)
        ).reshape(len(OPTIONS), len(INPUTS) + 1)
        probabilities = self.calibration.probabilities(parts.sum(axis=1)[None])
        in_set = self.calibration.sets(probabilities)[0]
        order = [int(index) for index in np.argsort(-probabilities[0], kind="stable")]
        # Only differences between options matter: each against the mean of all.
        relative = (parts - parts.mean(axis=0))[order[0], :-1]
        return TreatmentEstimate(
            probabilities=tuple(
                (OPTIONS[i], float(probabilities[0, i])) for i in order
            ),
            conformal_set=tuple(OPTIONS[i] for i in order if in_set[i]),
            contributions=tuple(_reasons(known, relative.tolist(), OPTIONS[order[0]])),
            unknown=tuple(UNKNOWN[name] for name in INPUTS if math.isnan(known[name])),
            model=self.version,
        )


def inputs_of(
    features: ClinicalFeatures,
    levels: Sequence[LevelMeasurement],
    gradings: Sequence[DiscGrading],
) -> dict[Input, float]:
    """Return every input, not-a-number where it is not known."""
    grades = [item.pfirrmann for item in gradings]
    return {
        Input.AGE: _or_nan(features.age_years),
        Input.FEMALE: {"female": 1.0, "male": 0.0}.get(features.sex or "", math.nan),
        Input.BMI: _value(features.bmi_kg_m2),
        Input.SMOKER: _or_nan(
            features.smoking.status is Smoking.CURRENT if features.smoking else None
        ),
        Input.BACK_PAIN: _value(features.back_pain_nrs),
        Input.LEG_PAIN: _value(features.leg_pain_nrs),
        Input.ODI: _value(features.odi_percent),
        Input.DURATION: _value(features.back_pain_weeks),
        Input.START_BACK: _value(features.start_back_score),
        Input.HERNIATION: _or_nan(features.has(Flag.DISC_HERNIATION)),
        Input.STENOSIS: _or_nan(features.has(Flag.SPINAL_STENOSIS)),
        Input.FAILED_CARE: _or_nan(features.has(Flag.CONSERVATIVE_CARE_FAILED)),
        Input.WORST_GRADE: _or_nan(max(grades, default=None)),
        Input.DEGENERATE: _or_nan(
            sum(grade >= DEGENERATE_FROM for grade in grades) if grades else None
        ),
        Input.HEIGHT_INDEX: _smallest(m.disc_height_index_ratio for m in levels),
        Input.CANAL: _smallest(m.canal_diameter_mm for m in levels),
        Input.SLIP: max(
            (abs(m.slip_percent) for m in levels if m.slip_percent is not None),
            default=math.nan,
        ),
    }


def load_treatment_model(directory: Path = WEIGHTS) -> TreatmentModel:
    """Return the treatment model.

    Raises:
        ModelError: A file is absent, is not the one that the manifest names, or was
            trained on other inputs or options.

    """
    text, version = read_weights(directory, MANIFEST)
    manifest = json.loads((directory / MANIFEST).read_text())
    if (manifest["inputs"], manifest["options"]) != ([*INPUTS], [*OPTIONS]):
        raise ModelError(
            f"{version.name} {version.version} has other inputs or options"
        )
    calibration = Calibration(**manifest["calibration"])
    return TreatmentModel(
        lightgbm.Booster(model_str=text.decode()), calibration, version
    )


def _reasons(
    known: dict[Input, float], parts: Sequence[float], option: Option
) -> list[str]:
    """Say in words what raised and lowered an option, the strongest first."""
    strongest = sorted(zip(INPUTS, parts, strict=True), key=lambda pair: -abs(pair[1]))
    return [
        f"{_words(name, known[name])}: {'raises' if part > 0 else 'lowers'} {option}"
        for name, part in strongest
        if abs(part) >= LEAST_CONTRIBUTION
    ]


def _words(name: Input, value: float) -> str:
    if math.isnan(value):
        return f"{UNKNOWN[name]} not known"
    if name is Input.FEMALE:
        return "female" if value else "male"
    if "{" not in LABELS[name]:
        return LABELS[name] if value else f"no {LABELS[name]}"
    return LABELS[name].format(value)


def _value(item: ClinicalValue | None) -> float:
    return math.nan if item is None else item.value


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _smallest(values: Iterable[float | None]) -> float:
    return min((value for value in values if value is not None), default=math.nan)
