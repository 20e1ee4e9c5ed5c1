"""A signed plan as a FHIR R4 DocumentReference (R4/documentreference.html).

For servers that take no CarePlan. Its description holds the identifier too, because
some servers drop ``identifier`` (https://fhir.cerner.com/millennium/r4).
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Final

from fhir_mappings.codes import (
    AI_ASSERTED,
    CLINICAL_NOTE,
    PLAN_OF_CARE_NOTE,
    US_CORE_DOCUMENT,
)
from fhir_mappings.datatypes import Resource, concept, narrative, reference
from fhir_mappings.identifiers import identifier, key
from fhir_mappings.models import built
from fhir_mappings.plan_document import PlanDocument
from fhir_mappings.write_context import WriteContext

PDF: Final = "application/pdf"
XHTML: Final = "application/xhtml+xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One form of a document.

    Attributes:
        content_type: MIME type.
        content: The bytes.

    """

    content_type: str
    content: bytes = field(repr=False)


def document_reference(
    document: PlanDocument,
    context: WriteContext,
    *,
    resources: Sequence[Resource],
    renditions: Sequence[Rendition],
) -> Resource:
    """Map a document to a DocumentReference that holds all its renditions.

    Args:
        document: The document.
        context: Where it is written.
        resources: What it says, whose identifiers make its own.
        renditions: The same document in each form that the server takes.

    """
    known = identifier(
        context.issuer, context.patient, "DocumentReference", *map(key, resources)
    )
    signer = reference(context.signer, context.signer_display)
    around = {"related": [reference(context.imaging_study)]}
    if context.encounter:
        around["encounter"] = [reference(context.encounter)]
    return built(
        {
            "resourceType": "DocumentReference",
            "meta": {"profile": [US_CORE_DOCUMENT], "security": [AI_ASSERTED]},
            "text": narrative(document.title, [step.words for step in document.steps]),
            "identifier": known,
            "status": "current",
            "docStatus": "final",
            "type": concept("Plan of care note", PLAN_OF_CARE_NOTE),
            "category": [CLINICAL_NOTE],
            "subject": reference(context.patient),
            "date": context.signed_instant,
            "author": [signer],
            "authenticator": signer,
            "description": f"{document.title} [{known[0]['value']}]",
            "content": [_content(item, document, context) for item in renditions],
            "context": around,
        }
    )


def _content(
    rendition: Rendition, document: PlanDocument, context: WriteContext
) -> Resource:
    content = rendition.content
    digest = sha1(content, usedforsecurity=False).digest()  # as R4 says
    return {
        "attachment": {
            "contentType": rendition.content_type,
            "language": "en",
            "data": b64encode(content).decode(),
            "size": len(content),
            "hash": b64encode(digest).decode(),
            "title": document.title,
            "creation": context.signed_instant,
        }
    }
