"""The figures of the cohort: read from ``figures.toml`` and checked."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from inference.errors import ModelError
from inference.results import Option

FILE: Final = Path(__file__).with_name("figures.toml")
_STRICT: Final = ConfigDict(extra="forbid")


class Diagnosis(StrEnum):
    """Why the patient is there."""

    HERNIATION = "herniation"
    STENOSIS = "stenosis"
    AXIAL = "axial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of a group, 0 to 1."""

    __pydantic_config__ = _STRICT

    name: str
    diagnosis: Diagnosis
    value: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """A normal number, cut off at both ends of its scale."""

    __pydantic_config__ = _STRICT

    name: str
    diagnosis: Diagnosis
    mean: float
    sd: float
    low: float
    high: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """How two normal numbers go together."""

    __pydantic_config__ = _STRICT

    of: tuple[str, str]
    value: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """What the images depend on."""

    __pydantic_config__ = _STRICT

    age_correlation: float
    age_center_years: float
    age_scale_years: float
    age_source: str
    stenosis_canal_ratio: float
    stenosis_source: str
    narrow_canal_mm: float
    narrow_source: str
    slip_from_percent: float
    slip_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How sharply the facts decide, and how much surgeons disagree."""

    __pydantic_config__ = _STRICT

    sharpness: float
    sharpness_source: str
    surgeon_sd: float
    surgeon_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intercept:
    """Log odds of an option before any fact."""

    __pydantic_config__ = _STRICT

    option: Option
    value: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one term adds to the log odds of an option, before the sharpness."""

    __pydantic_config__ = _STRICT

    option: Option
    term: str
    weight: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All of them."""

    __pydantic_config__ = _STRICT

    version: str
    shares: tuple[Share, ...]
    normals: tuple[Normal, ...]
    correlations: tuple[Correlation, ...]
    images: Images
    decision: Decision
    intercepts: tuple[Intercept, ...]
    effects: tuple[Effect, ...]

    def share(self, name: str, diagnosis: Diagnosis) -> float:
        """Return a share."""
        return next(
            item.value
            for item in self.shares
            if (item.name, item.diagnosis) == (name, diagnosis)
        )

    def normal(self, name: str, diagnosis: Diagnosis) -> Normal:
        """Return a distribution."""
        return next(
            item
            for item in self.normals
            if (item.name, item.diagnosis) == (name, diagnosis)
        )


@cache
def load_figures(file: Path = FILE) -> Figures:
    """Return the figures.

    Raises:
        ModelError: The file is not what it should be.

    """
    try:
        return TypeAdapter(Figures).validate_python(tomllib.loads(file.read_text()))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ModelError(f"figures of the cohort: {error}") from error
