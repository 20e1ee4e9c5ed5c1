"""The document of SMART requirements is complete, and its tests exist."""

import csv
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
DOCUMENT: Final = ROOT / "docs" / "smart-conformance.md"
LIST: Final = ROOT.parent / "shared" / "fhir" / "smart-client-requirements.csv"
ROW: Final = re.compile(r"\| (\d+)( \*)? \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|")
NAMED: Final = re.compile(r"`([\w/]+\.py)::(\w+)`")
STATUSES: Final = {"met", "not applicable"}
RECORDED: Final = "smart_app/test_smart_requests.py"
# numbers of the requirements on a client, and of those that Inferno's suite tests
ALL: Final = (
    "1-13 20-23 29 32-37 39-47 50-52 60-72 90 93 97-98 105-108 117 120-122 124-125 "
    "131-133 135 137 141 143 146-148 150-153 155-158 161-162 166 191 193 195-196 "
    "201-202 211 215-216 218-220 225-227 229-230 232-239 242 263-264 267-268 270 "
    "290-295 298-304 307-309 312-315 317-325 327-334 343 345 375 379 413-416 420 "
    "425-426 435"
)
BY_INFERNO: Final = (
    "3 11-13 20-23 32-35 37 41-42 44-45 63-71 105 229 233 235-238 267 293-294 317 323 "
    "327-330 332-334"
)

Row = tuple[str, ...]


def numbers(ranges: str) -> list[int]:
    parts = [part.split("-") for part in ranges.split()]
    return [n for part in parts for n in range(int(part[0]), int(part[-1]) + 1)]


IDS: Final = numbers(ALL)
INFERNO: Final = numbers(BY_INFERNO)


def rows() -> list[Row]:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    found = [ROW.fullmatch(line) for line in lines if line.startswith("| ")]
    return [match.groups("") for match in found if match]


def test_every_requirement_has_one_row() -> None:
    assert [int(row[0]) for row in rows()] == IDS
    assert [int(row[0]) for row in rows() if row[1]] == INFERNO
    assert {row[4] for row in rows()} == STATUSES


def test_every_row_names_a_test_or_a_reason() -> None:
    for row in rows():
        named = NAMED.findall(row[5])
        assert named or (row[4] == "not applicable" and len(row[5]) > 20), row
        for path, name in named:
            source = (ROOT / "tests" / path).read_text(encoding="utf-8")
            assert f"\ndef {name}(" in source, row


def test_what_inferno_tests_is_tested_on_recorded_requests() -> None:
    assert [row[0] for row in rows() if row[1] and RECORDED not in row[5]] == []


def test_the_document_counts_its_rows() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    met = sum(row[4] == "met" for row in rows())
    assert f"{met} are met, {len(IDS) - met} do not apply" in text


def test_no_requirement_of_the_list_is_missing() -> None:
    if not LIST.exists():
        pytest.skip("the list of requirements is not beside the project")
    with LIST.open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert [int(item["id"]) for item in listed] == IDS
    tested = [item for item in listed if item["tested_by_inferno_client_suite"]]
    assert [int(item["id"]) for item in tested] == INFERNO
    conformance = [item["conformance"] for item in listed]
    assert conformance == [row[2] for row in rows()]
