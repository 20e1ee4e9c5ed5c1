"""A range in the chart says whom it describes, and never that a value is healthy."""

from dataclasses import replace

import pytest

from fhir_mappings.device import devices
from fhir_mappings.measures import MM
from fhir_mappings.observations import observations
from fhir_mappings.reference_ranges import percentile, reference_range, sentence
from inference.measurements.reference_values import ReferenceRange
from inference.results import Vertebra, VertebraMeasurement
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import CONTEXT, REPORT

GROUP = ReferenceRange(
    quantity="width_mm",
    site=Vertebra.L5,
    sex="female",
    youngest_years=40,
    oldest_years=59,
    mean=30.0,
    sd=2.0,
    low=None,
    high=None,
    count=400,
    population="people in a town",
    method="CT, by hand",
    is_same_method=False,
    source="doi:10.1000/1",
)
LIMIT = replace(GROUP, mean=None, sd=None, low=10.0, count=None, is_same_method=True)


def of(code: str, site: str, *, age_years: int | None = 64) -> Resource:
    """Return one Observation of the report for a woman of this age."""
    report = replace(REPORT, features=replace(REPORT.features, age_years=age_years))
    return next(
        item
        for item in observations(report, CONTEXT, devices=devices(report, CONTEXT))
        if item["code"]["coding"][0]["code"] == code
        and site in item["bodySite"]["text"]
    )


def test_a_range_is_rounded_as_its_value_and_has_the_same_unit() -> None:
    found = reference_range(GROUP, MM)
    assert (found["low"]["value"], found["high"]["value"]) == (26.1, 33.9)
    assert found["low"]["code"] == "mm"


def test_a_range_is_typed_by_its_people_so_that_nobody_takes_it_for_normal() -> None:
    found = reference_range(GROUP, MM)
    assert found["type"] == {"text": "people in a town"}
    assert found["appliesTo"][0]["coding"][0]["code"] == "248152002"
    assert (found["age"]["low"]["value"], found["age"]["high"]["value"]) == (40, 59)


def test_a_range_for_everybody_applies_to_no_one_in_particular() -> None:
    everybody = replace(GROUP, sex=None, youngest_years=None, oldest_years=None)
    assert not {"appliesTo", "age"} & set(reference_range(everybody, MM))


def test_a_single_limit_has_one_end() -> None:
    found = reference_range(LIMIT, MM)
    assert found["low"]["value"] == 10.0
    assert "high" not in found


def test_the_words_name_people_method_and_source() -> None:
    assert sentence(GROUP, MM) == (
        "26.1\N{EN DASH}33.9 mm (n = 400). People in a town. CT, by hand, another "
        "method than here. doi:10.1000/1"
    )
    assert sentence(LIMIT, MM).startswith("≥ 10.0 mm. People in a town. CT, by hand. ")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (30.0, "percentile 50"),
        (27.0, "percentile 7"),
        (20.0, "below percentile 1"),
        (40.0, "above percentile 99"),
    ],
)
def test_the_ends_of_a_group_are_not_told_apart(value: float, words: str) -> None:
    assert percentile(GROUP, value) == words


def test_a_limit_has_no_percentile() -> None:
    assert percentile(LIMIT, 12.0) is None


def test_a_measured_value_has_its_range_and_its_place_in_the_chart() -> None:
    found = of("disc-height", "L4/L5")
    (usual,) = found["referenceRange"]
    assert "low back pain" in usual["type"]["text"]
    assert "doi:10.1038/s41597-024-03090-w" in usual["text"]
    place = found["note"][1]["text"]
    assert place.startswith("Percentile ")
    assert place.endswith("which does not say what is healthy.")
    assert place in found["text"]["div"].replace("&#x27;", "'")


def test_a_value_without_a_source_has_no_range() -> None:
    assert "referenceRange" not in of("disc-signal-ratio", "L4/L5")


def test_the_canal_is_compared_with_the_limit_that_studies_use() -> None:
    (usual,) = of("canal-diameter", "L4/L5")["referenceRange"]
    assert usual["low"]["value"] == 10.0
    assert "limit of central stenosis" in usual["type"]["text"]


def test_ranges_are_those_of_the_patients_sex_and_age() -> None:
    body = VertebraMeasurement(vertebra=Vertebra.L5, height_mm=None, width_mm=33.0)
    report = replace(REPORT, levels=(), vertebrae=(body,), gradings=(), stenoses=())
    found, *_ = observations(report, CONTEXT, devices=devices(report, CONTEXT))
    sexes = [
        item["appliesTo"][0]["coding"][0]["display"]
        for item in found["referenceRange"]
        if "appliesTo" in item
    ]
    assert sexes == ["Female"]
    assert len(of("disc-width", "L4/L5", age_years=45)["referenceRange"]) == 2
    assert len(of("disc-width", "L4/L5", age_years=None)["referenceRange"]) == 1
