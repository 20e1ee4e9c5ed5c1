"""A chart becomes rows of what was known on the day of each decision, and no later."""

from dataclasses import replace
from datetime import datetime
from typing import Final

import pytest

from fhir_mappings.bundle import report_resources
from fhir_mappings.site_codes import SiteCodes
from fhir_mappings.treatment_rows import Row, treatment_rows
from inference.cohort.inputs import INPUTS, Input
from inference.results import Option
from tests.fhir_mappings.charts import (
    PATIENT,
    SNOMED,
    Resource,
    condition,
    pain,
    procedure,
)
from tests.fhir_mappings.reports import CONTEXT, GRADINGS, REPORT

OWN: Final = "urn:oid:1.2"
SITE: Final = SiteCodes(
    options={
        (OWN, "ORTHO"): Option.SURGICAL_OPINION,
        (SNOMED, "229065009"): Option.EXERCISE,
    }
)
HERNIATION: Final = "73589001"
LEG: Final = {"coding": [{"system": SNOMED, "code": "61685007"}]}


def order(day: str, number: str = "61", /, **elements: object) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "id": number,
        "status": "completed",
        "intent": "order",
        "code": {"coding": [{"system": OWN, "code": "ORTHO"}]},
        "subject": {"reference": "Patient/1"},
        "authoredOn": day,
        **elements,
    }


def leg_pain(value: float, day: str, number: str) -> Resource:
    return pain(value, number, bodySite=LEG, effectiveDateTime=day)


def rows(*resources: Resource) -> list[Row]:
    return [*treatment_rows(PATIENT, resources, site=SITE)]


def test_a_decision_is_a_row_of_what_was_known_on_its_day() -> None:
    (row,) = rows(
        order("2026-03-10"),
        leg_pain(7, "2026-03-01", "21"),
        leg_pain(2, "2026-03-20", "22"),
    )
    assert row["chosen"] == "referral for a surgical opinion"
    assert (row[Input.LEG_PAIN], row[Input.AGE], row[Input.FEMALE]) == ("7", "64", "1")
    assert row[Input.ODI] == ""
    assert row.keys() == {"chosen", *INPUTS}


def test_what_is_charted_later_or_without_a_date_is_not_known_yet() -> None:
    charted = condition(HERNIATION, recordedDate="2026-03-01")
    for later in ({"recordedDate": "2026-04-01"}, {}):
        (row,) = rows(order("2026-03-10"), condition(HERNIATION, **later))
        assert row[Input.HERNIATION] == ""
    (row,) = rows(order("2026-03-10"), charted)
    assert row[Input.HERNIATION] == "1"


def test_the_first_decision_for_each_option_counts() -> None:
    found = rows(
        order("2026-03-10"),
        order("2026-01-05", "62"),
        procedure("229065009", performedDateTime="2026-02-01"),
    )
    assert [row["chosen"] for row in found] == [
        *("referral for a surgical opinion", "exercise therapy")
    ]


@pytest.mark.parametrize(
    "elements",
    [
        {"intent": "proposal"},
        {"status": "revoked"},
        {"doNotPerform": True},
        {"authoredOn": "2026-03"},
        {"code": {"text": "Orthopedics"}},
    ],
)
def test_what_was_not_surely_decided_on_a_day_is_no_row(elements: Resource) -> None:
    assert rows(order("2026-03-10", **elements)) == []


def test_children_get_no_row() -> None:
    child = PATIENT | {"birthDate": "2010-01-01"}
    assert [*treatment_rows(child, [order("2026-03-10")], site=SITE)] == []


def test_what_this_application_wrote_is_the_geometry() -> None:
    signed = replace(
        CONTEXT, signed_at=datetime.fromisoformat("2026-03-05T10:00:00+01:00")
    )
    written = [
        resource | {"id": f"o{at}"}
        for at, resource in enumerate(report_resources(REPORT, signed))
        if resource["resourceType"] == "Observation"
    ]
    (row,) = rows(order("2026-03-10"), *written)
    assert (row[Input.WORST_GRADE], row[Input.DEGENERATE]) == ("5", str(len(GRADINGS)))
    assert (row[Input.CANAL], row[Input.HEIGHT_INDEX]) == ("9", "0.26")
    (before,) = rows(order("2020-01-10"), *written)
    assert before[Input.WORST_GRADE] == ""


def test_no_row_names_the_patient() -> None:
    text = str(rows(order("2026-03-10"), leg_pain(7, "2026-03-01", "21")))
    assert not [word for word in ("Nowak", "Ada", "MRN", "Patient") if word in text]


def test_a_broken_resource_costs_itself_alone() -> None:
    broken = leg_pain(7, "2026-03-01", "21") | {"effectiveDateTime": 5}
    (row,) = rows(order("2026-03-10"), broken, leg_pain(6, "2026-03-02", "23"))
    assert row[Input.LEG_PAIN] == "6"
