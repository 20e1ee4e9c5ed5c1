"""Lengths with their ends, and how far each may be from the truth."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.geometry.midsagittal import MidSagittal
from inference.results import Caliper
from inference.segmentation.preprocessing import NETWORK_SPACING_MM

#: Half width of an interval in border widths, by quantity. Our choice, with the errors
#: on six SPIDER patients never trained on in view: ``python -m inference.training
#: evaluate`` prints the part that they cover (``covered``) and the factor that would
#: cover 95 of 100 (``factor``), kept in ``weights/segmentation.metrics.json``.
UNCERTAINTY_FACTORS: Final = {
    "disc_height_mm": 2.0,
    "disc_height_anterior_mm": 2.6,
    "disc_height_middle_mm": 2.9,
    "disc_height_posterior_mm": 3.5,
    "disc_width_mm": 2.4,
    "slip_mm": 2.9,
    "height_mm": 1.5,
    "height_anterior_mm": 2.7,
    "height_middle_mm": 2.0,
    "height_posterior_mm": 2.9,
    "width_mm": 1.7,
    "canal_diameter_mm": 2.2,
    "smallest_canal_mm": 2.2,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Length:
    """A straight length on the surface.

    Attributes:
        quantity: Name of the field that it fills.
        start_mm: (row, column) of one end.
        end_mm: Of the other.
        blur_mm: Width of the transition of probability at its ends, ``None`` where
            it is a construction rather than a border.

    """

    quantity: str
    start_mm: NDArray[np.float64]
    end_mm: NDArray[np.float64]
    blur_mm: float | None

    @property
    def length_mm(self) -> float:
        """Distance of both ends."""
        return float(np.linalg.norm(self.end_mm - self.start_mm))

    @property
    def uncertainty_mm(self) -> float | None:
        """Half width of the interval that holds the truth 95 times in 100."""
        factor = UNCERTAINTY_FACTORS.get(self.quantity)
        if self.blur_mm is None or factor is None:
            return None
        return factor * border_mm(self.blur_mm)

    def caliper(self, plane: MidSagittal) -> Caliper:
        """Return the same in the patient."""
        ends = plane.to_patient_mm(np.stack([self.start_mm, self.end_mm]))
        start, end = (tuple(round(float(x), 2) for x in point) for point in ends)
        return Caliper(
            quantity=self.quantity,
            start_mm=(start[0], start[1], start[2]),
            end_mm=(end[0], end[1], end[2]),
            uncertainty_mm=self.uncertainty_mm,
        )


def border_mm(blur_mm: float) -> float:
    """Width of a border: its blur, and the grid that the network answers on."""
    return float(np.hypot(blur_mm, NETWORK_SPACING_MM))
