"""What the model is told of a patient, and how each input is called."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from inference.cohort.inputs import DEGENERATE_FROM, INPUTS, Input
from inference.results import (
    RANGES,
    ClinicalFeatures,
    ClinicalValue,
    Flag,
    Level,
    LevelMeasurement,
    Smoking,
)

#: Columns of a site's table: one of a person, one of what was chosen, the inputs.
PATIENT: Final = "patient"
CHOSEN: Final = "chosen"
COLUMNS: Final = (PATIENT, CHOSEN, *(name.value for name in INPUTS))
#: What each input is called, and how its value is written; a yes or no has none.
LABELS: Final = {
    Input.AGE: ("age", "{:.0f} years"),
    Input.FEMALE: ("sex", ""),
    Input.BMI: ("body mass index", "{:.1f} kg/m²"),
    Input.SMOKER: ("smoking", ""),
    Input.BACK_PAIN: ("back pain", "{:.0f} of 10"),
    Input.LEG_PAIN: ("leg pain", "{:.0f} of 10"),
    Input.ODI: ("Oswestry disability index", "{:.0f} %"),
    Input.DURATION: ("duration of back pain", "{:.0f} weeks"),
    Input.START_BACK: ("STarT Back score", "{:.0f} of 9"),
    Input.HERNIATION: ("herniation of a disc", ""),
    Input.STENOSIS: ("lumbar spinal stenosis", ""),
    Input.FAILED_CARE: ("conservative care without lasting effect", ""),
    Input.WORST_GRADE: ("Pfirrmann grade of the worst disc", "{:.0f}"),
    Input.DEGENERATE: ("number of discs of Pfirrmann grade 4 or 5", "{:.0f}"),
    Input.HEIGHT_INDEX: ("lowest disc height index", "{:.2f}"),
    Input.CANAL: ("smallest canal", "{:.1f} mm"),
    Input.SLIP: ("largest slip", "{:.0f} %"),
}
#: Inputs that are a yes or no, with the fact of the chart that two of them are not.
FLAGS: Final = {
    Input.HERNIATION: Flag.DISC_HERNIATION,
    Input.STENOSIS: Flag.SPINAL_STENOSIS,
    Input.FAILED_CARE: Flag.CONSERVATIVE_CARE_FAILED,
}
BINARY: Final = frozenset({Input.FEMALE, Input.SMOKER, *FLAGS})
#: Field of ``ClinicalFeatures`` behind each number of the chart.
FIELDS: Final = {
    Input.BMI: "bmi_kg_m2",
    Input.BACK_PAIN: "back_pain_nrs",
    Input.LEG_PAIN: "leg_pain_nrs",
    Input.ODI: "odi_percent",
    Input.DURATION: "back_pain_weeks",
    Input.START_BACK: "start_back_score",
}
#: What must be known. Our choice: so the AUROC stays at 0.65 whichever ten others are
#: missing (model card).
NEEDED: Final = (Input.BACK_PAIN, Input.LEG_PAIN, Input.ODI, Input.FAILED_CARE)
#: How far each input can reach at all.
POSSIBLE: Final = {
    **{name: RANGES[field] for name, field in FIELDS.items()},
    **dict.fromkeys(BINARY, (0, 1)),
    Input.AGE: (18, 120),  # our choice of the end; children are refused
    Input.WORST_GRADE: (1, 5),
    Input.DEGENERATE: (0, len(Level)),
    Input.HEIGHT_INDEX: (0, 2),  # our choice, as the next two: beyond is an error
    Input.CANAL: (0, 60),
    Input.SLIP: (0, 100),
}


def inputs_of(
    features: ClinicalFeatures,
    levels: Sequence[LevelMeasurement],
    grades: Sequence[int],
) -> dict[Input, float]:
    """Return every input, not-a-number where it is not known.

    Args:
        features: What is known of the patient beside the images.
        levels: What was measured.
        grades: The Pfirrmann grades that were given.

    """
    smoking = features.smoking
    return {
        Input.AGE: _or_nan(features.age_years),
        Input.FEMALE: {"female": 1.0, "male": 0.0}.get(features.sex or "", math.nan),
        Input.SMOKER: _or_nan(smoking.status is Smoking.CURRENT if smoking else None),
        **{name: _number(features, field) for name, field in FIELDS.items()},
        **{name: _or_nan(features.has(flag)) for name, flag in FLAGS.items()},
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


def sources_of(features: ClinicalFeatures) -> tuple[str, ...]:
    """Return references to the resources of the chart that the inputs are from."""
    return tuple(dict.fromkeys(filter(None, _sources(features))))


def value_words(name: Input, value: float) -> str:
    """Return a known value as people read it."""
    if name is Input.FEMALE:
        return "female" if value else "male"
    return LABELS[name][1].format(value) or ("yes" if value else "no")


def input_words(name: Input, value: float) -> str:
    """Return an input and its value, or that it is not known."""
    label, is_number = LABELS[name][0], bool(LABELS[name][1])
    if math.isnan(value):
        return f"{label} not known"
    if name is Input.FEMALE:
        return value_words(name, value)
    if is_number:
        return f"{label} {value_words(name, value)}"
    return label if value else f"no {label}"


def _sources(features: ClinicalFeatures) -> Iterator[str]:
    for field in FIELDS.values():
        item: ClinicalValue | None = getattr(features, field)
        if item:
            yield item.source
    if features.smoking:
        yield features.smoking.source
    used = {*FLAGS.values()}
    yield from (item.source for item in features.conditions if item.flag in used)


def _number(features: ClinicalFeatures, field: str) -> float:
    item: ClinicalValue | None = getattr(features, field)
    return math.nan if item is None else item.value


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _smallest(values: Iterable[float | None]) -> float:
    return min((value for value in values if value is not None), default=math.nan)
