"""``docs/mapping.md`` names everything that the code reads and writes."""

from pathlib import Path
from typing import Final

import pytest

from fhir_mappings import codes
from fhir_mappings.chart_values import ALL_CODES
from fhir_mappings.measures import LEVEL_MEASURES, VERTEBRA_MEASURES, Measure
from inference.results import NEVER_SUGGESTED, Option

TEXT: Final = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text("utf-8")
ROWS: Final = [line for line in TEXT.splitlines() if line.startswith("|")]


@pytest.mark.parametrize(("key", "flag"), codes.CONDITION_FLAGS.items())
def test_every_condition_code_stands_in_the_row_of_its_flag(
    key: tuple[str, str], flag: str
) -> None:
    assert any(row.startswith(f"| {flag} |") and key[1] in row for row in ROWS)


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


@pytest.mark.parametrize("option", [o for o in Option if o not in NEVER_SUGGESTED])
def test_every_option_stands_with_its_code_or_without(option: Option) -> None:
    row = next(row for row in ROWS if row.startswith(f"| {option} |"))
    code = codes.OPTIONS.get(option, {}).get("code", "text only")
    assert code in row


@pytest.mark.parametrize(
    "code",
    [
        *ALL_CODES,
        *(code for _, code in codes.LUMBAR_MRI),
        *(site["code"] for site in codes.DISCS.values()),
        *(site["code"] for site in codes.DISC_LEVELS.values()),
        *(site["code"] for site in codes.VERTEBRAE.values()),
        codes.PFIRRMANN["code"],
        codes.PFIRRMANN_PROBABILITY["code"],
        codes.PROBABILITY["code"],
        codes.ORDINAL_VALUE,
        codes.CODE_SYSTEM,
        codes.IDENTIFIER_SYSTEM,
    ],
)
def test_every_other_code_stands_somewhere(code: str) -> None:
    assert code in TEXT
