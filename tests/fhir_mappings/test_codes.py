"""A mistyped code fails its check digit."""

from typing import Any

import pytest

from fhir_mappings import answer_codes, chart_codes, codes

# The multiplication and permutation tables of Verhoeff's check digit, made from the
# dihedral group of order ten.
D = [
    [(i + j) % 5 + 5 * 0 if j < 5 else (i + j) % 5 + 5 for j in range(10)]
    if i < 5
    else [(i - j) % 5 + 5 if j < 5 else (i - j) % 5 for j in range(10)]
    for i in range(10)
]
P0 = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def verhoeff(digits: str) -> int:
    """Return 0 for a number with a right check digit."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        permuted = int(digit)
        for _ in range(place % 8):
            permuted = P0[permuted]
        check = D[check][permuted]
    return check


def mod10(loinc: str) -> bool:
    number, check = loinc.split("-")
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(number[::-1])]
    total = sum(value // 10 + value % 10 for value in doubled)
    return (10 - total % 10) % 10 == int(check)


def leaves(node: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - JSON
    """Return all (system, code) pairs in a nest of constants."""
    if isinstance(node, dict):
        own = [(node["system"], node["code"])] if "code" in node else []
        return own + [pair for key in node for pair in leaves(node[key]) + leaves(key)]
    if isinstance(node, tuple) and len(node) == 2 and "://" in node[0]:
        return [(str(node[0]), str(node[1]))]
    if isinstance(node, list | tuple | frozenset):
        return [pair for item in node for pair in leaves(item)]
    return []


MODULES = (codes, chart_codes, answer_codes)
ALL = {pair for m in MODULES for _, value in vars(m).items() for pair in leaves(value)}
SNOMED = sorted(code for system, code in ALL if system == codes.SNOMED)
# parts of LOINC ("LP...") have no check digit of this kind
LOINC = sorted(c for system, c in ALL if system == codes.LOINC and c[0] != "L")


def test_all_codes_are_seen() -> None:
    assert len(SNOMED) >= 87
    assert len(LOINC) >= 16


@pytest.mark.parametrize("code", SNOMED)
def test_every_snomed_code_has_its_check_digit(code: str) -> None:
    assert verhoeff(code) == 0


@pytest.mark.parametrize("code", LOINC)
def test_every_loinc_code_has_its_check_digit(code: str) -> None:
    assert mod10(code)


@pytest.mark.parametrize("wrong", ["735681009", "240222006", "279039070"])
def test_the_check_finds_a_wrong_snomed_code(wrong: str) -> None:
    assert verhoeff(wrong) != 0


def test_the_check_finds_a_wrong_loinc_code() -> None:
    assert not mod10("24968-6")
