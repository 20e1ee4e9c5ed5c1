"""What the treatment model knows of a patient, in the order of its columns."""

from enum import StrEnum
from typing import Final

from inference.results import Option


class Input(StrEnum):
    """One column: a number with the unit of its name, 0 or 1 where it is a yes or no.

    ``degenerate_discs`` counts discs of Pfirrmann grade 4 or 5; ``smallest`` and
    ``largest`` are over the lumbar levels; the slip counts in either direction.
    """

    AGE = "age_years"
    FEMALE = "is_female"
    BMI = "bmi_kg_m2"
    SMOKER = "is_smoker"
    BACK_PAIN = "back_pain_nrs"
    LEG_PAIN = "leg_pain_nrs"
    ODI = "odi_percent"
    DURATION = "back_pain_weeks"
    START_BACK = "start_back_score"
    HERNIATION = "has_herniation"
    STENOSIS = "has_stenosis"
    FAILED_CARE = "has_failed_care"
    WORST_GRADE = "worst_pfirrmann"
    DEGENERATE = "degenerate_discs"
    HEIGHT_INDEX = "smallest_height_index_ratio"
    CANAL = "smallest_canal_mm"
    SLIP = "largest_slip_percent"


INPUTS: Final = tuple(Input)
GEOMETRY: Final = (
    *(Input.WORST_GRADE, Input.DEGENERATE, Input.HEIGHT_INDEX, Input.CANAL),
    Input.SLIP,
)
CLINICAL: Final = tuple(item for item in INPUTS if item not in GEOMETRY)
#: Pfirrmann grade from which a disc counts as degenerate (clear loss of structure).
DEGENERATE_FROM: Final = 4

#: What is chosen between. Our choice: the main lines of NICE NG59, one per patient.
OPTIONS: Final = (
    *(Option.EXERCISE, Option.COMBINED_PROGRAM, Option.PAIN_SPECIALIST),
    Option.SURGICAL_OPINION,
)
