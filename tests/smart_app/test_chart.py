"""What an EHR holds is read with its origin, and what it refuses is named."""

import json
from pathlib import Path

import pytest

from fhir_mappings.gather import OPTIONAL_TYPES
from inference.results import ClinicalFeatures, Flag, TreatmentKind
from sandbox.services import Ehr
from smart_app.cases.store import kept_case
from smart_app.fhir_server import chart
from smart_app.launch.smart import needed_permissions
from tests.fhir_mappings import charts
from tests.smart_app.charts import CHART, load, renumbered
from tests.smart_app.clinic import Browser, Clinic, settings_in

ADA = {"reference": "Patient/ada"}
NSAID = TreatmentKind.NSAID


def chart_of(clinic: Clinic, case: str) -> ClinicalFeatures:
    found = kept_case(clinic.services, case.strip("/").split("/")[-1])
    assert found
    return found.chart


def fill(ehr: Ehr) -> None:
    """Give Ada therapy, a drug, a referral, a questionnaire and surgery long ago."""
    course = {"performedPeriod": {"start": "2026-01-01", "end": "2026-03-12"}}
    referral = charts.procedure("308447003", "r1", intent="order", subject=ADA)
    load(
        ehr,
        charts.procedure("91251008", "p1", subject=ADA, **course),
        charts.procedure("178625001", "p2", subject=ADA, performedDateTime="2009"),
        charts.drug("Apixaban 5 MG Oral Tablet", id="m1", subject=ADA),
        charts.drug(
            "Naproxen 500 MG", id="m2", subject=ADA, resource_type="MedicationStatement"
        ),
        referral | {"resourceType": "ServiceRequest", "status": "active"},
        charts.oswestry([3, 2, 4, 1, 3, 2, 0, 3, 2, 2], id="q1", subject=ADA),
    )


def test_all_that_a_therapy_depends_on_is_read(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    fill(hospital)
    case = browser.open(patient="ada")
    clinic.work()
    features = chart_of(clinic, case)
    assert (features.unreadable, features.is_complete) == (0, True)
    assert features.unread_types == ()
    assert features.weeks_tried(TreatmentKind.EXERCISE) == 10
    assert {(t.kind, t.source, t.was_given) for t in features.treatments} == {
        (TreatmentKind.EXERCISE, "Procedure/p1", True),
        (TreatmentKind.EXERCISE, "ServiceRequest/r1", False),
        (TreatmentKind.NSAID, "MedicationStatement/m2", True),
    }
    assert features.has(Flag.SPINE_SURGERY)
    assert features.has(Flag.ANTICOAGULANT)
    scores = [item.value for item in features.outdated if item.field == "odi_percent"]
    scores += [features.odi_percent] if features.odi_percent else []
    assert [item.source for item in scores] == ["QuestionnaireResponse/q1"]


@pytest.mark.parametrize(
    ("personality", "unread"),
    [
        ("open", ()),
        ("medplum", ()),
        ("epic", ("MedicationStatement",)),
        ("oracle", ("MedicationStatement",)),
    ],
)
def test_every_ehr_tells_the_same_except_of_types_that_it_does_not_have(
    hospital: Ehr,
    clinic: Clinic,
    browser: Browser,
    *,
    personality: str,
    unread: tuple[str, ...],
) -> None:
    fill(hospital)
    hospital.play(personality, maxCount=2)
    case = browser.open(patient="ada")
    clinic.work()
    features = chart_of(clinic, case)
    assert (features.unreadable, features.partial_types) == (0, ())
    assert features.unread_types == unread
    kinds = {item.kind for item in features.treatments}
    assert kinds == {TreatmentKind.EXERCISE} | (set() if unread else {NSAID})
    assert features.has(Flag.SPINE_SURGERY)
    assert features.has(Flag.ANTICOAGULANT)
    assert {"pain_nrs", "odi_percent"} == {old.field for old in features.outdated}


def test_what_the_ehr_does_not_let_be_read_is_named_and_stops_nothing(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    fill(hospital)
    needed = needed_permissions()
    refused = [f"patient/{n}.{needed[n]}" for n in ("Procedure", "ServiceRequest")]
    case = browser.open(patient="ada", refuseScopes=refused)
    hospital.fault(path="/MedicationRequest", status=500)
    clinic.work()
    features = chart_of(clinic, case)
    assert features.unread_types == (
        *("Procedure", "MedicationRequest", "ServiceRequest"),
    )
    assert [t.kind for t in features.treatments] == [TreatmentKind.NSAID]
    page = browser.client.get(case).text
    assert "did not let this application read: Procedure, MedicationRequest" in page


def test_a_part_of_a_chart_is_named_as_a_part(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    load(hospital, *(charts.pain(x, f"n{x}", subject=ADA) for x in range(3)))
    case = browser.open(patient="ada")
    hospital.play("hostile", trick="endless-paging")
    clinic.work()
    assert "Observation" in chart_of(clinic, case).partial_types
    assert (
        "only a part of the chart: Condition, Observation"
        in browser.client.get(case).text
    )


def test_a_slow_ehr_is_not_asked_for_what_can_be_left_out(
    hospital: Ehr, clinic: Clinic, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    del hospital
    monkeypatch.setattr(chart, "MAX_CHART_S", -1)
    case = browser.open(patient="ada")
    clinic.work()
    assert chart_of(clinic, case).unread_types == OPTIONAL_TYPES


def test_a_study_that_may_be_on_a_missing_page_is_not_said_to_be_absent(
    ehr: Ehr, clinic: Clinic, browser: Browser
) -> None:
    load(ehr, *CHART)
    load(ehr, renumbered())
    case = browser.open(patient="ada")
    page = {"resourceType": "Bundle", "type": "searchset", "total": 1}
    ehr.fault(path="/ImagingStudy", status=200, body=page)
    clinic.work()
    assert "The EHR failed" in browser.status(case)["advice"]
    browser.post(case, "retry")
    clinic.work()
    assert "no available MRI" in browser.status(case)["advice"]


def test_a_type_that_is_needed_stops_the_analysis(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    case = browser.open(patient="ada")
    hospital.fault(path="/Condition", status=500)
    clinic.work()
    assert browser.status(case)["state"] == "failed"


def test_the_codes_of_a_site_are_understood(
    tmp_path: Path, hospital: Ehr, issuers: Path, clinic_port: int
) -> None:
    own = {"coding": [{"system": "http://example.org/local", "code": "LEG"}]}
    pain = charts.pain(8, "own", code=own, subject=ADA, effectiveDateTime="2026-03-01")
    load(hospital, pain)
    table = tmp_path / "codes.json"
    table.write_text(
        json.dumps({"values": {"http://example.org/local|LEG": "leg_pain_nrs"}})
    )
    (entry,) = json.loads(issuers.read_text())
    issuers.write_text(json.dumps([entry | {"site_codes_file": str(table)}]))
    base_url = f"http://127.0.0.1:{clinic_port}"
    site = Clinic(settings_in(tmp_path / "site", issuers=issuers, base_url=base_url))
    case = Browser(site, hospital).open(patient="ada")
    site.work()
    features = chart_of(site, case)
    known = [features.leg_pain_nrs] if features.leg_pain_nrs else []
    old = [x.value for x in features.outdated if x.field == "leg_pain_nrs"]
    assert [item.source for item in [*known, *old]] == ["Observation/own"]


@pytest.mark.parametrize("kind", ["Observation", "MedicationStatement"])
def test_a_chart_of_another_patient_is_never_read(
    hospital: Ehr, clinic: Clinic, browser: Browser, kind: str
) -> None:
    bob = {"reference": "Patient/bob"}
    foreign = {
        "Observation": charts.pain(9, "bobs", subject=bob),
        "MedicationStatement": charts.drug(
            "Apixaban", id="bobs", subject=bob, resource_type="MedicationStatement"
        ),
    }
    load(hospital, foreign[kind])
    case = browser.open(patient="ada")
    clinic.work()
    features = chart_of(clinic, case)
    assert not features.has(Flag.ANTICOAGULANT)
    assert "bobs" not in str(features)
