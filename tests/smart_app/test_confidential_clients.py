"""Confidential clients: a private key, or a shared secret."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox import services
from sandbox.processes import free_port
from sandbox.services import Archive, app_url
from smart_app.ehrs.client_keys import JWKS_PATH, WARM_UP, rotate
from tests.smart_app.clinic import Clinic, settings_in
from tests.smart_app.conftest import Store
from tests.smart_app.journey import walk
from tests.smart_app.live import listening

Fields = dict[str, Any]


@pytest.fixture
def entry(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Fields:
    """The entry of an EHR, without its address and the client's proof."""
    monkeypatch.setenv("TEST_ARCHIVE_PASSWORD", archive.password)
    monkeypatch.setenv("TEST_CLIENT_SECRET", "s" * 40)
    return {
        "name": "Hospital",
        "client_id": "confidential",
        "dicomweb_url": archive.dicomweb_url,
        "dicomweb_user": archive.user,
        "dicomweb_password_env": "TEST_ARCHIVE_PASSWORD",
    }


def walk_as(folder: Path, store: Store, entry: Fields, registered: Fields) -> None:
    """Walk the whole way at an EHR that registered the client in some way."""
    port = free_port()
    client = {
        "client_id": "confidential",
        "redirect_uris": [f"{app_url(port)}/callback"],
        **registered,
    }
    if "private_key_file" in entry:
        client["jwks_uri"] = f"{app_url(port)}{JWKS_PATH}"
    launch_url = f"{app_url(port)}/launch"
    with services.ehr(folder, clients=[client], app_launch_url=launch_url) as ehr:
        listed = folder / "issuers.json"
        listed.write_text(json.dumps([entry | {"issuer": ehr.fhir_base}]))
        settings = settings_in(folder / "data", issuers=listed, base_url=app_url(port))
        clinic = Clinic(settings)
        with listening(clinic.app, port):
            walk(clinic, ehr, store)


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_client_with_a_key_walks_the_whole_way_by_its_published_jwks(
    tmp_path: Path, store: Store, entry: Fields, algorithm: str
) -> None:
    path = tmp_path / "keys.json"
    rotate(path, datetime.now(UTC) - 2 * WARM_UP)
    rotate(path, datetime.now(UTC))  # too new to sign
    registered = {
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": algorithm,
    }
    keys = [k for k in json.loads(path.read_text())["keys"] if k["alg"] == algorithm]
    path.write_text(json.dumps({"keys": keys}))
    walk_as(tmp_path, store, entry | {"private_key_file": str(path)}, registered)


def test_a_client_with_a_secret_walks_the_whole_way(
    tmp_path: Path, store: Store, entry: Fields
) -> None:
    registered = {
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret": "s" * 40,
    }
    secret = {"client_secret_env": "TEST_CLIENT_SECRET"}
    walk_as(tmp_path, store, entry | secret, registered)
