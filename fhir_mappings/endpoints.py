"""Endpoint resources -> where the images of a study can be fetched.

https://hl7.org/fhir/R4/endpoint.html and SMART Imaging Access 0.1.0
(http://fhir.org/argonaut/smart-imaging). Endpoints stand in the ImagingStudy itself
(contained) or beside it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_mappings.datatypes import Resource
from fhir_mappings.references import local

_ENDPOINT: Final = re.compile(r"Endpoint/[A-Za-z0-9\-.]{1,64}")
_WADO_RS: Final = "dicom-wado-rs"  # HL7 CodeSystem endpoint-connection-type
_ACCESS_FLAG: Final = (
    "http://fhir.org/argonaut/smart-imaging/StructureDefinition/requires-access-token"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WadoEndpoint:
    """Where a study can be fetched by WADO-RS.

    Attributes:
        address: Base URL; it may itself be the permission, so it is never logged.
        needs_token: Whether the access token is to be sent, ``None`` where the
            endpoint does not say.

    """

    address: str = field(repr=False)
    needs_token: bool | None


def wado_endpoint(resource: Resource) -> WadoEndpoint | None:
    """Read an Endpoint, ``None`` where it is no active one for WADO-RS."""
    connection = resource.get("connectionType")
    address = resource.get("address")
    if (
        resource.get("resourceType") != "Endpoint"
        or resource.get("status", "active") != "active"
        or not isinstance(connection, dict)
        or connection.get("code") != _WADO_RS
        or not isinstance(address, str)
    ):
        return None
    said = [
        item.get("valueBoolean")
        for item in _objects(resource, "extension")
        if item.get("url") == _ACCESS_FLAG
    ]
    needs_token = said[0] if said and isinstance(said[0], bool) else None
    return WadoEndpoint(address=address.rstrip("/"), needs_token=needs_token)


def endpoints(
    study: Resource, included: Sequence[Resource]
) -> tuple[WadoEndpoint, ...]:
    """Return the endpoints of a study that are at hand.

    Args:
        study: An ImagingStudy, perhaps with contained Endpoints.
        included: Endpoints that came with it.

    """
    known = {f"#{item.get('id')}": item for item in _objects(study, "contained")}
    known |= {f"Endpoint/{item.get('id')}": item for item in included}
    named = [known.get(reference) for reference in _references(study)]
    read = [wado_endpoint(item) for item in named if item]
    return tuple(item for item in read if item)


def endpoint_references(study: Resource) -> tuple[str, ...]:
    """Return the references of a study to Endpoints beside it."""
    return tuple(item for item in _references(study) if _ENDPOINT.fullmatch(item))


def _references(study: Resource) -> list[str]:
    said = [str(item.get("reference", "")) for item in _objects(study, "endpoint")]
    return [item if item.startswith("#") else local(item) or "" for item in said]


def _objects(resource: Resource, name: str) -> list[dict[str, Any]]:
    values = resource.get(name)
    items = values if isinstance(values, list) else []
    return [item for item in items if isinstance(item, dict)]
