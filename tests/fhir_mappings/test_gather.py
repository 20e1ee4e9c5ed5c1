"""A chart is read for what it says, and what it does not say stays unknown."""

from dataclasses import fields
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.errors import UnreadablePatientError
from fhir_mappings.gather import clinical_features, identity, searches
from inference.results import ClinicalFeatures, ClinicalValue
from tests.fhir_mappings.charts import (
    PATIENT,
    Resource,
    condition,
    imaging_study,
    observation,
    pain,
    quantity,
)

TODAY = date(2026, 3, 31)


def read(*resources: Resource) -> ClinicalFeatures:
    return clinical_features(PATIENT, resources, today=TODAY)


def test_each_type_is_searched_once_for_this_patient() -> None:
    found = searches("1")
    assert [s.resource_type for s in found] == [
        "Condition",
        "Observation",
        "ImagingStudy",
    ]
    assert all(s.params["patient"] == "1" for s in found)
    assert (
        "http://loinc.org|72514-3,http://loinc.org|97909-6" in found[1].params["code"]
    )


def test_identity_takes_the_official_name_and_the_current_identifiers() -> None:
    who = identity(PATIENT)
    assert (who.family, who.given, who.sex) == ("Nowak", "Ada", "female")
    assert who.identifiers == {"MRN-7"}
    assert who.birth_date == date(1961, 11, 30)


def test_identity_leaves_unknown_what_is_absent_or_partial() -> None:
    who = identity(
        {"resourceType": "Patient", "id": "1", "birthDate": "1961", "gender": "unknown"}
    )
    assert not who.identifiers
    assert [who.family, who.given, who.birth_date, who.sex] == [None] * 4


def test_names_and_identifiers_are_not_in_the_repr() -> None:
    assert "Nowak" not in repr(identity(PATIENT))


@pytest.mark.parametrize(
    "patient",
    [
        {"resourceType": "Patient"},
        {"resourceType": "Person", "id": "1"},
        {"resourceType": "Patient", "id": "1", "name": "Ada"},
        {},
    ],
)
def test_a_broken_patient_stops_everything(patient: Resource) -> None:
    with pytest.raises(UnreadablePatientError, match="Patient"):
        identity(patient)
    with pytest.raises(UnreadablePatientError, match="Patient"):
        clinical_features(patient, [], today=TODAY)


def test_an_empty_chart_says_nothing() -> None:
    features = clinical_features(
        PATIENT, [], today=TODAY, unreadable=3, is_complete=False
    )
    assert (features.age_years, features.sex) == (64, "female")
    assert (features.unreadable, features.is_complete) == (3, False)
    known = {"age_years", "sex", "unreadable", "is_complete"}
    others = [
        getattr(features, f.name) for f in fields(features) if f.name not in known
    ]
    assert [value for value in others if value not in (None, ())] == []


def test_age_is_unknown_without_a_birth_date() -> None:
    nobody = {"resourceType": "Patient", "id": "1"}
    assert clinical_features(nobody, [], today=TODAY).age_years is None


def test_a_value_keeps_its_day_and_its_source() -> None:
    assert read(pain(7)).pain_nrs == ClinicalValue(
        value=7, recorded_on=date(2026, 3, 1), source="Observation/21"
    )


@pytest.mark.parametrize(
    ("code", "field", "value", "unit"),
    [
        ("97909-6", "odi_percent", 44, "%"),
        ("97909-6", "odi_percent", 44, "{score}"),
        ("39156-5", "bmi_kg_m2", 27.9, "kg/m2"),
        ("62238-1", "egfr_ml_min", 48, "mL/min/{1.73_m2}"),
        ("98979-8", "egfr_ml_min", 48, "mL/min/{1.73_m2}"),
        ("33914-3", "egfr_ml_min", 48, "mL/min"),
    ],
)
def test_each_number_comes_in_its_own_units(
    code: str, field: str, value: float, unit: str
) -> None:
    features = read(observation(code, valueQuantity=quantity(value, unit)))
    assert getattr(features, field).value == value
    assert features.unreadable == 0


def test_a_score_may_be_an_integer_without_a_unit() -> None:
    assert read(observation("72514-3", valueInteger=7)).pain_nrs == ClinicalValue(
        value=7, recorded_on=date(2026, 3, 1), source="Observation/21"
    )


@pytest.mark.parametrize(
    "broken",
    [
        pain(11),
        pain(-1),
        pain(7, valueQuantity={"value": 7}),
        pain(7, valueQuantity={"value": 7, "system": "urn:x", "code": "{score}"}),
        pain(7, valueQuantity=quantity(7, "cm")),
        pain(7, valueQuantity=quantity(7, "{score}") | {"comparator": ">"}),
        pain(7, valueQuantity=quantity(7, "{score}") | {"value": "seven"}),
        pain(7, effectiveDateTime="2026-04-01"),
        pain(7, effectiveDateTime="yesterday"),
        pain(7, subject={"reference": "Patient/2"}),
        pain(7, subject={"display": "Ada"}),
        pain(7, status=["final"]),
        pain(7, id=None),
        observation("72514-3", valueString="7"),
        observation("72514-3"),
        observation("39156-5", valueInteger=27),
        condition("279039007", subject={"reference": "Patient/2"}),
        condition("279039007", code="low back pain"),
    ],
)
def test_what_is_broken_is_not_used_and_is_counted(broken: Resource) -> None:
    plain = {name: value for name, value in broken.items() if value is not None}
    features = read(plain)
    assert [features.pain_nrs, features.bmi_kg_m2] == [None, None]
    assert features.conditions == ()
    assert features.unreadable == 1


@pytest.mark.parametrize(
    "silent",
    [
        pain(7, status="entered-in-error"),
        pain(7, status="preliminary"),
        observation("72514-3", dataAbsentReason={"text": "refused"}),
        observation("8302-2", valueQuantity=quantity(170, "cm")),
        imaging_study(),
        {"resourceType": "OperationOutcome", "issue": []},
    ],
)
def test_what_says_nothing_is_not_counted(silent: Resource) -> None:
    assert read(silent) == read()


def test_a_bad_element_that_nobody_reads_does_not_cost_the_value() -> None:
    features = read(pain(7, text={"status": "generated"}, vendorNote=1))
    assert features.pain_nrs is not None
    assert features.unreadable == 0


def test_the_newest_usable_value_wins_whatever_the_order() -> None:
    older = pain(3, "1", effectiveDateTime="2025")
    newer = pain(5, "2", effectiveDateTime="2026-03-01T23:00:00-05:00")
    newest = pain(7, "3", effectiveDateTime="2026-03-02T05:30:00+01:00")
    impossible = pain(70, "4", effectiveDateTime="2026-03-03")
    for resources in ([older, newer, newest, impossible], [newest, older, newer]):
        found = read(*resources).pain_nrs
        assert found
        assert found.source == "Observation/3"


@pytest.mark.parametrize(
    ("when", "day"),
    [
        ({"effectiveInstant": "2026-03-02T05:30:00+01:00"}, date(2026, 3, 2)),
        ({"effectivePeriod": {"start": "2026-01", "end": "2026-02"}}, date(2026, 2, 1)),
        ({"effectivePeriod": {"start": "2026-01"}}, date(2026, 1, 1)),
        ({"issued": "2026-03-02T05:30:00Z"}, date(2026, 3, 2)),
        ({}, None),
    ],
)
def test_the_time_of_a_value_has_several_places(
    when: Resource, day: date | None
) -> None:
    undated = pain(7)
    del undated["effectiveDateTime"]
    found = read(undated | when).pain_nrs
    assert found
    assert found.recorded_on == day


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"valueCodeableConcept": {"text": "Never smoker"}}, "Never smoker"),
        (
            {"valueCodeableConcept": {"coding": [{"code": "1", "display": "Smoker"}]}},
            "Smoker",
        ),
        ({"valueString": "Ex-smoker"}, "Ex-smoker"),
        ({"dataAbsentReason": {"text": "asked but refused"}}, None),
        ({"valueString": "Smoker", "effectiveDateTime": "2030"}, None),
        ({"valueString": "Smoker", "status": "entered-in-error"}, None),
    ],
)
def test_smoking_keeps_the_words_of_the_chart(
    answer: Resource, words: str | None
) -> None:
    assert read(observation("72166-2", **answer)).smoking_status == words


def test_the_newest_smoking_answer_wins() -> None:
    old = observation("72166-2", "1", valueString="Smoker", effectiveDateTime="2020")
    new = observation("72166-2", "2", valueString="Ex-smoker")
    assert read(new, old).smoking_status == "Ex-smoker"


@pytest.mark.parametrize(
    "reference",
    ["Patient/1", "https://ehr.example/fhir/Patient/1", "Patient/1/_history/4"],
)
def test_a_patient_is_recognized_in_every_form_of_reference(reference: str) -> None:
    assert read(pain(7, subject={"reference": reference})).pain_nrs


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["coding", "code", "value"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(
    element=st.sampled_from(
        ["id", "status", "code", "subject", "effectiveDateTime", "valueQuantity"]
    ),
    junk=json_values,
)
def test_junk_from_a_server_is_counted_or_silent_and_never_an_exception(
    element: str, junk: object
) -> None:
    features = read(pain(7) | {element: junk}, condition("279039007") | {element: junk})
    assert features.unreadable >= 0
