"""Synthetic patients of others are read as well as our own."""

import json
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from fhir_mappings.gather import clinical_features, identity
from inference.results import ClinicalFeatures, Flag, Smoking

PATIENTS: Final = Path(__file__).parents[3] / "shared" / "fhir" / "patients"

pytestmark = pytest.mark.skipif(
    not PATIENTS.exists(), reason="Synthea patients are not in ../shared/fhir/patients"
)


def read(name: str) -> ClinicalFeatures:
    bundle: Any = json.loads((PATIENTS / f"{name}.json").read_text("utf-8"))
    resources = [entry["resource"] for entry in bundle["entry"]]
    patient = next(r for r in resources if r["resourceType"] == "Patient")
    assert identity(patient).birth_date
    return clinical_features(patient, resources, today=date(2022, 1, 31))


def test_judi_has_chronic_low_back_pain_a_pain_score_and_no_egfr() -> None:
    judi = read("Judi176-Sawayn19")
    assert judi.pain_nrs
    assert (judi.pain_nrs.value, judi.pain_nrs.recorded_on) == (3, date(2021, 12, 29))
    assert judi.bmi_kg_m2
    assert judi.smoking_status == "Never smoker"
    assert judi.egfr_ml_min is None
    assert [found.flag for found in judi.conditions] == [Flag.CHRONIC_LOW_BACK_PAIN]
    assert judi.back_pain_weeks
    assert judi.back_pain_weeks.value == 416
    assert judi.smoking
    assert judi.smoking.status is Smoking.NEVER
    assert judi.height_cm
    assert (judi.height_cm.value, judi.treatments) == (172.9, ())
    assert judi.unreadable == 0


def test_wynona_is_not_pregnant_any_more() -> None:
    flags = [found.flag for found in read("Wynona930-Bradtke547").conditions]
    assert flags == [Flag.CHRONIC_LOW_BACK_PAIN]


def test_loyds_failing_kidneys_are_seen_in_the_older_unit() -> None:
    loyd = read("Loyd-Connelly")
    assert loyd.egfr_ml_min
    assert loyd.egfr_ml_min.value == pytest.approx(8.3, abs=0.01)


def test_loyds_failing_heart_is_seen_under_a_narrower_code() -> None:
    (failing,) = read("Loyd-Connelly").conditions
    assert failing.flag is Flag.HEART_FAILURE
    assert failing.label == "Chronic congestive heart failure (disorder)"


@pytest.mark.parametrize("name", ["Jacki-Feil", "Cary-OHara"])
def test_nothing_of_a_whole_chart_is_unreadable(name: str) -> None:
    assert read(name).unreadable == 0


@pytest.mark.parametrize("name", ["Jacki-Feil", "Cary-OHara", "Loyd-Connelly"])
def test_scores_of_years_ago_are_shown_and_not_used(name: str) -> None:
    features = read(name)
    assert features.pain_nrs is None
    old = {item.field: item.value.recorded_on for item in features.outdated}
    assert old.keys() == {"pain_nrs", "bmi_kg_m2"}
    assert all(day < date(2021, 1, 31) for day in old.values() if day)
