"""The EHR's FHIR server keeps R4's rules and the limits of a token."""

from typing import Any

import pytest
import requests

from sandbox.services import Ehr
from tests.sandbox.conftest import bundle
from tests.sandbox.smart_client import TIMEOUT_S, Fhir

ALL = "launch patient/*.cruds"
IDENTIFIER = {"system": "urn:example", "value": "1"}


def observation(patient: str = "ada", **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "Disc height"},
        "subject": {"reference": f"Patient/{patient}"},
        "valueQuantity": {"value": 9.5, "unit": "mm"},
    } | changes


def transaction(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [
        {
            "fullUrl": f"urn:uuid:00000000-0000-4000-8000-{number:012}",
            "resource": resource,
            "request": {"method": "POST", "url": resource["resourceType"]},
        }
        for number, resource in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def test_no_token_no_answer(hospital: Ehr) -> None:
    answer = requests.get(f"{hospital.fhir_base}/Patient/ada", timeout=TIMEOUT_S)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("scope", "read", "search", "create"),
    [
        ("patient/Patient.read patient/Observation.read", 200, 200, 403),
        ("patient/Patient.r patient/Observation.c", 200, 403, 201),
        ("patient/Patient.s patient/Observation.s", 403, 200, 403),
        ("patient/Patient.read patient/Observation.write", 200, 403, 201),
        ("patient/*.*", 200, 200, 201),
        ("user/Patient.rs user/Observation.crus", 200, 200, 201),
    ],
)
def test_scopes_decide_on_read_search_and_create(
    hospital: Ehr, scope: str, read: int, search: int, create: int
) -> None:
    fhir = Fhir(hospital, scope=f"launch {scope}", patient="ada")
    assert fhir.get("Patient/ada").status_code == read
    assert fhir.get("Observation?subject=Patient/ada").status_code == search
    assert fhir.post("Observation", json=observation()).status_code == create


@pytest.mark.parametrize(
    ("scope", "status"), [("openid fhirUser", 200), ("openid", 403)]
)
def test_fhir_user_scope_shows_the_user_and_nobody_else(
    hospital: Ehr, scope: str, status: int
) -> None:
    wanted = f"launch {scope} patient/Patient.r"
    fhir = Fhir(hospital, scope=wanted, patient="ada", user="Practitioner/doc")
    assert fhir.get("Practitioner/doc").status_code == status
    assert fhir.get("Practitioner/other").status_code == 403


def test_scopes_decide_on_each_entry_of_a_transaction(hospital: Ehr) -> None:
    fhir = Fhir(hospital, scope="launch patient/Observation.c", patient="ada")
    device: dict[str, Any] = {"resourceType": "Device"}
    answer = fhir.post("", json=transaction(observation(), device))
    assert answer.status_code == 403
    assert hospital.resources("Observation") == []


def test_patient_scope_shows_no_other_patient(hospital: Ehr) -> None:
    hospital.load(bundle(observation("bob") | {"id": "of-bob"}))
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    assert fhir.get("Patient/bob").status_code == 404
    assert fhir.get("Observation/of-bob").status_code == 404
    assert fhir.get("Observation").json()["total"] == 0
    assert fhir.get("Patient").json()["total"] == 1


def test_patient_scope_writes_to_no_other_patient(hospital: Ehr) -> None:
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    assert fhir.post("Observation", json=observation("bob")).status_code == 403
    mixed = transaction(observation("ada"), observation("bob"))
    assert fhir.post("", json=mixed).status_code == 403
    assert hospital.resources("Observation") == []


def test_provenance_belongs_to_the_patient_of_its_target(hospital: Ehr) -> None:
    hospital.load(bundle(observation("bob") | {"id": "of-bob"}))
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    provenance: dict[str, Any] = {
        "resourceType": "Provenance",
        "target": [{"reference": "Observation/of-bob"}],
        "recorded": "2026-01-01T00:00:00Z",
        "agent": [{"who": {"reference": "Practitioner/doc"}}],
    }
    assert fhir.post("Provenance", json=provenance).status_code == 403


def test_user_scope_reaches_all_patients(hospital: Ehr) -> None:
    fhir = Fhir(hospital, scope="launch user/Patient.rs", patient="ada")
    assert fhir.get("Patient").json()["total"] == 2


def test_transaction_resolves_references_between_its_entries(hospital: Ehr) -> None:
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    device: dict[str, Any] = {"resourceType": "Device"}
    urn = "urn:uuid:00000000-0000-4000-8000-000000000000"
    measured = observation(device={"reference": urn})
    answer = fhir.post("", json=transaction(device, measured))
    assert answer.status_code == 200
    [stored] = hospital.resources("Observation")
    assert stored["device"]["reference"] == (
        f"Device/{hospital.resources('Device')[0]['id']}"
    )


def test_transaction_with_one_bad_entry_stores_nothing(hospital: Ehr) -> None:
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    bad = observation(status="not-a-status")
    answer = fhir.post("", json=transaction(observation(), bad))
    assert answer.status_code == 400
    assert hospital.resources("Observation") == []


def test_server_can_be_one_without_transactions(hospital: Ehr) -> None:
    hospital.play("open", transactions=False)
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    assert "interaction" not in fhir.get("metadata").json()["rest"][0]
    assert fhir.post("", json=transaction(observation())).status_code == 400


@pytest.mark.parametrize(
    "broken",
    [
        {"status": "not-a-status"},
        {"code": None},
        {"unknownField": 1},
        {"subject": "Patient/ada"},
    ],
)
def test_invalid_resource_is_refused(hospital: Ehr, broken: dict[str, Any]) -> None:
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    resource = {k: v for k, v in observation(**broken).items() if v is not None}
    answer = fhir.post("Observation", json=resource)
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_conditional_create_creates_once(hospital: Ehr) -> None:
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    condition = {"If-None-Exist": "identifier=urn:example|1"}
    resource = observation(identifier=[IDENTIFIER])
    statuses = [
        fhir.post("Observation", json=resource, headers=condition).status_code
        for _ in range(2)
    ]
    assert statuses == [201, 200]
    assert len(hospital.resources("Observation")) == 1


def test_conditional_create_is_validated_too(hospital: Ehr) -> None:
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    condition = {"If-None-Exist": "identifier=urn:example|1"}
    bad = observation(identifier=[IDENTIFIER], status="not-a-status")
    answer = fhir.post("Observation", json=bad, headers=condition)
    assert answer.status_code == 400


def test_update_of_an_old_version_is_refused(hospital: Ehr) -> None:
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    created = fhir.post("Observation", json=observation())
    etag, resource = created.headers["etag"], created.json()
    assert created.headers["location"].endswith(
        f"/Observation/{resource['id']}/_history/{resource['meta']['versionId']}"
    )
    address = f"Observation/{resource['id']}"
    statuses = [
        fhir.put(address, json=resource, headers={"If-Match": etag}).status_code
        for _ in range(2)
    ]
    assert statuses == [200, 412]


def test_server_chooses_the_ids(hospital: Ehr) -> None:
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    mine = observation(id="mine")
    assert fhir.post("Observation", json=mine).json()["id"] != "mine"
    assert fhir.put("Observation/mine", json=mine).status_code == 404


def test_pages_of_a_search_hold_every_resource_once(hospital: Ehr) -> None:
    own = [observation() | {"id": f"n{number}"} for number in range(7)]
    hospital.load(bundle(*own, observation("bob") | {"id": "of-bob"}))
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    url, seen = "Observation?_count=3", []
    while url:
        page = fhir.get(url).json()
        assert page["total"] == 7
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        links = {link["relation"]: link["url"] for link in page["link"]}
        url = links.get("next", "")
    assert sorted(seen) == [f"n{number}" for number in range(7)]


def test_search_by_identifier_finds_the_system_and_value(hospital: Ehr) -> None:
    found = observation(identifier=[IDENTIFIER]) | {"id": "found"}
    hospital.load(bundle(found, observation() | {"id": "other"}))
    fhir = Fhir(hospital, scope=ALL, patient="ada")
    answer = fhir.get("Observation", params={"identifier": "urn:example|1"}).json()
    assert [entry["resource"]["id"] for entry in answer["entry"]] == ["found"]
