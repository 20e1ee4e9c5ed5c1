"""The published outcome models of the Swedish spine registry (Swespine).

Pure arithmetic on the figures in ``swespine.json``; what a patient's inputs are is the
matter of ``outcome``. An input that is not known is never filled in: the models then
give the range over all that it could be.
"""

import hashlib
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from inference.errors import ModelError
from inference.registry.terms import Input, Inputs, Term
from inference.results import (
    ModelVersion,
    OutcomeEstimate,
    SurgicalDiagnosis,
    SurgicalOutcome,
)

FILE: Final = Path(__file__).with_suffix(".json")
SATISFIED: Final = "satisfied with the result"
DAYS: Final = "days in hospital"
#: Categories of the global assessment, in the order of the thresholds.
PAIN: Final = (
    *("pain gone", "pain much better", "pain better"),
    *("pain unchanged", "pain worse"),
)
_PHI: Final = NormalDist().cdf


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """One regression of the registry.

    Attributes:
        diagnosis: What the patients were operated for.
        outcome: What it predicts; this decides the kind of regression.
        patients: How many it was fitted on.
        terms: What it adds up, in the order of the covariance.
        intercept: Constant; the ordered probit has its thresholds instead.
        thresholds: Of the ordered probit, rising.
        covariance: Of the coefficients, intercept first, over the residual variance.
        residual_variance: In days squared.
        t_value: Quantile of the 95 % interval.

    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    diagnosis: SurgicalDiagnosis
    outcome: SurgicalOutcome
    patients: int
    terms: tuple[Term, ...]
    intercept: float = 0.0
    thresholds: tuple[float, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()
    residual_variance: float = 0.0
    t_value: float = 0.0

    def __post_init__(self) -> None:
        columns = 1 + sum(len(term.weights) for term in self.terms)
        is_stay = self.outcome is SurgicalOutcome.STAY
        is_pain = self.outcome is SurgicalOutcome.PAIN
        if len(self.thresholds) != (len(PAIN) - 1 if is_pain else 0):
            raise ValueError(f"{len(self.thresholds)} thresholds of {self.outcome}")
        if [*self.thresholds] != sorted(self.thresholds):
            raise ValueError(f"thresholds do not rise: {self.thresholds}")
        sizes = {len(self.covariance), *map(len, self.covariance)}
        if sizes != {columns if is_stay else 0}:
            raise ValueError(f"covariance of {sizes}, not {columns} columns")

    def missing(self, inputs: Inputs) -> tuple[Input, ...]:
        """Return the inputs that are not known."""
        return tuple(t.input for t in self.terms if t.input not in inputs)

    def outside(self, inputs: Inputs) -> tuple[Term, ...]:
        """Return the terms whose input the model was not fitted for."""
        return tuple(
            term
            for term in self.terms
            if term.input in inputs and not term.covers(inputs[term.input])
        )

    def estimates(self, inputs: Inputs) -> tuple[OutcomeEstimate, ...]:
        """Predict; over all that the missing inputs could be where some are missing.

        Raises:
            ValueError: An input lies outside of what the model was fitted for.

        """
        if outside := self.outside(inputs):
            raise ValueError(f"outside: {', '.join(term.input for term in outside)}")
        if self.outcome is SurgicalOutcome.STAY:
            return (self._days(inputs),)
        low, high = self._linear_range(inputs)
        if self.outcome is SurgicalOutcome.SATISFACTION:
            average = _logistic(self._average)
            ends = (_logistic(low), _logistic(high))
            return (_between(SATISFIED, *ends, average=average),)
        cuts = itertools.pairwise((-math.inf, *self.thresholds, math.inf))
        return tuple(
            self._category(name, cut, low=low, high=high)
            for name, cut in zip(PAIN, cuts, strict=True)
        )

    def _category(
        self, name: str, cut: tuple[float, float], *, low: float, high: float
    ) -> OutcomeEstimate:
        """Predict one category while the predictor runs from low to high.

        Its probability peaks where the predictor is in the middle of the category.
        """
        peak = min(max(sum(cut) / 2, low), high)
        found = [_probability(cut, x) for x in (low, peak, high)]
        average = _probability(cut, self._average)
        return _between(name, min(found), max(found), average=average)

    @property
    def _average(self) -> float:
        """The linear predictor of the average patient of the registry."""
        parts = [_dot(term.weights, term.average) for term in self.terms]
        return self.intercept + sum(parts)

    def _linear_range(self, inputs: Inputs) -> tuple[float, float]:
        low = high = self.intercept
        for term in self.terms:
            values = self._values(term, inputs)
            parts = [_dot(term.weights, term.columns(value)) for value in values]
            low, high = low + min(parts), high + max(parts)
        return low, high

    def _days(self, inputs: Inputs) -> OutcomeEstimate:
        """Predict the stay with its 95 % interval for one patient.

        The interval is widest at an end of every missing input, because the width is a
        convex function of the encoded values.
        """
        choices = [self._values(term, inputs) for term in self.terms]
        weights = [self.intercept, *(w for term in self.terms for w in term.weights)]
        lows, highs, days = [], [], 0.0
        for values in itertools.product(*choices):
            encoded = [1.0]
            for term, value in zip(self.terms, values, strict=True):
                encoded += term.columns(value)
            days = _dot(weights, encoded)
            spread = _dot(encoded, [_dot(row, encoded) for row in self.covariance])
            width = self.t_value * math.sqrt(self.residual_variance * (1 + spread))
            lows.append(days - width)
            highs.append(days + width)
        return OutcomeEstimate(
            name=DAYS,
            value=None if self.missing(inputs) else max(days, 0.0),
            low=max(min(lows), 0.0),
            high=max(highs),
            average=self._average,
        )

    def _values(self, term: Term, inputs: Inputs) -> tuple[float, ...]:
        return (inputs[term.input],) if term.input in inputs else term.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """All models of the registry.

    Attributes:
        models: One per diagnosis and outcome.
        version: Which file they are from.

    """

    models: tuple[PublishedModel, ...]
    version: ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    version: str
    source: str
    models: tuple[PublishedModel, ...]


@cache
def load_registry(path: Path = FILE) -> Registry:
    """Return the models.

    Raises:
        ModelError: The file is absent, or not what it should be.

    """
    try:
        content = path.read_bytes()
        file = TypeAdapter(_File).validate_json(content)
    except (OSError, ValidationError) as error:
        raise ModelError(f"no outcome models in {path.name}: {error}") from error
    version = ModelVersion(
        name=file.name,
        version=file.version,
        sha256=hashlib.sha256(content).hexdigest(),
        quality="Published coefficients; not checked on patients outside of Sweden.",
    )
    return Registry(models=file.models, version=version)


def _between(name: str, low: float, high: float, *, average: float) -> OutcomeEstimate:
    if low == high:
        return OutcomeEstimate(
            name=name, value=low, low=None, high=None, average=average
        )
    return OutcomeEstimate(name=name, value=None, low=low, high=high, average=average)


def _probability(cut: tuple[float, float], x: float) -> float:
    return _PHI(cut[1] - x) - _PHI(cut[0] - x)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
