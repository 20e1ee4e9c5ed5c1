"""What is known of the models can be read by anybody, and no patient is near."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from inference.manifest import TREATMENT_MANIFEST, WEIGHTS
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


def test_a_treatment_model_of_the_site_is_named_instead_of_the_committed_one(
    client: FlaskClient,
    clinic: Clinic,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    committed = json.loads((WEIGHTS / TREATMENT_MANIFEST).read_text())
    own = committed | {"version": "7.7.7", "quality": "checked on our own patients"}
    (tmp_path / TREATMENT_MANIFEST).write_text(json.dumps(own))
    settings = replace(clinic.services.settings, treatment_model=tmp_path)
    services = replace(clinic.services, settings=settings)
    monkeypatch.setattr("smart_app.pages.models.current_services", lambda: services)
    document = json.loads(client.get("/models.json").text)
    versions = {model["name"]: model["version"] for model in document["models"]}
    assert versions[committed["name"]] == "7.7.7"
    assert "own" in document["about"]
    page = client.get("/models").text
    assert "checked on our own patients" in page
    assert committed["quality"] not in page
