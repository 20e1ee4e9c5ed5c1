"""Is what was found a lumbar spine, of possible size and like those seen before?"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.errors import TooLittleSpineError, UnlikeSpineError
from inference.quality.traits import SpineTraits, likeness_row

MIN_BODIES: Final = 3  # our choice: fewer cannot be compared with each other
#: Root of the area of a body, and distance from body to body. Our choice: wide around
#: heights of 24 to 31 and depths of 29 to 38 mm (ijssurgery 15/6/1072) with discs of 4
#: to 13 mm; a cervical body measures about 15 mm.
BODY_RANGE_MM: Final = (18.0, 44.0)
STEP_RANGE_MM: Final = (22.0, 54.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Likeness:
    """The spines that were seen: their middle and spread in ``traits.LIKENESS``.

    Attributes:
        mean: Shape ``(traits,)``.
        precision: Inverse of the covariance, shape ``(traits, traits)``.
        limit: Strangeness above which a spine is refused.

    """

    mean: NDArray[np.float64]
    precision: NDArray[np.float64]
    limit: float

    def distance(self, row: NDArray[np.float64]) -> float:
        """Return the Mahalanobis distance from the spines that were seen."""
        offset = row - self.mean
        return float(np.sqrt(offset @ self.precision @ offset))

    def strangeness(self, traits: SpineTraits) -> float:
        """Return how far a found spine is from those that were seen."""
        return self.distance(likeness_row(traits))

    def refuse_strange(self, traits: SpineTraits) -> None:
        """Refuse what is unlike anything seen.

        Raises:
            UnlikeSpineError: The strangeness is above the limit.

        """
        strangeness = self.strangeness(traits)
        if strangeness > self.limit:
            raise UnlikeSpineError(
                f"strangeness {strangeness:.1f}, at most {self.limit:.1f}"
            )


def refuse_sizes(traits: SpineTraits) -> None:
    """Refuse what cannot be a lumbar spine of an adult by number or size.

    Raises:
        TooLittleSpineError: There are fewer than ``MIN_BODIES`` bodies.
        UnlikeSpineError: Sizes are impossible.

    """
    if traits.bodies < MIN_BODIES:
        raise TooLittleSpineError(
            f"{traits.bodies} vertebral bodies, at least {MIN_BODIES} are needed"
        )
    for name, value, (low, high) in (
        ("bodies", traits.body_mm, BODY_RANGE_MM),
        ("distances from body to body", traits.step_mm, STEP_RANGE_MM),
    ):
        if not low <= value <= high:
            raise UnlikeSpineError(
                f"{name} of {value:.0f} mm, expected {low:.0f} to {high:.0f} mm"
            )
