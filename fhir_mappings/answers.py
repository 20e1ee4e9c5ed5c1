"""What a clinician typed in -> FHIR R4 Observations of that clinician.

They are no findings of an algorithm: no Device, no label of artificial intelligence,
derived from nothing. They are written with the report, at its signature.
"""

from typing import Any

from fhir_mappings.answer_codes import SMOKING, AnswerCode, answer_code
from fhir_mappings.codes import (
    SOCIAL_HISTORY,
    SURVEY,
    US_CORE_SIMPLE_OBSERVATION,
    US_CORE_SMOKING_STATUS,
)
from fhir_mappings.datatypes import Resource, concept, narrative, quantity, reference
from fhir_mappings.identifiers import identifier
from fhir_mappings.models import built
from fhir_mappings.write_context import WriteContext
from inference.judgement.questions import QUESTIONS
from inference.results import Answer, CaseReport, Smoking


def answer_observations(
    report: CaseReport, context: WriteContext
) -> tuple[Resource, ...]:
    """Map everything that was typed in to final Observations.

    Args:
        report: The signed report.
        context: Where it is written.

    """
    return tuple(_observation(answer, context) for answer in report.answers)


def _observation(answer: Answer, context: WriteContext) -> Resource:
    entered, coded = answer.entered, answer_code(QUESTIONS[answer.question])
    at = entered.at.isoformat(timespec="seconds")
    value, words = _value(answer, coded)
    is_smoking = answer.question == "smoking"
    profiles = [
        US_CORE_SIMPLE_OBSERVATION,
        *([US_CORE_SMOKING_STATUS] if is_smoking else []),
    ]
    note = f"Typed in by {entered.name or entered.by} at {at}."
    observation = {
        "resourceType": "Observation",
        "meta": {"profile": profiles},
        "text": narrative(f"{coded.code['text']}: {words}", [note]),
        "identifier": identifier(
            *(context.issuer, context.patient, "answer", answer.question),
            *(str(answer.value), entered.by, at),
        ),
        "status": "final",
        "category": [SURVEY, *([SOCIAL_HISTORY] if is_smoking else [])],
        "code": coded.code,
        "subject": reference(context.patient),
        "effectiveDateTime": at,
        "issued": context.signed_instant,
        "performer": [reference(entered.by, entered.name)],
        **value,
        "note": [{"text": note}],
    }
    if coded.body_site:
        observation["bodySite"] = coded.body_site
    if context.encounter:
        observation["encounter"] = reference(context.encounter)
    return built(observation)


def _value(answer: Answer, coded: AnswerCode) -> tuple[dict[str, Any], str]:
    """Return the element that holds the value, and the value as people read it."""
    if coded.unit:
        unit = coded.unit
        number = quantity(
            float(answer.value), unit=unit.unit, code=unit.code, digits=unit.digits
        )
        return {"valueQuantity": number}, f"{number['value']} {unit.unit}"
    if isinstance(answer.value, bool):
        return {"valueBoolean": answer.value}, "yes" if answer.value else "no"
    status = Smoking(str(answer.value))
    answered = concept(status.value, SMOKING[status])
    return {"valueCodeableConcept": answered}, status.value
