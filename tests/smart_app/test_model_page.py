"""What is known of the models can be read by anybody, and no patient is near."""

import json
import re

import pytest
from flask.testing import FlaskClient

from inference.manifest import WEIGHTS
from inference.transparency.source_attributes import manifests, source_attributes
from tests.smart_app.clinic import Clinic


@pytest.fixture
def client(clinic: Clinic) -> FlaskClient:
    """A browser that never launched anything."""
    return clinic.app.test_client()


def test_the_page_has_every_attribute_and_every_model(client: FlaskClient) -> None:
    answer = client.get("/models")
    assert answer.status_code == 200
    found = source_attributes()
    numbers = [
        [item.number for category in part for item in category.attributes]
        for part in (found.predictive, found.evidence_based)
    ]
    assert numbers == [[*range(1, 32)], [*range(1, 14)]]
    for part in (found.predictive, found.evidence_based):
        for category in part:
            for item in category.attributes:
                assert f"<dt>{item.number}. " in answer.text
                assert item.answer
    for model in found.models:
        assert model.sha256 in answer.text


def test_the_same_is_served_as_json_with_the_numbers_of_the_manifests(
    client: FlaskClient,
) -> None:
    answer = client.get("/models.json")
    assert answer.mimetype == "application/json"
    document = json.loads(answer.text)
    assert not re.search(r"\{\w+\}", answer.text)  # every number was filled in
    validity = document["predictive"][6]["attributes"][0]["answer"]
    for path in manifests(WEIGHTS):
        assert json.loads(path.read_text())["quality"] in validity
