"""An EHR that knows two clients of its own: one public, one with a key."""

from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey

from sandbox import services
from sandbox.services import Ehr
from tests.sandbox.conftest import bundle
from tests.sandbox.smart_client import CALLBACK


@pytest.fixture(scope="session")
def client_key() -> ECKey:
    """The private key of the confidential client."""
    return ECKey.generate_key("P-384", {"kid": "test", "alg": "ES384"})


@pytest.fixture(scope="session")
def running_ehr(
    tmp_path_factory: pytest.TempPathFactory, client_key: ECKey
) -> Iterator[Ehr]:
    confidential = {
        "client_id": "confidential",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES384",
        "jwks": {"keys": [client_key.as_dict(private=False)]},
    }
    public = {
        "client_id": "public",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none",
    }
    folder = tmp_path_factory.mktemp("ehr")
    started = services.ehr(
        folder,
        clients=[public, confidential],
        app_launch_url="http://127.0.0.1:5000/launch",
    )
    with started as ehr:
        yield ehr


@pytest.fixture
def hospital(ehr: Ehr) -> Ehr:
    """An EHR with two patients, a clinician and one visit."""
    ehr.load(bundle(*(dict(resource) for resource in CHART)))
    return ehr


CHART: tuple[dict[str, Any], ...] = (
    {"resourceType": "Patient", "id": "ada", "name": [{"family": "Example"}]},
    {"resourceType": "Patient", "id": "bob", "name": [{"family": "Other"}]},
    {"resourceType": "Practitioner", "id": "doc", "name": [{"family": "Doctor"}]},
    {
        "resourceType": "Encounter",
        "id": "visit",
        "status": "in-progress",
        "class": {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
            "code": "AMB",
        },
        "subject": {"reference": "Patient/ada"},
    },
)
