"""The EHR can behave like those of the makers that an app will meet."""

from typing import Any

import pytest

from sandbox.errors import SandboxError
from sandbox.services import Ehr
from tests.sandbox.ehr.test_fhir import ALL, observation, transaction
from tests.sandbox.smart_client import Fhir, token

Resource = dict[str, Any]
LOINC = "http://loinc.org"
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"


def coded(code: str, **changes: Any) -> Resource:  # noqa: ANN401
    return observation(code={"coding": [{"system": LOINC, "code": code}]}, **changes)


def categorized(code: str, **changes: Any) -> Resource:  # noqa: ANN401
    category = [{"coding": [{"system": CATEGORIES, "code": code}]}]
    when = {"effectiveDateTime": "2026-01-02T03:04:05Z"}
    return observation(category=category, **when, **changes)


def plan() -> Resource:
    return {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": "Patient/ada"},
    }


def stated(fhir: Fhir) -> dict[str, set[str]]:
    """What the CapabilityStatement says that each type can do."""
    (rest,) = fhir.get("metadata").json()["rest"]
    return {
        item["type"]: {interaction["code"] for interaction in item["interaction"]}
        for item in rest["resource"]
    }


def issues(answer: Any) -> list[str]:  # noqa: ANN401 - requests.Response
    found = answer.json()["issue"]
    return [issue["details"]["coding"][0]["code"] for issue in found]


def able(fhir: Fhir, interaction: str) -> set[str]:
    """Return the types that can do something, by the CapabilityStatement."""
    return {name for name, codes in stated(fhir).items() if interaction in codes}


def test_epic_states_11_types_with_create_and_7_with_update(hospital: Ehr) -> None:
    hospital.play("epic")
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    assert len(able(fhir, "create")) == 11
    assert len(able(fhir, "update")) == 7
    assert "Provenance" not in able(fhir, "create") | able(fhir, "search-type")


def test_oracle_states_creates_of_documents_but_of_no_plan(hospital: Ehr) -> None:
    hospital.play("oracle")
    creates = able(Fhir(hospital, scope=ALL, patient="ada"), "create")
    documents = {"DiagnosticReport", "DocumentReference", "Observation", "Provenance"}
    assert documents <= creates
    assert not {"CarePlan", "Device", "RiskAssessment"} & creates


@pytest.mark.parametrize("name", ["epic", "oracle"])
def test_neither_takes_a_plan_or_a_transaction(hospital: Ehr, name: str) -> None:
    hospital.play(name)
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    assert fhir.post("CarePlan", json=plan()).status_code == 405
    assert fhir.post("", json=transaction(plan())).status_code == 400
    assert fhir.post("RiskAssessment", json={}).status_code == 404
    assert hospital.resources("CarePlan") == []


def test_epic_files_observations_into_mapped_rows_only(hospital: Ehr) -> None:
    hospital.play("epic")
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    unmapped = fhir.post("Observation", json=observation())
    assert (unmapped.status_code, issues(unmapped)) == (400, ["59188"])
    mapped = coded("72514-3")
    assert fhir.post("Observation", json=mapped).status_code == 201
    mapped.pop("valueQuantity")
    assert issues(fhir.post("Observation", json=mapped)) == ["59189"]
    patient = Fhir(hospital, scope=ALL, patient="ada", user="Patient/ada")
    assert issues(patient.post("Observation", json=coded("72514-3"))) == ["59187"]


def test_epic_makes_no_conditional_create_of_what_it_is_asked(hospital: Ehr) -> None:
    hospital.play("epic")
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    resource = coded("72514-3", identifier=[{"system": "urn:example", "value": "1"}])
    for _ in range(2):
        condition = {"If-None-Exist": "identifier=urn:example|1"}
        fhir.post("Observation", json=resource, headers=condition)
    assert len(hospital.resources("Observation")) == 2


def test_epic_wants_a_category_or_a_code_and_warns_of_what_it_does_not_know(
    hospital: Ehr,
) -> None:
    hospital.play("epic")
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    assert issues(fhir.get("Observation?patient=ada")) == ["59108"]
    entries = fhir.get("Condition?patient=ada&zzz=1").json()["entry"]
    assert [entry["search"]["mode"] for entry in entries] == ["outcome"]


def test_oracle_drops_fields_without_a_word(hospital: Ehr) -> None:
    hospital.play("oracle")
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    sent = categorized(
        "laboratory",
        identifier=[{"value": "1"}],
        bodySite={"text": "L4/L5"},
        note=[{"text": "kept"}],
    )
    answer = fhir.post("Observation", json=sent)
    assert (answer.status_code, answer.content) == (201, b"")
    kept = fhir.get(answer.headers["Location"]).json()
    assert set(sent) - set(kept) == {"identifier", "bodySite"}


@pytest.mark.parametrize(
    "resource",
    [
        categorized("imaging"),
        categorized("laboratory", modifierExtension=[{"url": "urn:x"}]),
        categorized("laboratory") | {"effectiveDateTime": None},
    ],
)
def test_oracle_refuses_what_it_cannot_keep(hospital: Ehr, resource: Resource) -> None:
    hospital.play("oracle")
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    sent = {name: value for name, value in resource.items() if value is not None}
    assert fhir.post("Observation", json=sent).status_code == 422


def test_oracle_gives_tokens_of_570_seconds(hospital: Ehr) -> None:
    hospital.play("oracle")
    assert token(hospital, patient="ada")["expires_in"] == 570


def test_medplum_does_not_pass_over_an_unknown_parameter(hospital: Ehr) -> None:
    hospital.play("medplum")
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    assert fhir.get("Condition?patient=ada&_count=5").status_code == 200
    assert fhir.get("Condition?patient=ada&zzz=1").status_code == 400


@pytest.mark.parametrize(("entries", "status"), [(8, 200), (9, 400)])
def test_a_transaction_with_a_condition_has_eight_entries_at_most(
    hospital: Ehr, entries: int, status: int
) -> None:
    hospital.play("medplum")
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    bundle = transaction(*(observation() for _ in range(entries)))
    bundle["entry"][0]["request"]["ifNoneExist"] = "identifier=urn:example|1"
    assert fhir.post("", json=bundle).status_code == status


def test_a_reset_ends_a_personality(hospital: Ehr) -> None:
    hospital.play("epic")
    hospital.reset()
    statement = Fhir(hospital, scope=ALL, patient="ada").get("metadata").json()
    assert statement["rest"][0]["interaction"]


def test_an_unknown_personality_is_an_error(hospital: Ehr) -> None:
    with pytest.raises(SandboxError, match="play"):
        hospital.play("epik")
