"""``docs/mapping.md`` names everything that the code reads and writes."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from fhir_mappings import chart_codes, codes
from fhir_mappings.answer_codes import SMOKING, answer_code
from fhir_mappings.chart_values import KINDS
from fhir_mappings.measures import LEVEL_MEASURES, VERTEBRA_MEASURES, Measure
from fhir_mappings.plan_steps import STEPS, Step
from fhir_mappings.write_context import NEEDED_TYPES, OPTIONAL_TYPES
from inference.judgement.questions import (
    QUESTIONS,
    NumberQuestion,
    Question,
    TreatmentQuestion,
)
from inference.results import NEVER_SUGGESTED, Option

TEXT: Final = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text("utf-8")
ROWS: Final = [line for line in TEXT.splitlines() if line.startswith("|")]


@pytest.mark.parametrize(("key", "flag"), chart_codes.CONDITION_FLAGS.items())
def test_every_condition_code_stands_in_the_row_of_its_flag(
    key: tuple[str, str], flag: str
) -> None:
    assert any(row.startswith(f"| {flag} |") and key[1] in row for row in ROWS)


@pytest.mark.parametrize(("code", "flags"), chart_codes.ICD10_FLAGS.items())
def test_every_icd_10_code_stands_in_the_rows_of_its_flags(
    code: str, flags: tuple[str, ...]
) -> None:
    text = "C00 to C97" if re.fullmatch(r"C\d\d", code) else code
    for flag in flags:
        assert any(row.startswith(f"| {flag} |") and text in row for row in ROWS)


@pytest.mark.parametrize(("code", "kind"), chart_codes.TREATMENTS.items())
def test_every_treatment_stands_with_its_codes(
    code: tuple[str, str], kind: str
) -> None:
    assert any(row.startswith(f"| {kind} |") and code[1] in row for row in ROWS)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda item: item.name)
def test_every_question_stands_with_its_code_range_and_unit(question: Question) -> None:
    coded = answer_code(question)
    row = next(row for row in ROWS if row.startswith(f"| `{question.name}` |"))
    codings = [coded.code["coding"][0], *(coded.body_site or {}).get("coding", [])]
    assert all(coding["code"] in row for coding in codings)
    if isinstance(question, NumberQuestion | TreatmentQuestion):
        assert coded.unit
        limits = f"{question.lowest:.6g} to {question.highest:.6g}"
        assert f"{limits} `{coded.unit.code}`" in row


@pytest.mark.parametrize("measure", [*LEVEL_MEASURES, *VERTEBRA_MEASURES])
def test_every_measure_stands_with_its_code_unit_and_rounding(measure: Measure) -> None:
    step = f"{10.0**-measure.unit.digits:g}"
    row = next(row for row in ROWS if row.startswith(f"| `{measure.code}` |"))
    assert measure.generic["code"] in row
    assert f"| {measure.unit.code} | {step} |" in row


@pytest.mark.parametrize("grade", codes.PFIRRMANN_GRADES.values())
def test_every_grade_stands_with_its_code_and_its_words(grade: codes.Concept) -> None:
    ordinal = grade["extension"][0]["valueDecimal"]
    assert f"| `{grade['code']}` | {grade['display']} | {ordinal} |" in ROWS


@pytest.mark.parametrize("kind", [*NEEDED_TYPES, *OPTIONAL_TYPES])
def test_every_type_that_is_written_has_its_table(kind: str) -> None:
    assert any(re.fullmatch(rf"\| {kind} \| content \|", row) for row in ROWS)


@pytest.mark.parametrize("option", [o for o in Option if o not in NEVER_SUGGESTED])
def test_every_option_stands_with_its_code_or_without(option: Option) -> None:
    row = next(row for row in ROWS if row.startswith(f"| {option} |"))
    code = codes.OPTIONS.get(option, {}).get("code", "text only")
    assert code in row


@pytest.mark.parametrize(("option", "step"), STEPS.items())
def test_every_step_stands_with_its_owner_and_its_days(
    option: Option, step: Step
) -> None:
    days = {0: "the same day", 1: "1 day"}.get(step.days, f"{step.days} days")
    ends = f"| {step.owner} | {days} | {step.priority} |"
    assert any(option in row and row.endswith(ends) for row in ROWS)


@pytest.mark.parametrize(
    "code",
    sorted(
        {
            *(code for kind in KINDS for _, code in kind.codes),
            *(code for _, code in chart_codes.SMOKING),
            *(code for _, code in chart_codes.SPINE_SURGERY),
            *(code for _, code in chart_codes.BACK_SITES | chart_codes.LEG_SITES),
            *(coding["code"] for coding in SMOKING.values()),
            *(chart_codes.ATC_ANTICOAGULANTS),
            *(chart_codes.ATC_TREATMENTS),
            *(chart_codes.ICD10_EXCEPTIONS),
            *(code for _, code in codes.LUMBAR_MRI),
            *(site["code"] for site in codes.DISCS.values()),
            *(site["code"] for site in codes.DISC_LEVELS.values()),
            *(site["code"] for site in codes.VERTEBRAE.values()),
            *(sex["coding"][0]["code"] for sex in codes.SEXES.values()),
            codes.PFIRRMANN["code"],
            codes.PFIRRMANN_PROBABILITY["code"],
            codes.DISC_FINDINGS["code"],
            *(code["code"] for code in codes.DISC_FINDING_KINDS.values()),
            codes.PROBABILITY["code"],
            codes.LEVEL_FINDINGS["code"],
            codes.MEASUREMENT_GROUP["code"],
            codes.RADIOLOGY["coding"][0]["code"],
            codes.IMAGING_REPORT["code"],
            codes.ORDINAL_VALUE,
            codes.CODE_SYSTEM,
            codes.IDENTIFIER_SYSTEM,
        }
    ),
)
def test_every_other_code_stands_somewhere(code: str) -> None:
    assert code in TEXT


@pytest.mark.parametrize(
    "found",
    [*codes.CANAL_CLASSES.values(), *codes.SEVERITIES.values()],
    ids=lambda found: found["code"],
)
def test_every_class_stands_with_its_words_and_order(
    found: dict[str, Any],
) -> None:
    order = found["extension"][0]["valueDecimal"]
    assert f"| `{found['code']}` | {found['display']} | {order} |" in ROWS


def test_what_is_not_assessed_and_every_element_stand_there() -> None:
    for element in codes.SPONDYLOSIS_ELEMENTS.values():
        assert f"`{element['code']}`" in TEXT
    assert all(f"`{code['code']}`" in TEXT for code in codes.NOT_ASSESSED.values())
