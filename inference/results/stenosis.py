"""How narrow the central canal is at a level, with what cannot be told."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from inference.results.anatomy import Level


class CanalClass(StrEnum):
    """Central canal by its anterior-posterior diameter, the narrowest last.

    Limits of Verbiest 1977 (in doi:10.1186/1471-2474-12-175). The widest class is not
    called normal: nobody looked at the roots.
    """

    WIDE = "12 mm or wider"
    RELATIVE = "relative stenosis (10 to 12 mm)"
    ABSOLUTE = "absolute stenosis (below 10 mm)"


#: Probability from which a class is not excluded. Our choice: the right class is then
#: among those named at least as often as a length is within its uncertainty.
LEAST_PROBABILITY: Final = 0.05
#: What one mid-sagittal surface does not show. It is never "normal".
NOT_ASSESSED: Final = ("foraminal stenosis", "lateral recess stenosis")


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralStenosis:
    """Central canal at one level.

    Attributes:
        level: Disc level.
        probabilities: Of the classes in the order of ``CanalClass``; they sum to 1.

    """

    level: Level
    probabilities: tuple[float, float, float]

    def __post_init__(self) -> None:
        total = math.fsum(self.probabilities)
        if min(self.probabilities) < 0 or not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"no probabilities: {self.probabilities}")

    @property
    def possible(self) -> tuple[CanalClass, ...]:
        """The classes that are not excluded, the widest first; never empty."""
        return tuple(
            name
            for name, probability in zip(CanalClass, self.probabilities, strict=True)
            if probability >= LEAST_PROBABILITY
        )

    @property
    def canal_class(self) -> CanalClass | None:
        """The class, ``None`` where it cannot be told from its neighbor."""
        return self.possible[0] if len(self.possible) == 1 else None

    @property
    def words(self) -> str:
        """The answer as people read it."""
        if self.canal_class:
            return self.canal_class.value
        return f"cannot tell between {' and '.join(self.possible)}"
