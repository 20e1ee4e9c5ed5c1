"""Which resources still hold, and how one is withdrawn without deleting it.

R4 has no status in Device and Provenance: they stay as they are.
"""

import re
from html import escape
from typing import Final

from fhir_mappings.datatypes import Resource

ENTERED_IN_ERROR: Final = "entered-in-error"
#: Where the state of a type stands, and which one says that it was wrong.
_STATUS: Final = {
    "CarePlan": "status",
    "DiagnosticReport": "status",
    "DocumentReference": "status",
    "Goal": "lifecycleStatus",
    "Observation": "status",
    "QuestionnaireResponse": "status",
    "RiskAssessment": "status",
    "ServiceRequest": "status",
}
_FALLEN: Final = frozenset({ENTERED_IN_ERROR, "revoked", "superseded"})
_DIV: Final = re.compile(r"^<div[^>]*>")


def stands(resource: Resource) -> bool:
    """Tell whether a resource holds: neither withdrawn nor replaced."""
    element = _STATUS.get(resource["resourceType"], "status")
    return resource.get(element) not in _FALLEN


def can_be_withdrawn(resource_type: str) -> bool:
    """Tell whether a type has a state that says "entered in error"."""
    return resource_type in _STATUS


def withdrawn(resource: Resource, *, why: str) -> Resource:
    """Return a resource as it is, marked as entered in error.

    Args:
        resource: As it was read from the server.
        why: First sentence of its narrative from now on.

    """
    return _marked(resource, ENTERED_IN_ERROR, why)


def revoked(plan: Resource, *, why: str) -> Resource:
    """Return a CarePlan as it is, marked as revoked: another one took its place."""
    return _marked(plan, "revoked", why)


def _marked(resource: Resource, status: str, why: str) -> Resource:
    marked = {**resource, _STATUS[resource["resourceType"]]: status}
    text = resource.get("text", {})
    if found := _DIV.match(text.get("div", "")):
        words = f"<p><b>{escape(why)}</b></p>"
        div = text["div"]
        marked["text"] = {**text, "div": found[0] + words + div[found.end() :]}
    return marked
