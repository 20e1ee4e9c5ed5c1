"""Confidential clients: a private key, or a shared secret."""

import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from sandbox import services
from sandbox.processes import free_port
from sandbox.services import Archive, app_url
from smart_app.settings import Settings
from tests.smart_app.clinic import Clinic, environment
from tests.smart_app.conftest import Store
from tests.smart_app.journey import walk


@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_basic"])
def test_a_confidential_client_walks_the_whole_way(
    tmp_path: Path,
    archive: Archive,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    port = free_port()
    key = ECKey.generate_key("P-384", {"kid": "k1", "alg": "ES384"})
    registered: dict[str, object] = {
        "client_id": "confidential",
        "redirect_uris": [f"{app_url(port)}/callback"],
        "token_endpoint_auth_method": method,
    }
    entry = {
        "name": "Hospital",
        "client_id": "confidential",
        "dicomweb_url": archive.dicomweb_url,
        "dicomweb_user": archive.user,
        "dicomweb_password_env": "TEST_ARCHIVE_PASSWORD",
    }
    monkeypatch.setenv("TEST_ARCHIVE_PASSWORD", archive.password)
    if method == "private_key_jwt":
        registered["jwks"] = {"keys": [key.as_dict(private=False)]}
        registered |= {"token_endpoint_auth_signing_alg": "ES384"}
        private = tmp_path / "key.json"
        private.write_text(json.dumps(key.as_dict(private=True)))
        entry["private_key_file"] = str(private)
    else:
        registered["client_secret"] = "s" * 40
        monkeypatch.setenv("TEST_CLIENT_SECRET", "s" * 40)
        entry |= {"client_secret_env": "TEST_CLIENT_SECRET"}
    launch_url = f"{app_url(port)}/launch"
    with services.ehr(tmp_path, clients=[registered], app_launch_url=launch_url) as ehr:
        listed = tmp_path / "issuers.json"
        listed.write_text(json.dumps([entry | {"issuer": ehr.fhir_base}]))
        env = environment(tmp_path / "data", listed, app_url(port))
        walk(Clinic(Settings.from_env(env)), ehr, store)
