"""A chart is read for what it says, and what it does not say stays unknown."""

from dataclasses import fields
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.errors import UnreadablePatientError
from fhir_mappings.gather import (
    OPTIONAL_TYPES,
    Gaps,
    clinical_features,
    identity,
    searches,
)
from fhir_mappings.site_codes import SiteCodes
from inference.results import ClinicalFeatures, ClinicalValue, Smoking
from tests.fhir_mappings.charts import (
    PATIENT,
    Resource,
    condition,
    drug,
    imaging_study,
    observation,
    oswestry,
    pain,
    procedure,
    quantity,
)

TODAY = date(2026, 3, 31)


def read(*resources: Resource) -> ClinicalFeatures:
    return clinical_features(PATIENT, resources, today=TODAY)


def test_each_type_is_searched_for_this_patient() -> None:
    found = searches("1")
    types = list(dict.fromkeys(s.resource_type for s in found))
    assert types == ["Condition", "Observation", "ImagingStudy", *OPTIONAL_TYPES]
    assert all(s.params["patient"] == "1" for s in found)


def test_observations_are_searched_by_all_codes_in_urls_of_a_fair_length() -> None:
    site = SiteCodes(values={("urn:site", "LEG"): "leg_pain_nrs"})
    codes = [s.params["code"] for s in searches("1", site) if "code" in s.params]
    asked = ",".join(codes).split(",")
    assert len(asked) == len(set(asked))
    assert {"http://loinc.org|72514-3", "urn:site|LEG"} <= set(asked)
    assert max(map(len, codes)) < 2000


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


def test_a_record_that_was_merged_into_another_one_is_not_used() -> None:
    link = {"other": {"reference": "Patient/new"}, "type": "replaced-by"}
    with pytest.raises(UnreadablePatientError, match="replaced"):
        identity(PATIENT | {"link": [link]})
    also = identity(PATIENT | {"link": [link | {"type": "seealso"}]})
    assert also == identity(PATIENT)


def test_an_empty_chart_says_nothing() -> None:
    gaps = Gaps(unreadable=3, partial_types=("Condition",), unread_types=("Procedure",))
    features = clinical_features(PATIENT, [], today=TODAY, gaps=gaps)
    assert (features.age_years, features.sex) == (64, "female")
    assert (features.unreadable, features.is_complete) == (3, False)
    assert features.unread_types == ("Procedure",)
    known = {"age_years", "sex", "unreadable", "is_complete"}
    known |= {"unread_types", "partial_types"}
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
        observation("85354-9", valueQuantity=quantity(120, "mm[Hg]")),
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
    ],
)
def test_the_time_of_a_value_has_several_places(when: Resource, day: date) -> None:
    undated = pain(7)
    del undated["effectiveDateTime"]
    found = read(undated | when).pain_nrs
    assert found
    assert found.recorded_on == day


def test_a_value_that_is_too_old_or_undated_is_shown_and_not_used() -> None:
    undated = pain(7)
    del undated["effectiveDateTime"]
    old = pain(7, effectiveDateTime="2025-12-30")
    for resource, day in ((undated, None), (old, date(2025, 12, 30))):
        features = read(resource)
        assert features.pain_nrs is None
        (found,) = features.outdated
        assert (found.field, found.limit_days) == ("pain_nrs", 90)
        assert (found.value.value, found.value.recorded_on) == (7, day)
    assert read(pain(7, effectiveDateTime="2025-12-31")).pain_nrs


def test_an_old_value_is_not_shown_beside_a_current_one() -> None:
    assert not read(pain(7, effectiveDateTime="2020"), pain(3, "22")).outdated


def egfr(value: float, when: str) -> Resource:
    unit = quantity(value, "mL/min/{1.73_m2}")
    return observation("98979-8", valueQuantity=unit, effectiveDateTime=when)


def test_a_kidney_that_was_diseased_counts_however_long_ago() -> None:
    assert read(egfr(59, "2020")).egfr_ml_min
    healthy = read(egfr(60, "2020"))
    assert healthy.egfr_ml_min is None
    assert [item.field for item in healthy.outdated] == ["egfr_ml_min"]


@pytest.mark.parametrize(
    ("code", "value", "unit", "field", "expected"),
    [
        ("8302-2", 1.7, "m", "height_cm", 170),
        ("8302-2", 67, "[in_i]", "height_cm", 170.18),
        ("98979-8", 0.8, "mL/s/{1.73_m2}", "egfr_ml_min", 48),
        ("39156-5", 0.00279, "kg/cm2", "bmi_kg_m2", 27.9),
    ],
)
def test_other_units_of_the_same_kind_are_converted_and_it_is_said(
    code: str, value: float, unit: str, field: str, expected: float
) -> None:
    found = getattr(read(observation(code, valueQuantity=quantity(value, unit))), field)
    assert found.value == pytest.approx(expected)
    assert found.method == f"converted from {unit}"


def test_body_mass_index_is_made_of_height_and_weight_where_it_is_absent() -> None:
    height = observation("8302-2", "1", valueQuantity=quantity(170, "cm"))
    weight = observation("29463-7", "2", valueQuantity=quantity(154, "[lb_av]"))
    bmi = read(height, weight).bmi_kg_m2
    assert bmi
    assert bmi.value == pytest.approx(24.17, abs=0.01)
    assert bmi.source == "Observation/2"
    assert bmi.method == "from this weight and the height of Observation/1"
    charted = observation("39156-5", "3", valueQuantity=quantity(27, "kg/m2"))
    assert read(height, weight, charted).bmi_kg_m2 == read(charted).bmi_kg_m2
    assert read(height).bmi_kg_m2 is None
    tiny = observation("8302-2", "1", valueQuantity=quantity(50, "cm"))
    assert read(tiny, weight).bmi_kg_m2 is None
    old = weight | {"effectiveDateTime": "2024"}
    assert (read(height, old).bmi_kg_m2, read(height, old).outdated) == (None, ())


def site_of(code: str) -> Resource:
    return {"coding": [{"system": "http://snomed.info/sct", "code": code}]}


@pytest.mark.parametrize(
    ("body_site", "field"),
    [
        (site_of("122496007"), "back_pain_nrs"),
        (site_of("61685007"), "leg_pain_nrs"),
        (None, "pain_nrs"),
        (site_of("45048000"), None),
    ],
)
def test_pain_is_of_the_place_that_it_names(
    body_site: Resource | None, field: str | None
) -> None:
    features = read(pain(7, **({"bodySite": body_site} if body_site else {})))
    fields = ("pain_nrs", "back_pain_nrs", "leg_pain_nrs")
    assert [name for name in fields if getattr(features, name)] == (
        [field] if field else []
    )
    assert features.unreadable == 0


def test_a_site_names_its_own_code_of_a_number() -> None:
    own = observation("x", valueQuantity=quantity(7, "{score}"))
    own["code"] = {"coding": [{"system": "urn:site", "code": "LEG"}]}
    site = SiteCodes(values={("urn:site", "LEG"): "leg_pain_nrs"})
    assert read(own).leg_pain_nrs is None
    found = clinical_features(PATIENT, [own], today=TODAY, site=site)
    assert found.leg_pain_nrs


@pytest.mark.parametrize(
    ("code", "field", "value", "unit"),
    [
        ("91351-7", "start_back_score", 6, "{score}"),
        ("75893-8", "pain_nrs", 6, "{score}"),
    ],
)
def test_other_scores_are_read(code: str, field: str, value: float, unit: str) -> None:
    features = read(observation(code, valueQuantity=quantity(value, unit)))
    assert getattr(features, field).value == value


def test_the_health_index_may_be_negative() -> None:
    index = observation("x", valueQuantity=quantity(-0.2, "1"))
    index["code"] = site_of("736534008")
    found = read(index).eq5d_index
    assert found
    assert found.value == -0.2


def test_how_long_it_has_hurt_is_told_by_the_earliest_onset() -> None:
    features = read(
        condition("279039007", id="1", onsetDateTime="2026-03-01"),
        condition("278860009", id="2", onsetDateTime="2025-03-01"),
        condition("23056005", id="3", onsetDateTime="2026-01-27"),
        condition("128196005", id="4"),
    )
    assert features.back_pain_weeks
    assert features.back_pain_weeks.value == 56
    assert features.back_pain_weeks.source == "Condition/2"
    assert features.leg_pain_weeks
    assert features.leg_pain_weeks.value == 9


def test_a_resource_that_two_searches_bring_is_read_once() -> None:
    features = read(pain(11), pain(11), condition("23056005"), condition("23056005"))
    assert features.unreadable == 1
    assert len(features.conditions) == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [("266919005", Smoking.NEVER), ("449868002", Smoking.CURRENT), ("266927001", None)],
)
def test_tobacco_is_understood_where_its_code_is_known(
    code: str, status: Smoking | None
) -> None:
    features = read(observation("72166-2", valueCodeableConcept=site_of(code)))
    assert (features.smoking.status if features.smoking else None) == status
    if features.smoking:
        assert features.smoking.source == "Observation/21"
        assert features.smoking.recorded_on == date(2026, 3, 1)


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
        [
            *("id", "status", "code", "subject", "effectiveDateTime", "valueQuantity"),
            *("bodySite", "onsetDateTime", "recordedDate", "item", "questionnaire"),
            *("authored", "authoredOn", "performedPeriod", "effectivePeriod"),
            *("medicationCodeableConcept", "intent", "doNotPerform"),
        ]
    ),
    junk=json_values,
)
def test_junk_from_a_server_is_counted_or_silent_and_never_an_exception(
    element: str, junk: object
) -> None:
    broken = [
        {**resource, element: junk}
        for resource in (
            pain(7),
            condition("279039007"),
            procedure("91251008"),
            drug("Ibuprofen"),
            drug("Warfarin", resource_type="MedicationStatement"),
            oswestry([1] * 10),
        )
    ]
    assert read(*broken).unreadable >= 0
