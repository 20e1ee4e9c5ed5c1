"""Only what was measured becomes an Observation, and it says where it comes from."""

import json
from dataclasses import replace

import pytest

from fhir_mappings.datatypes import quantity
from fhir_mappings.device import device
from fhir_mappings.identifiers import full_url
from fhir_mappings.observations import observations
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import CONTEXT, REPORT

DEVICE = device(REPORT.model, CONTEXT)
OBSERVATIONS = observations(REPORT, CONTEXT, device=DEVICE)


def find(code: str, site: str) -> Resource:
    return next(
        item
        for item in OBSERVATIONS
        if item["code"]["coding"][0]["code"] == code
        and site in item["bodySite"]["text"]
    )


def test_only_measured_values_are_written() -> None:
    assert len(OBSERVATIONS) == 11
    assert all("valueQuantity" in item for item in OBSERVATIONS)


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
    assert found["device"]["reference"] == full_url(DEVICE)
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
    found = observations(report, context, device=DEVICE)[0]
    assert not {"effectiveDateTime", "encounter"} & set(found)


def test_a_server_that_drops_the_label_still_shows_the_words() -> None:
    words = find("disc-height", "L4/L5")["note"][0]["text"]
    assert words == (
        "AI-generated, reviewed by Dr. Ana <Ruiz> & Co. Research software, not a "
        "cleared medical device."
    )
