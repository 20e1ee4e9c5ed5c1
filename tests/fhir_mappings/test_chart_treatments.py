"""What was tried is told from what was only ordered, and for how long."""

from datetime import date

import pytest

from fhir_mappings.gather import clinical_features
from fhir_mappings.site_codes import SiteCodes
from inference.results import ClinicalFeatures, Flag, TreatmentKind
from tests.fhir_mappings.charts import PATIENT, Resource, drug, procedure

TODAY = date(2026, 3, 31)


def read(*resources: Resource, site: SiteCodes | None = None) -> ClinicalFeatures:
    codes = site or SiteCodes()
    return clinical_features(PATIENT, resources, today=TODAY, site=codes)


def period(start: str, end: str | None = None) -> Resource:
    return {"performedPeriod": {"start": start} | ({"end": end} if end else {})}


def test_a_course_of_physical_therapy_keeps_its_weeks_and_its_source() -> None:
    course = procedure("91251008", **period("2025-12-01", "2026-02-09"))
    (found,) = read(course).treatments
    assert (found.kind, found.weeks) == (TreatmentKind.EXERCISE, 10)
    assert (found.source, found.label) == ("Procedure/41", "As done")
    assert found.started_on == date(2025, 12, 1)
    assert found.was_given


@pytest.mark.parametrize(
    ("elements", "weeks"),
    [
        ({"status": "in-progress", **period("2026-03-01")}, 4),
        ({"status": "completed", **period("2026-03-01")}, None),
        (period("2026-01", "2026-03"), 4),
        (period("2026-03-01", "2027-01-01"), 4),
        ({"performedDateTime": "2026-03-01"}, None),
        ({}, None),
        (period("2026-03-01", "2026-02-01"), None),
    ],
)
def test_it_lasted_no_longer_than_the_chart_surely_says(
    elements: Resource, weeks: int | None
) -> None:
    (found,) = read(procedure("91251008", **elements)).treatments
    assert found.weeks == weeks


def test_sessions_count_from_the_first_to_the_last() -> None:
    sessions = [
        procedure("229065009", str(number), performedDateTime=f"2026-{month:02}-15")
        for number, month in enumerate((1, 2, 3))
    ]
    features = read(*sessions)
    assert features.weeks_tried(TreatmentKind.EXERCISE) == 8
    assert features.weeks_tried(TreatmentKind.NSAID) is None
    assert read(sessions[0]).weeks_tried(TreatmentKind.EXERCISE) is None
    assert [t.source for t in features.treatments] == [
        *("Procedure/2", "Procedure/1", "Procedure/0")
    ]


@pytest.mark.parametrize("status", ["preparation", "not-done", "entered-in-error"])
def test_what_was_not_done_was_not_tried(status: str) -> None:
    assert not read(procedure("91251008", status=status)).treatments


def test_what_ended_years_ago_was_not_for_the_pain_of_today() -> None:
    assert not read(procedure("91251008", performedDateTime="2024-03-30")).treatments
    assert read(procedure("91251008", performedDateTime="2024-04-01")).treatments


def test_a_future_act_is_counted_and_not_used() -> None:
    features = read(procedure("91251008", performedDateTime="2026-04-02"))
    assert (features.treatments, features.unreadable) == ((), 1)


def referral(**elements: object) -> Resource:
    act = procedure("308447003", status="active", intent="order", **elements)
    return act | {"resourceType": "ServiceRequest", "authoredOn": "2026-03-01"}


def test_an_order_is_no_treatment_that_was_given() -> None:
    (found,) = read(referral()).treatments
    assert (found.was_given, found.weeks) == (False, None)
    assert read(referral()).weeks_tried(TreatmentKind.EXERCISE) is None


@pytest.mark.parametrize(
    "elements",
    [{"doNotPerform": True}, {"intent": "proposal"}, {"status": "revoked"}],
)
def test_what_nobody_ordered_is_no_order(elements: Resource) -> None:
    assert not read(referral() | elements).treatments


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("Ibuprofen 200 MG Oral Tablet", [TreatmentKind.NSAID]),
        ("NAPROXEN", [TreatmentKind.NSAID]),
        ("Acetaminophen 300 MG / HYDROcodone 5 MG", [TreatmentKind.OPIOID]),
        ("Diclofenac 1 % Topical Gel", []),
        ("buprenorphine 2 MG / naloxone 0.5 MG", []),
        ("Ibuprofenum", []),
        ("Lisinopril 10 MG", []),
    ],
)
def test_a_drug_is_known_by_the_name_of_its_substance(
    words: str, kinds: list[TreatmentKind]
) -> None:
    assert [t.kind for t in read(drug(words)).treatments] == kinds


def test_a_prescription_may_not_have_been_taken_and_a_statement_says_that_it_was() -> (
    None
):
    (prescribed,) = read(drug("Ibuprofen", authoredOn="2026-03-01")).treatments
    taken = {"start": "2026-03-01"}
    statement = drug(
        "Ibuprofen", resource_type="MedicationStatement", effectivePeriod=taken
    )
    (stated,) = read(statement).treatments
    assert (prescribed.was_given, prescribed.weeks) == (False, None)
    assert (stated.was_given, stated.weeks) == (True, 4)


def coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def test_classes_of_atc_are_understood() -> None:
    nsaid = drug(
        "", medicationCodeableConcept=coded("http://www.whocc.no/atc", "M01AE")
    )
    (found,) = read(nsaid).treatments
    assert (found.kind, found.label) == (TreatmentKind.NSAID, TreatmentKind.NSAID.value)
    xa = drug("", medicationCodeableConcept=coded("http://www.whocc.no/atc", "B01AF02"))
    assert [item.flag for item in read(xa).conditions] == [Flag.ANTICOAGULANT]


def test_an_anticoagulant_that_is_taken_now_is_a_flag_with_its_source() -> None:
    (found,) = read(drug("Apixaban 5 MG", authoredOn="2026-01-05")).conditions
    assert (found.flag, found.label) == (Flag.ANTICOAGULANT, "Apixaban 5 MG")
    assert found.source == "MedicationRequest/51"
    assert found.recorded_on == date(2026, 1, 5)
    assert not read(drug("Apixaban 5 MG", status="stopped")).conditions


def test_a_drug_without_a_name_is_counted_once() -> None:
    elsewhere = drug("x", medicationReference={"reference": "Medication/1"})
    del elsewhere["medicationCodeableConcept"]
    assert read(elsewhere).unreadable == 1
    named = {"reference": "Medication/1", "display": "Warfarin"}
    assert read(elsewhere | {"medicationReference": named}).conditions


def test_surgery_of_the_spine_is_a_flag() -> None:
    (found,) = read(procedure("178625001", performedDateTime="2009")).conditions
    assert (found.flag, found.source) == (Flag.SPINE_SURGERY, "Procedure/41")
    assert not read(procedure("178625001", status="not-done")).conditions


def test_a_site_names_its_own_acts_and_drugs() -> None:
    site = SiteCodes(
        treatments={("urn:site", "PT"): TreatmentKind.EXERCISE},
        flags={("urn:site", "FUSION"): Flag.SPINE_SURGERY},
    )
    therapy = procedure("", code=coded("urn:site", "PT"))
    fusion = procedure("", "42", code=coded("urn:site", "FUSION"))
    features = read(therapy, fusion, site=site)
    assert [t.kind for t in features.treatments] == [TreatmentKind.EXERCISE]
    assert features.has(Flag.SPINE_SURGERY)
