"""Which resources still hold, and how one is withdrawn without deleting it.

A Device is that of other reports too, and R4 has no status in Provenance and
AuditEvent: they stay as they are.
"""

import re
from collections.abc import Sequence
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
_FALLEN: Final = frozenset({ENTERED_IN_ERROR, "revoked", "cancelled", "superseded"})
#: Type -> its state once a later plan or document has taken its place, and before.
_REPLACED: Final = {
    "CarePlan": ("revoked", "active"),
    "DocumentReference": ("superseded", "current"),
    "ServiceRequest": ("revoked", "active"),
    "Goal": ("cancelled", "proposed"),
}
_PREFIX: Final = "No longer valid. "
_MARK: Final = re.compile(rf"^(<div[^>]*>)<p><b>{_PREFIX}[^<]*</b></p>")
_DIV: Final = re.compile(r"^<div[^>]*>")


def stands(resource: Resource) -> bool:
    """Tell whether a resource holds: neither withdrawn nor replaced."""
    element = _STATUS.get(resource["resourceType"], "status")
    return resource.get(element) not in _FALLEN


def is_withdrawn(resource: Resource) -> bool:
    """Tell whether a resource is marked as entered in error."""
    return resource.get(_STATUS[resource["resourceType"]]) == ENTERED_IN_ERROR


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


def naming(resource: Resource, older: Sequence[str]) -> Resource:
    """Return a plan or a document that names those whose place it takes.

    Args:
        resource: A CarePlan or a DocumentReference.
        older: ``"Type/id"`` of what it replaces.

    """
    links = [{"reference": item} for item in older]
    if resource["resourceType"] == "CarePlan":
        return {**resource, "replaces": links}
    related = [{"code": "replaces", "target": link} for link in links]
    return {**resource, "relatesTo": related}


def replaced(resource: Resource, *, why: str) -> Resource:
    """Return a plan, its part or a document, marked as replaced by a later one."""
    state, _ = _REPLACED[resource["resourceType"]]
    return _marked(resource, state, why)


def can_be_replaced(resource: Resource) -> bool:
    """Tell whether a plan, its part or a document is as signed: nobody acted on it."""
    kind = resource["resourceType"]
    return kind in _REPLACED and resource.get(_STATUS[kind]) == _REPLACED[kind][1]


def is_replaced(resource: Resource) -> bool:
    """Tell whether a plan, its part or a document was replaced, and not withdrawn."""
    kind = resource["resourceType"]
    return kind in _REPLACED and resource.get(_STATUS[kind]) == _REPLACED[kind][0]


def reinstated(resource: Resource) -> Resource:
    """Return what was replaced as it was before: its successor was withdrawn."""
    kind = resource["resourceType"]
    again = {**resource, _STATUS[kind]: _REPLACED[kind][1]}
    if text := resource.get("text"):
        div = _MARK.sub(r"\1", text.get("div", ""), count=1)
        again["text"] = {**text, "div": div}
    return again


def _marked(resource: Resource, status: str, why: str) -> Resource:
    marked = {**resource, _STATUS[resource["resourceType"]]: status}
    text = resource.get("text", {})
    if found := _DIV.match(text.get("div", "")):
        words = f"<p><b>{_PREFIX}{escape(why)}</b></p>"
        div = text["div"]
        marked["text"] = {**text, "div": found[0] + words + div[found.end() :]}
    return marked
