"""Anybody can read what our codes and profiles mean, at the addresses that we name."""

import json
from base64 import b64decode

import pytest
from flask.testing import FlaskClient

from fhir_mappings.codes import CODE_SYSTEM
from inference.manifest import WEIGHTS
from inference.transparency.model_cards import model_cards
from smart_app.pages.definitions import published
from tests.smart_app.clinic import Clinic


@pytest.fixture
def client(clinic: Clinic) -> FlaskClient:
    """A browser that never launched anything."""
    return clinic.app.test_client()


def test_the_index_leads_to_every_definition(client: FlaskClient) -> None:
    page = client.get("/fhir/").text
    for address, resource in published().items():
        assert f'href="/fhir/{address}"' in page
        answer = client.get(f"/fhir/{address}")
        assert answer.mimetype == "application/fhir+json"
        assert json.loads(answer.data) == resource
    assert CODE_SYSTEM in page


def test_a_model_card_is_served_as_the_provenance_names_it(client: FlaskClient) -> None:
    found = client.get("/fhir/DocumentReference/spoils-segmentation").get_json(
        force=True
    )
    data = b64decode(found["content"][0]["attachment"]["data"]).decode()
    assert data == (WEIGHTS / "segmentation.MODEL_CARD.md").read_text("utf-8")
    assert len(model_cards()) == 5


@pytest.mark.parametrize("address", ["CodeSystem/other", "Patient/ada"])
def test_nothing_else_is_served(client: FlaskClient, address: str) -> None:
    assert client.get(f"/fhir/{address}").status_code == 404
