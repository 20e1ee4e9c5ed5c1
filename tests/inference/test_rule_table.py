"""Every row of the table fires for one patient and not for another, and is checked."""

from pathlib import Path
from typing import Final

import pytest

from inference.errors import ModelError
from inference.guidelines import TABLE
from inference.guidelines.table import FILE, Direction, load_table
from inference.results import NEVER_SUGGESTED, Activity, Flag, Option, TreatmentKind
from tests.inference.patients import (
    NARROW_MM,
    Patient,
    condition,
    patient,
    tried,
)

RED: Final = patient(Flag.CAUDA_EQUINA)
CHRONIC: Final = Flag.CHRONIC_LOW_BACK_PAIN
SCIATICA: Final = condition(Flag.RADICULOPATHY, 6)
STENOSIS: Final = condition(Flag.SPINAL_STENOSIS, 12)
FIVE_WEEKS: Final = tried(TreatmentKind.EXERCISE, 5)
SIX_WEEKS: Final = tried(TreatmentKind.NSAID, 6)
REFERRED: Final = patient(SCIATICA, odi_percent=41)

#: Per rule: who makes it fire, and who is as near as possible and does not.
CASES: Final[dict[str, tuple[Patient, Patient]]] = {
    "red-cauda-equina": (
        patient(Flag.CAUDA_EQUINA_SYMPTOMS),
        patient(ruled_out=(Flag.CAUDA_EQUINA_SYMPTOMS, Flag.CAUDA_EQUINA)),
    ),
    "red-motor-deficit": (patient(Flag.MOTOR_DEFICIT), patient(Flag.RADICULOPATHY)),
    "red-tumor": (patient(Flag.NIGHT_PAIN), patient(Flag.LOW_BACK_PAIN)),
    "red-infection": (patient(Flag.SPINAL_INFECTION), patient(Flag.KIDNEY_DISEASE)),
    "red-trauma": (patient(Flag.RECENT_TRAUMA), patient(Flag.OSTEOPOROSIS)),
    "self-management": (patient(), RED),
    "exercise": (patient(), RED),
    "exercise-low-risk": (patient(start_back_score=3), patient(start_back_score=4)),
    "exercise-tried": (
        patient(treatments=(tried(TreatmentKind.EXERCISE),)),
        patient(treatments=(tried(TreatmentKind.EXERCISE, 0),)),
    ),
    "psychological-therapy": (patient(odi_percent=41), patient(odi_percent=40.9)),
    "psychological-therapy-risk": (
        patient(start_back_score=4),
        patient(start_back_score=3),
    ),
    "combined-program": (
        patient(CHRONIC, Flag.CONSERVATIVE_CARE_FAILED),
        patient(CHRONIC, ruled_out=(Flag.CONSERVATIVE_CARE_FAILED,)),
    ),
    "manual-therapy": (patient(back_pain_weeks=13), patient(back_pain_weeks=12)),
    "manual-therapy-fragile": (patient(CHRONIC, Flag.OSTEOPOROSIS), patient(CHRONIC)),
    "nsaid": (patient(), patient(Flag.PREGNANCY)),
    "nsaid-kidney": (patient(egfr_ml_min=59), patient(egfr_ml_min=60)),
    "nsaid-heart-failure": (patient(Flag.HEART_FAILURE), patient()),
    "nsaid-ulcer": (
        patient(Flag.PEPTIC_ULCER),
        patient(ruled_out=(Flag.PEPTIC_ULCER,)),
    ),
    "nsaid-anticoagulant": (patient(Flag.ANTICOAGULANT), patient()),
    "nsaid-pregnancy": (patient(Flag.PREGNANCY), patient(ruled_out=(Flag.PREGNANCY,))),
    "nsaid-kidney-unknown": (patient(egfr_ml_min=None), patient(egfr_ml_min=60)),
    "nsaid-gastroprotection": (patient(age_years=65), patient(age_years=64)),
    "nsaid-tried": (
        patient(treatments=(tried(TreatmentKind.NSAID, was_given=False),)),
        patient(treatments=(tried(TreatmentKind.OPIOID),)),
    ),
    "no-opioid": (patient(CHRONIC), patient(condition(Flag.LOW_BACK_PAIN, 12))),
    "no-antidepressant": (patient(CHRONIC), patient(Flag.LOW_BACK_PAIN)),
    "no-passive-therapy": (
        patient(condition(Flag.LOW_BACK_PAIN, 13)),
        patient(condition(Flag.LOW_BACK_PAIN, 12)),
    ),
    "no-acupuncture": (patient(CHRONIC), patient(Flag.LOW_BACK_PAIN)),
    "no-spinal-injection": (patient(CHRONIC), patient(CHRONIC, Flag.RADICULOPATHY)),
    "no-fusion": (patient(CHRONIC), patient(CHRONIC, leg_pain_nrs=2)),
    "pain-specialist": (patient(CHRONIC, pain_nrs=7), patient(CHRONIC, pain_nrs=6.9)),
    "pain-specialist-sciatica": (
        patient(condition(Flag.RADICULOPATHY, 11), leg_pain_nrs=7),
        patient(condition(Flag.RADICULOPATHY, 12), leg_pain_nrs=7),
    ),
    "pain-specialist-pacemaker": (
        patient(CHRONIC, Flag.PACEMAKER, pain_nrs=8),
        patient(CHRONIC, pain_nrs=8),
    ),
    "pain-specialist-anticoagulant": (
        patient(CHRONIC, Flag.ANTICOAGULANT, pain_nrs=8),
        patient(CHRONIC, Flag.PACEMAKER, pain_nrs=8),
    ),
    "surgical-opinion-radiculopathy": (
        REFERRED,
        patient(condition(Flag.RADICULOPATHY, 5), odi_percent=41),
    ),
    "surgical-opinion-herniation": (
        patient(Flag.DISC_HERNIATION, leg_pain_nrs=7, leg_pain_weeks=6),
        patient(Flag.DISC_HERNIATION, leg_pain_nrs=0, leg_pain_weeks=6, pain_nrs=9),
    ),
    "surgical-opinion-stenosis": (
        patient(STENOSIS, odi_percent=41, canal_mm=NARROW_MM),
        patient(STENOSIS, odi_percent=41, canal_mm=12.4),
    ),
    "no-surgical-opinion-axial": (
        patient(CHRONIC, pain_nrs=10, canal_mm=NARROW_MM),
        REFERRED,
    ),
    "no-surgical-opinion-cause": (
        patient(leg_pain_nrs=8),
        patient(Flag.RADICULOPATHY, leg_pain_nrs=8),
    ),
    "no-surgical-opinion-care": (
        patient(SCIATICA, odi_percent=41, ruled_out=(Flag.CONSERVATIVE_CARE_FAILED,)),
        REFERRED,
    ),
    "no-surgical-opinion-wish": (
        patient(SCIATICA, odi_percent=41, ruled_out=(Flag.WISHES_SURGICAL_OPINION,)),
        REFERRED,
    ),
    "surgical-opinion-care-failed": (
        patient(SCIATICA, Flag.CONSERVATIVE_CARE_FAILED, odi_percent=41),
        REFERRED,
    ),
    "surgical-opinion-care-unknown": (
        REFERRED,
        patient(SCIATICA, Flag.CONSERVATIVE_CARE_FAILED, odi_percent=41),
    ),
    "surgical-opinion-care-long": (
        patient(SCIATICA, odi_percent=41, treatments=(SIX_WEEKS,)),
        patient(SCIATICA, odi_percent=41, treatments=(FIVE_WEEKS,)),
    ),
    "surgical-opinion-care-short": (
        patient(SCIATICA, odi_percent=41, treatments=(FIVE_WEEKS,)),
        patient(SCIATICA, odi_percent=41, treatments=(FIVE_WEEKS, SIX_WEEKS)),
    ),
    "surgical-opinion-wish-unknown": (
        REFERRED,
        patient(SCIATICA, Flag.WISHES_SURGICAL_OPINION, odi_percent=41),
    ),
    "surgical-opinion-back-dominant": (
        patient(SCIATICA, odi_percent=41, leg_pain_nrs=4, back_pain_nrs=5),
        patient(SCIATICA, odi_percent=41, leg_pain_nrs=5, back_pain_nrs=5),
    ),
    "surgical-opinion-slip": (
        patient(SCIATICA, odi_percent=41, slip_percent=-10),
        patient(SCIATICA, odi_percent=41, slip_percent=9.9),
    ),
    "surgical-opinion-again": (
        patient(SCIATICA, Flag.SPINE_SURGERY, odi_percent=41),
        REFERRED,
    ),
}

#: Per conflict: who is told of it, and who is not.
CONFLICTS: Final[dict[str, tuple[Patient, Patient]]] = {
    "acupuncture": (patient(CHRONIC), patient()),
    "antidepressants": (patient(CHRONIC), patient()),
    "opioids": (patient(CHRONIC), patient()),
    "injections": (patient(CHRONIC, pain_nrs=7), patient(pain_nrs=7)),
    "stenosis-surgery": (
        patient(STENOSIS, odi_percent=41, canal_mm=NARROW_MM),
        REFERRED,
    ),
}


def test_every_row_has_its_two_patients() -> None:
    assert {*CASES} == {rule.id for rule in TABLE.rules}
    assert {*CONFLICTS} == {conflict.id for conflict in TABLE.conflicts}


@pytest.mark.parametrize("rule", CASES)
def test_a_row_fires_for_one_patient_and_not_for_the_other(rule: str) -> None:
    fires, silent = CASES[rule]
    assert rule in fires.fired()
    assert rule not in silent.fired()


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_conflict_is_told_to_whom_it_concerns(name: str) -> None:
    text = next(c.text for c in TABLE.conflicts if c.id == name)
    told, spared = CONFLICTS[name]
    assert text in told.suggestion().conflicts
    assert text not in spared.suggestion().conflicts


def test_surgery_is_never_suggested_and_an_opinion_only_for_leg_symptoms() -> None:
    legs = {"radiculopathy", "spinal_stenosis", "claudication", "leg_pain"}
    for rule in TABLE.rules:
        if rule.direction is not Direction.SUGGEST:
            continue
        assert rule.option not in NEVER_SUGGESTED
        if rule.option is Option.SURGICAL_OPINION:
            tests = [
                test for name in rule.given for test in TABLE.conditions[name].tests
            ]
            assert {test.fact for test in tests if test.holds} & legs


@pytest.mark.parametrize("option", sorted(NEVER_SUGGESTED))
def test_what_is_advised_against_cannot_become_an_activity(option: Option) -> None:
    with pytest.raises(ValueError, match="never suggested"):
        Activity(option=option, reasons=(), guideline="")


@pytest.mark.parametrize(
    ("found", "damage", "words"),
    [
        ('fact = "egfr_ml_min"', 'fact = "egfr"', "no fact egfr"),
        ("below = 60", "holds = true", "egfr_ml_min cannot be compared by holds"),
        ("holds = true }", "at_least = 1 }", "cannot be compared by at_least"),
        ("below = 60", "below = 60, above = 1", "2 comparisons, not 1"),
        ('when = ["kidney"]', 'when = ["kidneys"]', "no condition kidneys"),
        ('when = ["kidney"]', "", "condition kidney unused"),
        ('id = "nsaid-kidney"', 'id = "nsaid"', "nsaid twice"),
        ('strength = "avoid"', 'strength = "maybe"', "NHSGGC has no strength 'maybe'"),
        ('source = "HWE"', 'source = "HMM"', "no source HMM"),
        ('option = "opioid"', 'option = "magic"', "option"),
        (
            'option = "opioid"\ndirection = "remove"',
            'option = "opioid"\ndirection = "suggest"',
            "opioid is never suggested",
        ),
        (
            'option = "exercise therapy"\ndirection = "suggest"',
            'option = "exercise therapy"\ndirection = "urgent"',
            "urgent does not go with exercise therapy",
        ),
        ('given = ["stenosis"]\nsources', 'given = ["x"]\nsources', "no condition x"),
        ('sources = ["NG59", "BMJ2025"]', 'sources = ["X"]', "no source X"),
        ("[sources.NG59]", "[sources.NG59", "Expected"),
        ('version = "1', 'surprise = 1\nversion = "1', "surprise"),
        ("any = [{ fact", "every = [{ fact", "every"),
    ],
)
def test_a_damaged_table_is_refused_with_the_place(
    tmp_path: Path, found: str, damage: str, words: str
) -> None:
    text = FILE.read_text("utf-8")
    assert found in text
    path = tmp_path / "rules.toml"
    path.write_text(text.replace(found, damage, 1), "utf-8")
    with pytest.raises(ModelError, match=words):
        load_table(path)


def test_a_condition_has_either_kind_of_tests(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    text = FILE.read_text("utf-8")
    path.write_text(
        text.replace("any = [{ fact", "all = [], any = [{ fact", 1), "utf-8"
    )
    with pytest.raises(ModelError, match=r"rules\.toml"):
        load_table(path)


def test_an_absent_table_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.toml"):
        load_table(tmp_path / "absent.toml")
