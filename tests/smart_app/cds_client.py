"""A CDS client as an EHR has one: keys on a port of loopback, tokens, requests."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from fhir_mappings.cds_cards import SERVICE_ID
from tests.fhir_mappings.charts import PATIENT, condition, imaging_study

Json = dict[str, Any]
Key = ECKey | RSAKey | OctKey

ISS = "https://ehr.example/cds"
FHIR = "https://ehr.example/fhir"
ORIGIN = "https://ehr.example"
EC = ECKey.generate_key("P-384", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})


@dataclass
class KeyServer:
    """Serves public keys; ``status`` and ``content`` may be changed."""

    url: str = ""
    keys: list[Key] = field(default_factory=lambda: [EC, RSA])
    status: int = 200
    content: bytes | None = None
    requests: int = 0

    def body(self) -> bytes:
        """Return the answer."""
        if self.content is not None:
            return self.content
        public = [key.as_dict(private=False) for key in self.keys]
        return json.dumps({"keys": public}).encode()


@contextmanager
def key_server() -> Iterator[KeyServer]:
    """Serve keys until exit."""
    served = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests += 1
            body = served.body()
            self.send_response(served.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def issuers(jwks_url: str) -> list[Json]:
    """Return a list of EHRs: one with a CDS client, a second one, one without."""
    usual = {
        "name": "Hospital",
        "client_id": "spoils",
        "dicomweb_url": "https://pacs.example",
    }
    ours = {"iss": ISS, "jwks_urls": [jwks_url], "origins": [ORIGIN]}
    return [
        {**usual, "issuer": FHIR, "cds_client": ours},
        {
            **usual,
            "name": "Second hospital",
            "issuer": "https://two.example/fhir",
            "cds_client": {"jwks_urls": [jwks_url]},
        },
        {**usual, "name": "No hooks", "issuer": "https://none.example/fhir"},
    ]


def claims(base_url: str, **changes: Any) -> Json:  # noqa: ANN401
    """Return good claims, changed; ``None`` leaves one out."""
    now = int(datetime.now(UTC).timestamp())
    usual = {
        "iss": ISS,
        "aud": f"{base_url}/cds-services/{SERVICE_ID}",
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid4()),
    }
    return {k: v for k, v in (usual | changes).items() if v is not None}


def signed(content: Json, key: Key = EC, alg: str = "ES384", **header: str) -> str:
    """Return a token."""
    full = {"alg": alg, "kid": key.kid, "typ": "JWT", **header}
    return jwt.encode(full, content, key, algorithms=[alg])


def hook_body(**changes: Any) -> Json:  # noqa: ANN401
    """Return a call with Ada's chart as its prefetch."""
    usual = {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "fhirServer": FHIR,
        "context": {"userId": "Practitioner/doc", "patientId": "1"},
        "prefetch": {
            "patient": PATIENT,
            "conditions": searchset(condition("279039007")),
            "imagingStudies": searchset(imaging_study()),
        },
    }
    return {k: v for k, v in (usual | changes).items() if v is not None}


def searchset(*resources: Json) -> Json:
    """Return a Bundle as a search brings it."""
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}
