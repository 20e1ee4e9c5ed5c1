"""What a server dropped or changed is found, what it normalized is not."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.bundle import report_resources, resolve
from fhir_mappings.comparison import differences
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import CONTEXT, REPORT, of_type
from tests.fhir_mappings.test_bundle import REFERENCES

RESOURCES = report_resources(REPORT, CONTEXT)
OBSERVATIONS = of_type(RESOURCES, "Observation")
OBSERVATION = OBSERVATIONS[2]
GRADE = next(r for r in OBSERVATIONS if "valueCodeableConcept" in r)
(PLAN,), (PROVENANCE,) = (of_type(RESOURCES, t) for t in ("CarePlan", "Provenance"))


def stored(resource: Resource, **changes: object) -> Resource:
    """Return what a server gives back: resolved, with an id, and changed."""
    kept = deepcopy(resolve(resource, REFERENCES)) | {"id": "9"} | changes
    kept["meta"] = {"versionId": "1", "lastUpdated": "2026-03-31T18:00:00Z"} | kept[
        "meta"
    ]
    return {name: value for name, value in kept.items() if value is not None}


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=3), json_values))
def test_a_resource_does_not_differ_from_itself(elements: dict[str, Any]) -> None:
    resource = {**elements, "resourceType": "Basic"}
    assert differences(resource, deepcopy(resource)) == ()


@pytest.mark.parametrize("resource", RESOURCES[4:], ids=lambda r: r["resourceType"])
def test_ids_versions_and_resolved_references_are_no_difference(
    resource: Resource,
) -> None:
    assert differences(resource, stored(resource)) == ()


def test_a_server_that_drops_the_order_of_a_grade_is_noticed() -> None:
    value = GRADE["valueCodeableConcept"]
    coding = {k: v for k, v in value["coding"][0].items() if k != "extension"}
    kept = stored(GRADE, valueCodeableConcept=value | {"coding": [coding]})
    path = "Observation.valueCodeableConcept.coding[0].extension"
    assert differences(GRADE, kept) == (path,)


@pytest.mark.parametrize("element", sorted(set(OBSERVATION) - {"resourceType", "meta"}))
def test_every_dropped_element_is_found(element: str) -> None:
    assert differences(OBSERVATION, stored(OBSERVATION, **{element: None})) == (
        f"Observation.{element}",
    )


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"status": "preliminary"}, "Observation.status"),
        (
            {"valueQuantity": OBSERVATION["valueQuantity"] | {"value": 7.4}},
            "Observation.valueQuantity.value",
        ),
        (
            {"valueQuantity": OBSERVATION["valueQuantity"] | {"value": True}},
            "Observation.valueQuantity.value",
        ),
        ({"meta": {}}, "Observation.meta.security"),
        ({"meta": {"security": []}}, "Observation.meta.security[0]"),
        ({"note": [{"text": "other"}]}, "Observation.note[0].text"),
        ({"subject": {"reference": "Patient/2"}}, "Observation.subject.reference"),
        ({"device": {"reference": "nowhere"}}, "Observation.device.reference"),
        ({"issued": "2026-03-31T23:30:00Z"}, "Observation.issued"),
        (
            {"text": {"status": "generated", "div": "<p>other</p>"}},
            "Observation.text.div",
        ),
    ],
)
def test_a_change_is_found_where_it_is(changes: Resource, path: str) -> None:
    assert path in differences(OBSERVATION, stored(OBSERVATION, **changes))


def test_a_lost_coding_is_found_though_the_other_stayed() -> None:
    code = OBSERVATION["code"]
    kept = stored(OBSERVATION, code=code | {"coding": code["coding"][1:]})
    found = differences(OBSERVATION, kept)
    assert found == ("Observation.code.coding[0]",)


def test_one_lost_target_of_many_is_found() -> None:
    kept = stored(PROVENANCE)
    kept["target"] = kept["target"][:-1]
    assert len(differences(PROVENANCE, kept)) == 1


def test_equal_times_whitespace_and_numbers_are_no_difference() -> None:
    value = OBSERVATION["valueQuantity"]
    div = OBSERVATION["text"]["div"].replace("</p><p>", "</p>\n  <p>")
    kept = stored(
        OBSERVATION,
        issued="2026-03-31T18:00:00.000Z",
        subject={"reference": "https://ehr.example/fhir/Patient/1", "display": "Ada"},
        text={"status": "generated", "div": div},
        valueQuantity=value | {"value": float(value["value"])},
    )
    assert differences(OBSERVATION, kept) == ()


def test_what_a_server_adds_or_sorts_is_no_difference() -> None:
    kept = stored(PLAN, replaces=[{"reference": "CarePlan/1"}])
    kept["category"] = [{"text": "of the server"}, *reversed(kept["category"])]
    kept["meta"]["security"] = [{"code": "R"}, *kept["meta"]["security"]]
    assert differences(PLAN, kept) == ()


def test_another_type_is_all_different() -> None:
    assert differences(PLAN, stored(PROVENANCE)) == ("resourceType",)
