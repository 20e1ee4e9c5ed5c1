"""What is sent to a FHIR server when something is written, as plain values.

Pure. The dry run shows these values and the writer sends them, so that both are the
same requests.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from fhir_mappings.bundle import resolve, search_for, transaction
from fhir_mappings.references import local
from smart_app.errors import ForeignSubjectError
from smart_app.upstream_errors import UnversionedError

Resource = dict[str, Any]

FHIR_JSON: Final = "application/fhir+json"
_HEADERS: Final = {
    "Content-Type": FHIR_JSON,
    "Accept": FHIR_JSON,
    "Prefer": "return=representation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """One request that changes something on a FHIR server.

    Attributes:
        method: ``"POST"`` or ``"PUT"``.
        path: Below the FHIR base; empty for a transaction.
        headers: All headers but the authorization.
        body: A resource or a Bundle.

    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Resource = field(repr=False)

    @property
    def resources(self) -> list[Resource]:
        """The resources that it carries."""
        if self.body["resourceType"] != "Bundle":
            return [self.body]
        return [entry["resource"] for entry in self.body.get("entry", [])]


def transaction_request(
    resources: Sequence[Resource], *, existing: Mapping[str, str]
) -> WriteRequest:
    """Return the transaction that creates what the server does not have.

    Args:
        resources: All resources of the report.
        existing: Identifier (``key``) of what the server has -> ``"Type/id"``.

    """
    body = transaction(resources, existing=existing)
    return WriteRequest(method="POST", path="", headers=_HEADERS, body=body)


def create_request(
    resource: Resource, references: Mapping[str, str], *, is_conditional: bool
) -> WriteRequest:
    """Return the creation of one resource.

    Args:
        resource: One of ``report_resources``.
        references: ``full_url`` -> ``"Type/id"`` of what was created before it.
        is_conditional: Whether the server shall look for it first.

    """
    condition = {"If-None-Exist": urlencode(search_for(resource).params)}
    return WriteRequest(
        method="POST",
        path=resource["resourceType"],
        headers=_HEADERS | (condition if is_conditional else {}),
        body=resolve(resource, references),
    )


def update_request(resource: Resource) -> WriteRequest:
    """Return the update of a resource that was read, for the version that was read.

    Raises:
        UnversionedError: It has no version; then somebody else's change could be lost.

    """
    version = resource.get("meta", {}).get("versionId")
    if not version:
        raise UnversionedError(f"{resource['resourceType']} has no version")
    return WriteRequest(
        method="PUT",
        path=f"{resource['resourceType']}/{resource['id']}",
        headers=_HEADERS | {"If-Match": f'W/"{version}"'},
        body=resource,
    )


def address(base: str, request: WriteRequest) -> str:
    """Return the URL that a request goes to, below the FHIR base of its server."""
    return f"{base}/{request.path}" if request.path else base


def digest(resource: Resource) -> str:
    """Return the SHA-256 of a resource, whatever the order of its elements."""
    return sha256(json.dumps(resource, sort_keys=True).encode()).hexdigest()


def require_subject(request: WriteRequest, patient_id: str) -> None:
    """Check that a request changes nothing of anybody else.

    Raises:
        ForeignSubjectError: A resource in it names another patient.

    """
    for resource in request.resources:
        owner = resource.get("subject") or resource.get("patient")
        if owner and local(str(owner.get("reference"))) != f"Patient/{patient_id}":
            name = resource["resourceType"]
            raise ForeignSubjectError(f"{name} is of another patient")
