"""The Oswestry index is computed from ten answers as its authors say."""

from datetime import date

import pytest

from fhir_mappings.codes import ORDINAL_VALUE
from fhir_mappings.gather import clinical_features
from fhir_mappings.site_codes import SiteCodes
from inference.results import ClinicalFeatures
from tests.fhir_mappings.charts import (
    PATIENT,
    Resource,
    observation,
    oswestry,
    quantity,
)

TODAY = date(2026, 3, 31)
POINTS = (3, 2, 4, 1, 3, 2, 0, 3, 2, 2)


def read(*resources: Resource, site: SiteCodes | None = None) -> ClinicalFeatures:
    codes = site or SiteCodes()
    return clinical_features(PATIENT, resources, today=TODAY, site=codes)


def test_ten_answers_make_a_percentage_of_fifty_points() -> None:
    found = read(oswestry(POINTS)).odi_percent
    assert found
    assert (found.value, found.recorded_on) == (44, date(2026, 3, 1))
    assert found.source == "QuestionnaireResponse/61"
    assert found.method == "22 points in 10 of 10 sections"


def test_one_section_may_be_left_out() -> None:
    found = read(oswestry((*POINTS[:9], None))).odi_percent
    assert found
    assert found.value == pytest.approx(100 * 20 / 45)


@pytest.mark.parametrize(
    "broken",
    [
        oswestry((*POINTS[:8], None, None)),
        oswestry((*POINTS[:9], 6)),
        oswestry((*POINTS, 1), questionnaire="http://loinc.org/q/97908-8", item=[]),
        oswestry(POINTS, authored="2026-04-02"),
    ],
)
def test_what_gives_no_index_is_counted(broken: Resource) -> None:
    features = read(broken)
    assert (features.odi_percent, features.unreadable) == (None, 1)


def test_two_answers_to_one_section_give_no_index() -> None:
    response = oswestry(POINTS)
    response["item"][3]["answer"] *= 2
    assert read(response).unreadable == 1


@pytest.mark.parametrize(
    "silent",
    [
        oswestry(POINTS, status="in-progress"),
        oswestry(POINTS, item=[{"linkId": "phq-1"}]),
        oswestry(POINTS, item=[]),
    ],
)
def test_other_questionnaires_and_unfinished_ones_say_nothing(silent: Resource) -> None:
    features = read(silent)
    assert (features.odi_percent, features.unreadable) == (None, 0)


def option(points: int) -> Resource:
    extension = [{"url": ORDINAL_VALUE, "valueDecimal": points}]
    return {"valueCoding": {"code": f"LA-{points}", "extension": extension}}


def test_options_carry_their_points_in_nested_groups_of_a_known_questionnaire() -> None:
    items = [
        {"linkId": f"/q{n}", "answer": [option(points)]}
        for n, points in enumerate(POINTS)
    ]
    nested = [{"linkId": "group", "item": items}]
    url = "https://site.example/Questionnaire/odi"
    response = oswestry(POINTS, item=nested, questionnaire=f"{url}|2")
    assert read(response).odi_percent is None
    found = read(response, site=SiteCodes(odi_questionnaires=frozenset({url})))
    assert found.odi_percent
    assert found.odi_percent.value == 44


def test_an_option_without_points_gives_no_index() -> None:
    response = oswestry(POINTS)
    response["item"][0]["answer"] = [{"valueCoding": {"code": "LA-3"}}]
    assert read(response).unreadable == 1


def test_the_newer_of_a_score_and_a_questionnaire_counts() -> None:
    score = observation("97909-6", valueQuantity=quantity(10, "%"))
    for authored, value in (("2026-02-01", 10), ("2026-03-02", 44)):
        found = read(score, oswestry(POINTS, authored=authored)).odi_percent
        assert found
        assert found.value == value
