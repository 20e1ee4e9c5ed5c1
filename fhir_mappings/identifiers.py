"""Identifiers that a second run finds again, and the URLs made of them.

An identifier is a hash of what the resource states, so signing twice or sending again
after a lost answer meets the resources of the first time. Nothing of the patient can
be read from it.
"""

import re
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid5

from fhir_mappings.codes import IDENTIFIER_SYSTEM
from fhir_mappings.datatypes import Resource
from fhir_mappings.gather import Search

_NAMESPACE: Final = UUID("d1b35b46-47ce-43d7-ab54-7e3f8fb583cc")
_IN_WORDS: Final = re.compile(r"\[([0-9a-f]{32})\]$")
#: Types that have no identifier in R4.
TAGGED: Final = frozenset({"Provenance", "AuditEvent"})
_SEPARATOR: Final = "\x1f"  # cannot occur in a URL, a reference or a name


def identifier_value(*parts: str) -> str:
    """Return the same short hash for the same parts, on every machine."""
    return sha256(_SEPARATOR.join(parts).encode()).hexdigest()[:32]


def identifier(*parts: str) -> list[dict[str, str]]:
    """Return the ``identifier`` element made of the parts."""
    return [{"system": IDENTIFIER_SYSTEM, "value": identifier_value(*parts)}]


def key(resource: Resource) -> str:
    """Return the value of our identifier, empty where a resource has none of ours.

    Provenance and AuditEvent have no identifier in R4, so a tag holds it there. The
    description of a document holds it as well, for servers that drop the identifier.
    """
    if resource["resourceType"] in TAGGED:
        found, element = resource.get("meta", {}).get("tag", []), "code"
    else:
        found, element = resource.get("identifier", []), "value"
    ours = (i[element] for i in found if i.get("system") == IDENTIFIER_SYSTEM)
    return next(ours, "") or _described(resource)


def _described(resource: Resource) -> str:
    if resource["resourceType"] != "DocumentReference":
        return ""
    found = _IN_WORDS.search(str(resource.get("description")))
    return found[1] if found else ""


def search_for(resource: Resource) -> Search:
    """Return the search that finds the resource if it was written before."""
    kind = resource["resourceType"]
    parameter = "_tag" if kind in TAGGED else "identifier"
    return Search(kind, {parameter: f"{IDENTIFIER_SYSTEM}|{key(resource)}"})


def full_url(resource: Resource) -> str:
    """Return the ``urn:uuid`` that stands for the resource before it has an id."""
    return uuid5(_NAMESPACE, key(resource)).urn
