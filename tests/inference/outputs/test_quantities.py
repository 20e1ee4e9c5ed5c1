"""Every number of a report has one name, one unit and one code."""

from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest

from inference.levels.named_voxels import NAMES
from inference.outputs.codes import LEVELS, STRUCTURES
from inference.outputs.quantities import (
    CANAL_AT_LEVEL,
    CANAL_AT_VERTEBRA,
    LORDOSIS,
    OF_LEVEL,
    OF_VERTEBRA,
    SMALLEST_CANAL,
    Quantity,
)
from inference.results import (
    Level,
    LevelMeasurement,
    SpineMeasurement,
    VertebraMeasurement,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "outputs.md"
LEVEL, VERTEBRA = (*OF_LEVEL, CANAL_AT_LEVEL), (*OF_VERTEBRA, CANAL_AT_VERTEBRA)
WHOLE = (LORDOSIS, SMALLEST_CANAL)


@pytest.mark.parametrize(
    ("measured", "quantities"),
    [
        (LevelMeasurement, LEVEL),
        (VertebraMeasurement, VERTEBRA),
        (SpineMeasurement, WHOLE),
    ],
)
def test_every_number_that_is_measured_is_written(
    measured: type, quantities: tuple[Quantity, ...]
) -> None:
    types = get_type_hints(measured)
    numbers = {
        item.name for item in fields(measured) if types[item.name] == float | None
    }
    assert {quantity.field for quantity in quantities} == numbers


def test_codes_of_our_own_are_unique_and_short_enough_for_dicom() -> None:
    codes = [quantity.code.value for quantity in (*LEVEL, *VERTEBRA, *WHOLE)]
    assert [code for code, count in Counter(codes).items() if count > 1] == []
    assert max(map(len, codes)) <= 16  # PS3.5, VR SH


@pytest.mark.parametrize("quantities", [OF_LEVEL, OF_VERTEBRA])
def test_a_standard_code_stands_for_one_quantity_of_a_structure(
    quantities: tuple[Quantity, ...],
) -> None:
    general = [item.general for item in quantities if item.general is not None]
    assert len(set(general)) == len(general)


def test_the_document_lists_every_quantity() -> None:
    rows = [
        [cell.strip(" `") for cell in line.split("|")[2:6]]
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith(("| level |", "| vertebra |", "| spine |"))
    ]
    assert rows == [
        [item.field, item.name, item.unit.ucum, item.code.value]
        for item in (*LEVEL, *VERTEBRA, *WHOLE)
    ]


def test_every_structure_and_level_has_a_code() -> None:
    assert set(STRUCTURES) == set(NAMES)
    assert set(LEVELS) == set(Level)
    codes = [code.value for code in (*STRUCTURES.values(), *LEVELS.values())]
    assert len(set(codes)) == len(codes)
