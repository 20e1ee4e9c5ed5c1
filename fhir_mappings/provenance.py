"""Who made and who verified what (https://hl7.org/fhir/R4/provenance.html).

Follows HL7 AI Transparency on FHIR (profile AI-Provenance, STU1 ballot).
"""

from collections.abc import Sequence
from datetime import datetime

from fhir_mappings.codes import (
    AI_ASSERTED,
    ARTIFICIAL_INTELLIGENCE,
    ASSEMBLER,
    AUTHOR,
    CREATE,
    IDENTIFIER_SYSTEM,
    NULLIFY,
    VERIFIER,
)
from fhir_mappings.datatypes import Resource, narrative, reference
from fhir_mappings.identifiers import full_url, identifier_value, key
from fhir_mappings.models import built
from fhir_mappings.write_context import WriteContext


def provenance(
    targets: Sequence[Resource],
    context: WriteContext,
    *,
    authors: Sequence[Resource],
) -> Resource:
    """Map a signature to a Provenance of all resources that it covers.

    Args:
        targets: Observations and CarePlan, which the algorithms made.
        context: Who signed and when.
        authors: The Devices of the algorithms.

    """
    own_key = identifier_value("Provenance", *map(key, targets))
    words = _sentences(context, authors)
    return built(
        {
            "resourceType": "Provenance",
            "meta": {
                "security": [AI_ASSERTED],
                "tag": [{"system": IDENTIFIER_SYSTEM, "code": own_key}],
            },
            "text": narrative("Origin of a signed report", words),
            "target": [reference(full_url(target)) for target in targets],
            "recorded": context.signed_instant,
            "reason": [{"coding": [AI_ASSERTED]}],
            "activity": CREATE,
            "agent": [
                *map(_author, authors),
                {"type": ASSEMBLER, "who": {"display": context.software}},
                {
                    "type": VERIFIER,
                    "who": reference(context.signer, context.signer_display),
                },
            ],
            "entity": [
                {"role": "source", "what": reference(context.imaging_study)},
                *(_model_card(device, context) for device in authors),
            ],
        }
    )


def _sentences(context: WriteContext, authors: Sequence[Resource]) -> list[str]:
    names = ", ".join(f"{a['modelNumber']} {a['version'][0]['value']}" for a in authors)
    reviewer = context.signer_display or context.signer
    return [
        f"Made by {names}; assembled by {context.software}; verified by {reviewer}.",
        "Research software, not a cleared medical device.",
    ]


def undo_provenance(
    targets: Sequence[str],
    *,
    run_id: str,
    by: str,
    display: str | None,
    at: datetime,
) -> Resource:
    """Return who withdrew what a run wrote, and when.

    Args:
        targets: References of what was withdrawn.
        run_id: Name of the run; a repeat that withdraws no more finds this one.
        by: Reference of the practitioner.
        display: Their name, ``None`` where it is not known.
        at: When, aware.

    """
    own_key = identifier_value("Provenance", "undo", run_id, *targets)
    words = f"Marked as entered in error by {display or by}."
    return built(
        {
            "resourceType": "Provenance",
            "meta": {"tag": [{"system": IDENTIFIER_SYSTEM, "code": own_key}]},
            "text": narrative("Withdrawal of a signed report", [words]),
            "target": [reference(target) for target in targets],
            "recorded": at.isoformat(timespec="seconds"),
            "activity": NULLIFY,
            "agent": [{"type": VERIFIER, "who": reference(by, display)}],
        }
    )


def _author(device: Resource) -> Resource:
    return {
        "type": AUTHOR,
        "role": [ARTIFICIAL_INTELLIGENCE],
        "who": reference(full_url(device)),
    }


def _model_card(device: Resource, context: WriteContext) -> Resource:
    """Return the model card as a source, by the address where we publish it."""
    model = device["modelNumber"]
    url = f"{context.application_url}/fhir/DocumentReference/{model}"
    return {
        "role": "source",
        "what": {
            "type": "DocumentReference",
            "identifier": {"system": "urn:ietf:rfc:3986", "value": url},
            "display": f"Model card of {model}",
        },
    }
