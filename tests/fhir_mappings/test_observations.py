"""Only what was found becomes an Observation, and it says where it comes from."""

import json
from dataclasses import replace

import pytest

from fhir_mappings.codes import ORDINAL_VALUE
from fhir_mappings.datatypes import quantity
from fhir_mappings.device import devices
from fhir_mappings.identifiers import full_url
from fhir_mappings.observations import observations
from inference.results import (
    CentralStenosis,
    DiscFindings,
    DiscGrading,
    FindingKind,
    Level,
)
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import CONTEXT, REPORT

DEVICES = devices(REPORT, CONTEXT)
OBSERVATIONS = observations(REPORT, CONTEXT, devices=DEVICES)


def find(code: str, site: str) -> Resource:
    return next(
        item
        for item in OBSERVATIONS
        if item["code"]["coding"][0]["code"] == code
        and site in item["bodySite"]["text"]
    )


def graded(pfirrmann: int) -> Resource:
    """Return the Observation of one disc of this grade."""
    even = (0.2, 0.2, 0.2, 0.2, 0.2)
    grading = DiscGrading(level=Level.L3_L4, pfirrmann=pfirrmann, probabilities=even)
    report = replace(REPORT, levels=(), vertebrae=(), gradings=(grading,))
    return observations(report, CONTEXT, devices=DEVICES)[0]


def test_only_what_was_found_is_written_and_what_was_not_assessed() -> None:
    measured = [item for item in OBSERVATIONS if "valueQuantity" in item]
    classes = [item for item in OBSERVATIONS if "valueCodeableConcept" in item]
    absent = [item for item in OBSERVATIONS if "dataAbsentReason" in item]
    assert (len(measured), len(classes), len(absent)) == (
        11,
        2 + 2 + 4,
        2,
    )  # grades, canals, severities
    assert [*OBSERVATIONS] == [*measured, *classes, *absent]


@pytest.mark.parametrize(
    ("grade", "numeral"), [(1, "I"), (2, "II"), (3, "III"), (4, "IV"), (5, "V")]
)
def test_a_grade_is_coded_in_words_and_in_order(grade: int, numeral: str) -> None:
    value = graded(grade)["valueCodeableConcept"]
    (coding,) = value["coding"]
    assert value["text"] == coding["display"] == f"Pfirrmann grade {numeral}"
    assert coding["code"] == f"pfirrmann-grade-{grade}"
    assert coding["extension"] == [{"url": ORDINAL_VALUE, "valueDecimal": grade}]


def test_a_grade_has_its_own_probability_rounded_once() -> None:
    (component,) = find("pfirrmann-grade", "L4/L5")["component"]
    assert component["code"]["text"] == "Probability of the Pfirrmann grade"
    assert component["valueQuantity"]["value"] == 0.71  # of 0.7149
    assert component["valueQuantity"]["code"] == "1"


def test_a_grade_names_its_model_its_scale_and_the_outline_that_it_builds_on() -> None:
    found = find("pfirrmann-grade", "L5/S1")
    assert found["method"]["text"] == (
        "Pfirrmann grade I to V (Pfirrmann 2001, doi:10.1097/00007632-200109010-00011)"
        ", mid-sagittal T2, of the disc outlined by deeplab-lumbar 1.0; "
        "pfirrmann-trees 1.1"
    )
    assert found["device"]["reference"] == full_url(DEVICES[REPORT.grading_model])
    assert found["device"]["display"] == "pfirrmann-trees 1.1"
    assert "Pfirrmann grade, L5/S1: V (probability 0.9)" in found["text"]["div"]


def test_a_grade_says_what_its_model_learned_from() -> None:
    disclaimer, origin = find("pfirrmann-grade", "L4/L5")["note"]
    assert disclaimer["text"] == CONTEXT.disclaimer
    assert origin["text"] == (
        "The model was trained on the radiological gradings of SPIDER."
    )


def test_a_grade_is_else_an_observation_as_all_others() -> None:
    grade, height = find("pfirrmann-grade", "L4/L5"), find("disc-height", "L4/L5")
    own = {"text", "identifier", "code", "method", "device", "note"}
    values = {*("valueCodeableConcept", "component", "valueQuantity", "referenceRange")}
    assert {k: v for k, v in grade.items() if k not in own | values} == {
        k: v for k, v in height.items() if k not in own | values
    }


@pytest.mark.parametrize(
    ("code", "site", "text"),
    [
        ("disc-height", "L2/L3", '"value": 10.0, "unit": "mm"'),
        ("disc-height", "L4/L5", '"value": 7.3, "unit": "mm"'),
        ("disc-width", "L4/L5", '"value": 33.0, "unit": "mm"'),
        ("disc-volume", "L4/L5", '"value": 12340, "unit": "mm3"'),
        ("disc-height-index", "L4/L5", '"value": 0.26, "unit": "ratio"'),
        ("disc-signal-ratio", "L4/L5", '"value": 0.5, "unit": "ratio"'),
        ("disc-signal-ratio", "L5/S1", '"value": 0.2, "unit": "ratio"'),
        ("canal-diameter", "L4/L5", '"value": 9.0, "unit": "mm"'),
        ("vertebra-height", "L4", '"value": 27.4, "unit": "mm"'),
        ("vertebra-width", "L4", '"value": 35.1, "unit": "mm"'),
    ],
)
def test_values_are_rounded_once_and_read_so_in_the_json(
    code: str, site: str, text: str
) -> None:
    assert text in json.dumps(find(code, site))


def test_no_rounded_value_shows_binary_noise() -> None:
    for tenth in range(1, 5000):
        written = quantity(tenth / 10 + 0.01, unit="mm", code="mm", digits=1)
        assert len(json.dumps(written["value"]).split(".")[1]) == 1


@pytest.mark.parametrize(
    ("code", "site", "snomed", "words"),
    [
        ("disc-height", "L4/L5", "84020006", "L4/L5 intervertebral disc"),
        ("canal-diameter", "L4/L5", "243923001", "Spinal canal at the L4/L5 disc"),
        ("disc-signal-ratio", "L5/S1", "715056000", "L5/S1 intervertebral disc"),
        ("pfirrmann-grade", "L4/L5", "84020006", "L4/L5 intervertebral disc"),
        ("vertebra-height", "L4", "11994002", "L4 vertebra"),
    ],
)
def test_the_body_site_is_coded_and_readable(
    code: str, site: str, snomed: str, words: str
) -> None:
    body_site = find(code, site)["bodySite"]
    assert (body_site["coding"][0]["code"], body_site["text"]) == (snomed, words)


def test_an_observation_names_its_origin() -> None:
    found = find("disc-height", "L4/L5")
    assert found["status"] == "final"
    assert found["subject"] == {"reference": "Patient/1"}
    assert found["encounter"] == {"reference": "Encounter/5"}
    assert found["derivedFrom"] == [{"reference": "ImagingStudy/12"}]
    assert found["device"]["reference"] == full_url(DEVICES[REPORT.model])
    assert found["performer"][0]["reference"] == "Practitioner/3"
    assert found["meta"]["security"][0]["code"] == "AIAST"
    assert "deeplab-lumbar 1.0" in found["method"]["text"]


def test_the_day_of_the_study_and_the_time_of_the_signature_keep_apart() -> None:
    found = find("disc-height", "L4/L5")
    assert found["effectiveDateTime"] == "2026-02-28"
    assert found["issued"] == "2026-03-31T23:30:00+05:30"


def test_an_unknown_day_and_no_encounter_are_left_out() -> None:
    report = replace(REPORT, study=replace(REPORT.study, acquired_on=None))
    context = replace(CONTEXT, encounter=None)
    found = observations(report, context, devices=DEVICES)[0]
    assert not {"effectiveDateTime", "encounter"} & set(found)


def test_a_server_that_drops_the_label_still_shows_the_words() -> None:
    words = find("disc-height", "L4/L5")["note"][0]["text"]
    assert words == (
        "AI-generated, reviewed by Dr. Ana <Ruiz> & Co. Research software, not a "
        "cleared medical device."
    )


def test_a_canal_near_a_limit_has_words_and_probabilities_but_no_class() -> None:
    near = CentralStenosis(level=Level.L4_L5, probabilities=(0.0, 0.25, 0.75))
    found = next(
        item
        for item in observations(
            replace(REPORT, stenoses=(near,)), CONTEXT, devices=DEVICES
        )
        if item["code"]["coding"][0]["code"] == "canal-class"
    )
    value = found["valueCodeableConcept"]
    assert "coding" not in value
    assert value["text"].startswith("cannot tell between relative")
    parts = [part["valueQuantity"]["value"] for part in found["component"]]
    assert parts == [0.0, 0.25, 0.75]


def test_a_canal_far_from_the_limits_has_a_class() -> None:
    report = replace(
        REPORT, stenoses=(CentralStenosis(level=Level.L4_L5, probabilities=(0, 0, 1)),)
    )
    coded = [
        item["valueCodeableConcept"]["coding"][0]["code"]
        for item in observations(report, CONTEXT, devices=DEVICES)
        if item["code"]["coding"][0]["code"] == "canal-class"
    ]
    assert coded == ["canal-class-absolute"]


@pytest.mark.parametrize("code", ["foraminal-stenosis", "lateral-recess-stenosis"])
def test_what_a_mid_sagittal_image_does_not_show_is_written_as_not_assessed(
    code: str,
) -> None:
    (found,) = (
        item
        for item in observations(REPORT, CONTEXT, devices=DEVICES)
        if item["code"]["coding"][0]["code"] == code
    )
    assert not [name for name in found if name.startswith("value")]
    assert found["dataAbsentReason"]["coding"][0]["code"] == "not-performed"


def test_a_severity_that_is_not_known_exactly_is_a_range_in_words() -> None:
    value = find("spondylosis-severity", "L4/L5")["valueCodeableConcept"]
    assert value == {"text": "mild to severe"}
    parts = {
        item["code"]["coding"][0]["code"]: item
        for item in find("spondylosis-severity", "L4/L5")["component"]
    }
    endplates = parts["spondylosis-points-endplates"]["dataAbsentReason"]
    assert endplates["coding"][0]["code"] == "unknown"
    limits = parts["spondylosis-points-narrowing"]["valueRange"]
    assert (limits["low"]["value"], limits["high"]["value"]) == (0, 2)
    assert parts["spondylosis-points-canal"]["valueInteger"] == 2


def test_the_severity_of_the_worst_level_names_the_levels_it_leaves_out() -> None:
    found = find("spondylosis-severity", "Lumbar spine")
    notes = [item["text"] for item in found["note"]]
    assert "Nothing is known of L1/L2, L2/L3." in notes
    assert any("No published scale" in note for note in notes)


def test_findings_of_a_disc_are_probabilities_and_never_a_value() -> None:
    disc = DiscFindings(level=Level.L4_L5, narrowing=0.934, herniation=0.02)
    report = replace(
        REPORT, levels=(), vertebrae=(), gradings=(), disc_findings=(disc,)
    )
    found = observations(report, CONTEXT, devices=devices(report, CONTEXT))[0]
    assert not any(name.startswith("value") for name in found)
    assert "dataAbsentReason" not in found
    parts = {part["code"]["coding"][0]["code"]: part for part in found["component"]}
    assert len(parts) == len(FindingKind)
    assert parts["narrowing-probability"]["valueQuantity"]["value"] == 0.93
    assert parts["herniation-probability"]["valueQuantity"]["value"] == 0.02
    assert parts["modic-probability"]["dataAbsentReason"]["text"] == "not assessed"
    assert found["device"]["display"] == "pfirrmann-trees 1.1"
    assert "herniation 0.02" in found["text"]["div"]
    assert found["method"]["text"].startswith("Estimate of a model")
