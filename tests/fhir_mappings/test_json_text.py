"""What is sent is right as text too: decimals, times and the words for people."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from fhir_mappings.bundle import report_resources
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import ANSWERS, CONTEXT, REPORT

WRITTEN: Final = report_resources(replace(REPORT, answers=ANSWERS), CONTEXT)
NUMBER: Final = re.compile(r"(?<=: )-?\d[\d.eE+-]*(?=[,\n}])")
#: Elements that are an instant or a dateTime of the signature.
SIGNED: Final = frozenset({"issued", "recorded", "authoredOn", "created"})
XHTML: Final = "{http://www.w3.org/1999/xhtml}"

resources = pytest.mark.parametrize(
    "resource", WRITTEN, ids=lambda r: f"{r['resourceType']}-{WRITTEN.index(r)}"
)


def values(node: Any, names: frozenset[str]) -> Iterator[object]:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        for item in node:
            yield from values(item, names)
    elif isinstance(node, dict):
        yield from (value for name, value in node.items() if name in names)
        for value in node.values():
            yield from values(value, names)


def test_decimals_have_no_noise_and_no_exponent() -> None:
    numbers = NUMBER.findall(json.dumps(WRITTEN, indent=1))
    assert len(numbers) > 50
    assert not [n for n in numbers if not re.fullmatch(r"-?\d+(\.\d{1,3})?", n)]


@pytest.mark.parametrize(
    "text",
    [
        '"value": 10.0, "unit": "mm"',  # of 9.96: a tenth is kept, also where it is 0
        '"value": 12340, "unit": "mm3"',  # tens are kept, so there is no point
        '"value": 0.71, "unit": "1"',
        '"value": -0.125, "unit": "1"',
        '"value": 8, "unit": "{score}"',
        '"value": 34, "comparator": "<=", "unit": "%"',
        '"probabilityDecimal": 72,',
    ],
)
def test_each_kind_of_number_is_written_with_its_own_precision(text: str) -> None:
    assert text in json.dumps(WRITTEN)


@resources
def test_times_of_the_signature_keep_seconds_and_offset(resource: Resource) -> None:
    found = [*values(resource, SIGNED)]
    assert all(value == "2026-03-31T23:30:00+05:30" for value in found)
    assert found or resource["resourceType"] in {"Device", "Goal", "RiskAssessment"}


@resources
def test_every_resource_says_in_strict_xhtml_what_it_is(resource: Resource) -> None:
    assert resource["text"]["status"] == "generated"
    div = ET.fromstring(resource["text"]["div"])  # noqa: S314 - ours
    assert div.tag == f"{XHTML}div"
    assert {element.tag for element in div.iter()} == {
        *(f"{XHTML}{name}" for name in ("div", "p", "b"))
    }
    assert "".join(div.itertext()).strip()
