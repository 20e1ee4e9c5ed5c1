"""That a report was written -> FHIR R4 AuditEvent (R4/auditevent.html), one per report.

Follows IHE Basic Audit Log Patterns (profile IHE.BasicAudit.PatientCreate), which wants
one event per resource: here the one resource is the Provenance, which names all others.
"""

from collections.abc import Sequence
from typing import Final

from fhir_mappings import codes
from fhir_mappings.datatypes import Resource, narrative, reference
from fhir_mappings.identifiers import full_url, identifier_value, key
from fhir_mappings.models import built
from fhir_mappings.write_context import WriteContext

_URI: Final = "5"  # https://hl7.org/fhir/R4/valueset-network-type.html
_SUCCESS: Final = "0"  # https://hl7.org/fhir/R4/valueset-audit-event-outcome.html


def audit_event(
    origin: Resource, written: Sequence[Resource], context: WriteContext
) -> Resource:
    """Map the writing of a report to its AuditEvent.

    It is the last resource that is sent, so it exists only where all others do.

    Args:
        origin: The Provenance.
        written: All resources that are written.
        context: Who signed, when, and where it is written.

    """
    signer = reference(context.signer, context.signer_display)
    software = {"display": context.software}
    what = f"{len(written)} resources of a signed report were created"
    return built(
        {
            "resourceType": "AuditEvent",
            "meta": {"tag": [_tag(origin)]},
            "text": narrative(
                what, [f"By {context.software}, signed by {_name(context)}."]
            ),
            "type": codes.REST,
            "subtype": [codes.REST_CREATE],
            "action": "C",
            "recorded": context.signed_instant,
            "outcome": _SUCCESS,
            "outcomeDesc": what,
            "agent": [
                _machine(codes.SOURCE_ROLE, context.software, context.application_url),
                _machine(codes.DESTINATION_ROLE, context.issuer, context.issuer),
                {"type": codes.AUDIT_AUTHOR, "who": signer, "requestor": True},
            ],
            "source": {"observer": software, "type": [codes.APPLICATION_SERVER]},
            "entity": [
                {
                    "what": reference(context.patient),
                    "type": codes.PERSON,
                    "role": codes.PATIENT_ROLE,
                },
                {
                    "what": reference(full_url(origin), "Provenance of the report"),
                    "type": codes.SYSTEM_OBJECT,
                    "role": codes.DOMAIN_RESOURCE,
                },
            ],
        }
    )


def _tag(origin: Resource) -> dict[str, str]:
    own_key = identifier_value("AuditEvent", key(origin))
    return {"system": codes.IDENTIFIER_SYSTEM, "code": own_key}


def _machine(role: codes.Concept, name: str, url: str) -> Resource:
    return {
        "type": role,
        "who": {"display": name},
        "requestor": False,
        "network": {"address": url, "type": _URI},
    }


def _name(context: WriteContext) -> str:
    return context.signer_display or context.signer
