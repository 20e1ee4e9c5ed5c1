"""A model card -> FHIR R4 DocumentReference (R4/documentreference.html).

Follows HL7 AI Transparency on FHIR (profile AI-ModelCard, STU1 ballot).
"""

from base64 import b64encode

from fhir_mappings.codes import MODEL_CARD, MODEL_CARD_MARKDOWN
from fhir_mappings.datatypes import Resource, narrative
from fhir_mappings.models import built
from inference.transparency.model_cards import ModelCard


def model_card(card: ModelCard) -> Resource:
    """Map a card to the document that Device and Provenance name."""
    title = f"Model card of {card.model} {card.version}"
    return built(
        {
            "resourceType": "DocumentReference",
            "id": card.model,
            "text": narrative(title, ["Markdown, in the attachment."]),
            "status": "current",
            "type": {"coding": [MODEL_CARD]},
            "category": [{"coding": [MODEL_CARD_MARKDOWN]}],
            "description": title,
            "content": [
                {
                    "attachment": {
                        "contentType": "text/markdown",
                        "data": b64encode(card.markdown.encode()).decode(),
                        "title": title,
                    }
                }
            ],
        }
    )
