"""Who a resource is about (https://hl7.org/fhir/R4/references.html)."""

import re
from typing import Final

from fhir_mappings.datatypes import Resource

_LOCAL: Final = re.compile(r"(?:^|/)([A-Z]\w+/[^/]+)(?:/_history/[^/]+)?$")


def local(reference: str) -> str | None:
    """Return ``"Patient/1"`` for any relative, absolute or versioned reference to it.

    The server part is not compared: only the one server of a launch is ever read.
    """
    found = _LOCAL.search(reference)
    return found[1] if found else None


def type_of(reference: str) -> str:
    """Return ``"CarePlan"`` for ``"CarePlan/12"``, and for itself."""
    return reference.partition("/")[0]


def is_about(resource: Resource, patient_id: str) -> bool:
    """Tell whether the subject of a resource is this patient."""
    subject = resource.get("subject", {}).get("reference", "")
    return local(subject) == f"Patient/{patient_id}"
