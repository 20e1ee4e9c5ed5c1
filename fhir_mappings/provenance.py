"""Who made and who verified what (https://hl7.org/fhir/R4/provenance.html).

Follows HL7 AI Transparency on FHIR (profile AI-Provenance, STU1 ballot).
"""

from collections.abc import Sequence

from fhir_mappings.codes import (
    AI_ASSERTED,
    ARTIFICIAL_INTELLIGENCE,
    AUTHOR,
    CREATE,
    IDENTIFIER_SYSTEM,
    VERIFIER,
)
from fhir_mappings.datatypes import Resource, reference
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
    return built(
        {
            "resourceType": "Provenance",
            "meta": {
                "security": [AI_ASSERTED],
                "tag": [{"system": IDENTIFIER_SYSTEM, "code": own_key}],
            },
            "target": [reference(full_url(target)) for target in targets],
            "recorded": context.signed_instant,
            "reason": [{"coding": [AI_ASSERTED]}],
            "activity": CREATE,
            "agent": [
                *map(_author, authors),
                {
                    "type": VERIFIER,
                    "who": reference(context.signer, context.signer_display),
                },
            ],
            "entity": [{"role": "source", "what": reference(context.imaging_study)}],
        }
    )


def _author(device: Resource) -> Resource:
    return {
        "type": AUTHOR,
        "role": [ARTIFICIAL_INTELLIGENCE],
        "who": reference(full_url(device)),
    }
