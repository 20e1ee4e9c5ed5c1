"""Therapy suggestions by published guidelines: transparent rules, no model.

Sources, as in the rules below:

- NICE NG59: https://www.nice.org.uk/guidance/ng59 (2016, updated 2020)
- ACP 2017: https://www.aafp.org/afp/2017/0915/p407.html
- WHO 2023: guideline for chronic primary low back pain, NBK599210
- NASS 2011: degenerative lumbar spinal stenosis
- BMJ 2025: BMJ 2025;388:e079970
- AHCPR red-flag table: NBK52120

Red flags come first and stop the routine plan. Surgery is never suggested, only a
surgical opinion, and never for back pain alone.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from inference.results import (
    Activity,
    ChartCondition,
    ClinicalFeatures,
    Exclusion,
    Flag,
    LevelMeasurement,
    Option,
    TherapySuggestion,
)

RULES_VERSION: Final = "0.1.0"
SEVERE_ODI_PERCENT: Final = 41.0  # the standard bands of the ODI: severe is 41 to 60
SEVERE_NRS: Final = 7.0  # our choice
#: A dural sac below 10 mm is stenosis (medscape 874466_8). Our choice: 2 mm above it,
#: because the segmentation measures narrow canals too wide (its model card).
NARROW_CANAL_MM: Final = 12.0
MIN_EGFR_ML_MIN: Final = (
    60.0  # our choice: caution begins here, so nothing is suggested
)
GASTROPROTECTION_AGE_YEARS: Final = 65  # NHSGGC: caution from 65
CHRONIC_WEEKS: Final = 12  # ACP 2017: chronic is longer than 12 weeks
#: SPORT entry criteria: herniation 6 weeks (PMC2553805), stenosis 12 (PMC3392200).
OPINION_WEEKS: Final = {Flag.RADICULOPATHY: 6, Flag.SPINAL_STENOSIS: 12}

#: AHCPR red-flag table: what each means and how fast a person has to look.
RED_FLAGS: Final = {
    Flag.CAUDA_EQUINA: (
        Option.EMERGENCY_REVIEW,
        "The chart records cauda equina syndrome: emergency MRI and surgical opinion.",
    ),
    Flag.MALIGNANCY: (
        Option.URGENT_REVIEW,
        "The chart records malignant disease: back pain may be metastatic.",
    ),
    Flag.UNEXPLAINED_WEIGHT_LOSS: (
        Option.URGENT_REVIEW,
        "The chart records unexplained weight loss: exclude tumor and infection.",
    ),
}
NSAID_CONTRAINDICATIONS: Final = {
    Flag.KIDNEY_DISEASE: "chronic kidney disease of stage 3 or worse",
    Flag.HEART_FAILURE: "heart failure",
    Flag.PREGNANCY: "pregnancy",
}
NOT_IN_CHART: Final = (
    "Red-flag symptoms (saddle anesthesia, bladder or bowel change, progressive "
    "weakness, fever, recent trauma, night pain) are not read from the chart: ask."
)
SHORT_LIST: Final = (
    "Diagnoses are recognized by a short list of codes only: cancer, heart failure or "
    "pregnancy under another code is not seen. Read the problem list yourself."
)
CONFLICTS: Final = (
    (
        "NICE NG59 advises against acupuncture for low back pain; WHO 2023 says that "
        "needling may be offered. Neither is suggested here."
    ),
    (
        "NICE NG59 advises against antidepressants for low back pain; ACP 2017 lists "
        "duloxetine as second line. None is suggested here."
    ),
)
ONLY_IF: Final = (
    "Only if conservative care has failed and the patient wishes it: neither is read "
    "from the chart. Whether the level fits the symptoms is for the clinician to judge."
)
INJECTION_CONFLICT: Final = (
    "NICE NG59 lets radiofrequency denervation be considered after a positive test "
    "block; BMJ 2025 recommends strongly against spinal injections for chronic pain. "
    "Only the referral is suggested."
)


def suggest(
    features: ClinicalFeatures, levels: Sequence[LevelMeasurement]
) -> TherapySuggestion:
    """Apply the rules to one patient.

    Args:
        features: What the chart says.
        levels: What was measured.

    Returns:
        A suggestion. With a red flag its activities are the urgent route alone.

    """
    found = [item for item in features.conditions if item.flag in RED_FLAGS]
    unknowns = tuple(_unknowns(features))
    if found:
        return TherapySuggestion(
            red_flags=tuple(RED_FLAGS[item.flag][1] for item in found),
            activities=(_urgent_route(found),),
            exclusions=(),
            unknowns=unknowns,
            conflicts=(),
            rules_version=RULES_VERSION,
        )
    decided = [
        *_first_line(features),
        _nsaid(features),
        _pain_specialist(features),
        _surgical_opinion(features, levels),
    ]
    activities = tuple(item for item in decided if isinstance(item, Activity))
    asks_specialist = any(item.option is Option.PAIN_SPECIALIST for item in activities)
    return TherapySuggestion(
        red_flags=(),
        activities=activities,
        exclusions=tuple(item for item in decided if isinstance(item, Exclusion)),
        unknowns=unknowns,
        conflicts=(*CONFLICTS, *((INJECTION_CONFLICT,) if asks_specialist else ())),
        rules_version=RULES_VERSION,
    )


def _urgent_route(found: Sequence[ChartCondition]) -> Activity:
    routes = [RED_FLAGS[item.flag][0] for item in found]
    is_emergency = Option.EMERGENCY_REVIEW in routes
    return Activity(
        option=Option.EMERGENCY_REVIEW if is_emergency else Option.URGENT_REVIEW,
        reasons=tuple(f"The chart records: {item.label}." for item in found),
        guideline="AHCPR red-flag table (NBK52120)",
    )


def _first_line(features: ClinicalFeatures) -> Iterable[Activity]:
    yield Activity(
        option=Option.SELF_MANAGEMENT,
        reasons=("Advice to stay active belongs to every step of care.",),
        guideline="NICE NG59, non-invasive treatments; WHO 2023",
    )
    yield Activity(
        option=Option.EXERCISE,
        reasons=("Exercise is the first-line treatment of low back pain.",),
        guideline="NICE NG59, non-invasive treatments; ACP 2017; WHO 2023",
    )
    if severity := _severity(features):
        yield Activity(
            option=Option.PSYCHOLOGICAL_THERAPY,
            reasons=(*severity, "Only as a part of a package with exercise."),
            guideline="NICE NG59, non-invasive treatments",
        )


def _nsaid(features: ClinicalFeatures) -> Activity | Exclusion:
    reasons = [
        f"The chart records {NSAID_CONTRAINDICATIONS[item.flag]}."
        for item in features.conditions
        if item.flag in NSAID_CONTRAINDICATIONS
    ]
    egfr = features.egfr_ml_min
    if egfr is not None and egfr.value < MIN_EGFR_ML_MIN:
        reasons.append(f"eGFR is {egfr.value:g} mL/min/1.73 m2.")
    if reasons:
        return Exclusion(option=Option.ORAL_NSAID, reason=" ".join(reasons))
    advice = ["Lowest dose for the shortest time, after a check of ulcer and bleeding."]
    if egfr is None:
        advice.append("Kidney function is not recorded: check it first.")
    age = features.age_years
    if age is None or age >= GASTROPROTECTION_AGE_YEARS:
        advice.append("Add gastroprotection: age 65 or more, or unknown.")
    return Activity(
        option=Option.ORAL_NSAID,
        reasons=tuple(advice),
        guideline="NICE NG59, non-invasive treatments; ACP 2017",
    )


def _pain_specialist(features: ClinicalFeatures) -> Activity | Exclusion:
    severity = _severity(features)
    is_chronic = any(_is_chronic(item) for item in features.conditions)
    if severity and is_chronic:
        return Activity(
            option=Option.PAIN_SPECIALIST,
            reasons=(*severity, "The pain is chronic."),
            guideline="NICE NG59, invasive treatments",
        )
    missing = "severe" if is_chronic else "chronic and severe"
    return Exclusion(
        option=Option.PAIN_SPECIALIST,
        reason=f"The chart does not show pain that is {missing}.",
    )


def _surgical_opinion(
    features: ClinicalFeatures, levels: Sequence[LevelMeasurement]
) -> Activity | Exclusion:
    """Referral for an opinion: leg symptoms, long enough, severe, and on the images."""
    legs = [item for item in features.conditions if item.flag in OPINION_WEEKS]
    if not legs:
        return Exclusion(
            option=Option.SURGICAL_OPINION,
            reason="The chart records neither radiculopathy nor stenosis: back pain "
            "alone is no reason for surgery.",
        )
    lasting = [item for item in legs if _lasts(item)]
    narrow = _narrow_levels(levels)
    severity = _severity(features)
    has_radiculopathy = any(item.flag is Flag.RADICULOPATHY for item in legs)
    missing = [
        text
        for is_met, text in (
            (lasting, "symptoms for 6 weeks (radiculopathy) or 12 weeks (stenosis)"),
            (severity, "severe pain or disability"),
            (narrow or has_radiculopathy, "a canal below 12 mm on these images"),
        )
        if not is_met
    ]
    if missing:
        return Exclusion(
            option=Option.SURGICAL_OPINION,
            reason=f"Not shown by chart and images: {'; '.join(missing)}.",
        )
    return Activity(
        option=Option.SURGICAL_OPINION,
        reasons=(
            *(f"{item.label}, {item.duration_weeks} weeks." for item in lasting),
            *severity,
            *narrow,
            ONLY_IF,
        ),
        guideline="NICE NG59, invasive treatments; NASS 2011; SPORT criteria",
    )


def _is_chronic(condition: ChartCondition) -> bool:
    weeks = condition.duration_weeks
    return condition.flag is Flag.CHRONIC_LOW_BACK_PAIN or (
        condition.flag is Flag.LOW_BACK_PAIN
        and weeks is not None
        and weeks > CHRONIC_WEEKS
    )


def _lasts(condition: ChartCondition) -> bool:
    weeks = condition.duration_weeks
    return weeks is not None and weeks >= OPINION_WEEKS[condition.flag]


def _severity(features: ClinicalFeatures) -> tuple[str, ...]:
    odi, nrs = features.odi_percent, features.pain_nrs
    found = []
    if odi is not None and odi.value >= SEVERE_ODI_PERCENT:
        found.append(f"Disability is severe: ODI {odi.value:g} %.")
    if nrs is not None and nrs.value >= SEVERE_NRS:
        found.append(f"Pain is severe: {nrs.value:g} of 10.")
    return tuple(found)


def _narrow_levels(levels: Sequence[LevelMeasurement]) -> tuple[str, ...]:
    return tuple(
        f"Canal at {item.level} measures {item.canal_diameter_mm:.1f} mm. Below "
        f"{NARROW_CANAL_MM:g} mm is read as narrow here, because narrow canals are "
        "measured too wide."
        for item in levels
        if item.canal_diameter_mm is not None
        and item.canal_diameter_mm < NARROW_CANAL_MM
    )


def _unknowns(features: ClinicalFeatures) -> Iterable[str]:
    yield NOT_IN_CHART
    yield SHORT_LIST
    missing = {
        "Pain score (NRS) is not recorded: severe pain would add options.": (
            features.pain_nrs
        ),
        "Disability (ODI) is not recorded: severe disability would add options.": (
            features.odi_percent
        ),
        "Kidney function (eGFR) is not recorded: a low value rules out an NSAID.": (
            features.egfr_ml_min
        ),
        "Age is not known: it changes the risk of an NSAID.": features.age_years,
    }
    yield from (text for text, value in missing.items() if value is None)
    if not features.is_complete:
        yield "The server sent only a part of the chart: what is absent may exist."
    yield "Treatments tried and their effect are not read from the chart."
