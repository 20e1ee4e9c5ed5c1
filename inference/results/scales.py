"""How far each number about a patient can reach: of its scale, or by our choice.

The one place: a chart's value beyond it is not used, and nobody can type one in.
"""

from typing import Final

Range = tuple[float, float]

_NRS: Final = (0.0, 10.0)
_WEEKS: Final = (0.0, 5200.0)  # our choice: a hundred years
#: Lowest and highest, by the name of the field of ``ClinicalFeatures`` and of weight.
RANGES: Final[dict[str, Range]] = {
    "pain_nrs": _NRS,
    "back_pain_nrs": _NRS,
    "leg_pain_nrs": _NRS,
    "odi_percent": (0, 100),
    # German value set of the EQ-5D-5L: -0.661 is the lowest of those that are cited.
    "eq5d_index": (-0.661, 1),
    "start_back_score": (0, 9),
    "back_pain_weeks": _WEEKS,
    "leg_pain_weeks": _WEEKS,
    "walking_distance_m": (0, 50_000),  # our choice: further than any clinic asks
    "height_cm": (50, 250),  # our choice, as the next ones: beyond is a typing error
    "weight_kg": (10, 400),
    "bmi_kg_m2": (5, 150),
    "egfr_ml_min": (0, 300),
}
