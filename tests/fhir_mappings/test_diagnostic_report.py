"""A report as a whole lists its levels, its study, and who stands for it."""

from dataclasses import replace

from fhir_mappings.bundle import report_resources
from fhir_mappings.identifiers import full_url, key
from inference.results import CaseReport
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import CONTEXT, LEVELS, REPORT, of_type

RESOURCES = report_resources(REPORT, CONTEXT)
LEVEL_OBSERVATIONS = [r for r in RESOURCES if "hasMember" in r]
SINGLE = [r for r in of_type(RESOURCES, "Observation") if r not in LEVEL_OBSERVATIONS]


def diagnostic_report(report: CaseReport = REPORT) -> Resource:
    (found,) = of_type(report_resources(report, CONTEXT), "DiagnosticReport")
    return found


def test_every_place_with_findings_has_one_parent_for_all_of_them() -> None:
    places = [item["bodySite"]["text"] for item in LEVEL_OBSERVATIONS]
    assert places == ["L2/L3", "L3/L4", "L4/L5", "L5/S1", "L4", "Lumbar spine"]
    members = [m["reference"] for o in LEVEL_OBSERVATIONS for m in o["hasMember"]]
    assert sorted(members) == sorted(map(full_url, SINGLE))
    words = LEVEL_OBSERVATIONS[2]["text"]["div"]
    assert "<p>Pfirrmann grade: IV (probability 0.71)</p>" in words


def test_the_report_names_its_study_its_results_and_who_interpreted_them() -> None:
    found = diagnostic_report()
    results = [result["reference"] for result in found["result"]]
    assert results == [*map(full_url, LEVEL_OBSERVATIONS)]
    assert found["imagingStudy"] == [{"reference": "ImagingStudy/12"}]
    assert found["resultsInterpreter"] == found["performer"]
    assert found["performer"][0]["reference"] == "Practitioner/3"
    assert found["status"] == "final"
    assert found["effectiveDateTime"] == "2026-02-28"


def test_the_conclusion_says_grades_narrowest_canal_and_what_is_missing() -> None:
    conclusion = diagnostic_report()["conclusion"]
    for sentence in (
        "Pfirrmann grade: L4/L5 IV (probability 0.71), L5/S1 V (probability 0.9).",
        "Smallest anterior-posterior canal diameter behind a disc: 9.0 mm at L4/L5.",
        "Not assessed: foraminal stenosis, lateral recess stenosis.",
        "Nothing was measured or graded at L1/L2.",
        "The lowest disc may be transitional.",
    ):
        assert f"{sentence} " in conclusion
    assert conclusion.endswith(CONTEXT.disclaimer)


def test_a_site_that_wants_none_gets_no_parents_and_all_results_in_the_report() -> None:
    flat = report_resources(REPORT, replace(CONTEXT, is_grouped=False))
    assert not [r for r in flat if "hasMember" in r]
    (report,) = of_type(flat, "DiagnosticReport")
    results = [result["reference"] for result in report["result"]]
    assert results == [*map(full_url, SINGLE)]


def test_another_warning_or_value_is_another_report() -> None:
    warned = replace(REPORT, warnings=())
    other = replace(REPORT, levels=(replace(LEVELS[1], disc_height_mm=None),))
    reports = [diagnostic_report(r) for r in (REPORT, warned, other)]
    assert len({*map(key, reports)}) == 3
