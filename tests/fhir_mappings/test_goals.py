"""Goals are proposed for scores that can fall, and say who says by how much."""

import json
from dataclasses import replace

from fhir_mappings.bundle import report_resources
from fhir_mappings.identifiers import full_url, key
from inference.results import CaseReport, ClinicalFeatures, ClinicalValue
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import CONTEXT, FEATURES, REPORT, URGENT, of_type


def goals(report: CaseReport = REPORT) -> list[Resource]:
    return of_type(report_resources(report, CONTEXT), "Goal")


def with_features(features: ClinicalFeatures) -> CaseReport:
    return replace(REPORT, features=features)


def test_every_known_score_has_a_proposed_goal_with_a_day() -> None:
    pain, disability = goals()
    assert pain["lifecycleStatus"] == disability["lifecycleStatus"] == "proposed"
    assert pain["description"]["text"] == "Pain, 0 to 10: 5 or less, from 7 now"
    (target,) = disability["target"]
    assert target["measure"]["coding"][0]["code"] == "97909-6"
    assert json.dumps(target["detailQuantity"]).startswith(
        '{"value": 34, "comparator": "<=", "unit": "%"'
    )
    assert (disability["startDate"], target["dueDate"]) == ("2026-03-31", "2026-06-23")


def test_a_target_names_its_source_or_that_it_is_ours() -> None:
    notes = [goal["note"][0]["text"] for goal in goals()]
    assert "doi:10.1371/journal.pone.0229228" in notes[0]
    assert "our choice" in notes[1]


def test_a_goal_is_for_what_the_plan_is_for_and_for_the_score() -> None:
    addressed = [item["reference"] for item in goals()[0]["addresses"]]
    assert addressed == ["Condition/31", "Observation/21"]
    made = report_resources(REPORT, CONTEXT)
    (plan,) = of_type(made, "CarePlan")
    assert [goal["reference"] for goal in plan["goal"]] == [*map(full_url, goals())]


def test_a_score_that_can_hardly_fall_or_is_not_known_has_no_goal() -> None:
    low = ClinicalValue(value=1, recorded_on=None, source="Observation/21")
    assert not goals(with_features(replace(FEATURES, pain_nrs=low, odi_percent=None)))


def test_beside_red_flags_and_without_steps_there_are_no_goals() -> None:
    urgent = replace(REPORT, suggestion=URGENT, outcomes=(), treatment=None)
    assert not goals(urgent)
    none = replace(REPORT.suggestion, activities=())
    assert not goals(replace(REPORT, suggestion=none))


def test_another_score_is_another_goal() -> None:
    worse = ClinicalValue(value=8, recorded_on=None, source="Observation/21")
    other = goals(with_features(replace(FEATURES, pain_nrs=worse)))
    assert key(other[0]) != key(goals()[0])
    assert key(other[1]) == key(goals()[1])
