"""What the models of the Swedish spine registry add up, coded as the registry does."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

#: Our choice, as the registry published no limits: farther from the mean of its
#: patients a model has hardly seen anybody.
REACH_SD: Final = 3.0


class Input(StrEnum):
    """What the models ask, coded as the registry does."""

    AGE = "age_years"
    BMI = "bmi_kg_m2"
    HEIGHT = "height_cm"
    ODI = "odi_percent"
    EQ5D = "eq5d_index"
    BACK_PAIN = "back_pain_nrs"
    LEG_PAIN = "leg_pain_nrs"
    BACK_PAIN_DURATION = "back_pain_duration"
    LEG_PAIN_DURATION = "leg_pain_duration"
    WALKING = "walking_ability"
    OTHER_ILLNESS = "other_illness"
    SMOKER = "smoker"
    PREVIOUSLY_OPERATED = "previously_operated"
    UNEMPLOYED = "unemployed"
    DISABILITY_PENSION = "disability_pension"
    RETIREMENT_PENSION = "retirement_pension"
    HIGHER_EDUCATION = "higher_education"
    OPERATED_LEVELS = "operated_levels"
    CLINIC_TYPE = "clinic_type"


#: Ends of the registry's scales; the other numbers have none.
SCALES: Final = {
    Input.ODI: (0.0, 100.0),
    Input.EQ5D: (-0.59, 1.0),  # the tariff of the UK for EQ-5D-3L, Dolan 1997
    Input.BACK_PAIN: (0.0, 10.0),
    Input.LEG_PAIN: (0.0, 10.0),
    Input.BACK_PAIN_DURATION: (0.0, 4.0),
    Input.LEG_PAIN_DURATION: (0.0, 4.0),
    Input.WALKING: (1.0, 4.0),
    Input.OPERATED_LEVELS: (1.0, 5.0),
}

Inputs = Mapping[Input, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuous:
    """A number, standardized; ``is_whole`` where it stands for half a unit around."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    type: Literal["continuous"]
    input: Input
    coefficient: float
    mean: float
    scale: float
    is_whole: bool

    @property
    def weights(self) -> tuple[float, ...]:
        """Coefficients of the columns."""
        return (self.coefficient,)

    @property
    def ends(self) -> tuple[float, ...]:
        """Smallest and largest value that the model was fitted for."""
        low, high = SCALES.get(self.input, (-math.inf, math.inf))
        half = 0.5 if self.is_whole else 0.0
        reach = REACH_SD * self.scale + half
        low, high = max(low, self.mean - reach), min(high, self.mean + reach)
        return (math.ceil(low), math.floor(high)) if self.is_whole else (low, high)

    @property
    def average(self) -> tuple[float, ...]:
        """The mean of each column."""
        return (0.0,)

    def columns(self, value: float) -> tuple[float, ...]:
        """Return the encoded value."""
        return ((value - self.mean) / self.scale,)

    def covers(self, value: float) -> bool:
        """Tell whether the model was fitted for a value."""
        low, high = self.ends
        return low <= value <= high


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """A yes or no; ``share`` of the registry's patients said yes."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    type: Literal["binary"]
    input: Input
    coefficient: float
    share: float

    @property
    def weights(self) -> tuple[float, ...]:
        """Coefficients of the columns."""
        return (self.coefficient,)

    @property
    def ends(self) -> tuple[float, ...]:
        """All values."""
        return (0.0, 1.0)

    @property
    def average(self) -> tuple[float, ...]:
        """The mean of each column."""
        return (self.share,)

    def columns(self, value: float) -> tuple[float, ...]:
        """Return the encoded value."""
        return (value,)

    def covers(self, value: float) -> bool:
        """Tell whether it is a yes or a no."""
        return value in self.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Categorical:
    """A category, one column each; that of the reference has the coefficient 0.

    ``shares`` of the registry's patients were in each; 0 stands for the reference's,
    which is not given.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    type: Literal["categorical"]
    input: Input
    coefficients: dict[int, float]
    shares: dict[int, float]

    @property
    def weights(self) -> tuple[float, ...]:
        """Coefficients of the columns."""
        return tuple(self.coefficients.values())

    @property
    def ends(self) -> tuple[float, ...]:
        """All values."""
        return tuple(self.coefficients)

    @property
    def average(self) -> tuple[float, ...]:
        """The mean of each column."""
        return tuple(self.shares.values())

    def columns(self, value: float) -> tuple[float, ...]:
        """Return the encoded value."""
        return tuple(float(category == value) for category in self.coefficients)

    def covers(self, value: float) -> bool:
        """Tell whether there is such a category."""
        return value in self.coefficients


Term = Annotated[Continuous | Binary | Categorical, Field(discriminator="type")]
