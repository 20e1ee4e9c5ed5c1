"""What CDS clients send: JSON that is checked before it is used. Pure.

Messages name the element and never its value: it may say something of a patient.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Never
from uuid import UUID

from fhir_mappings.cds_cards import HOOK, OVERRIDE_REASONS
from smart_app.errors import CdsRequestError
from smart_app.launch.smart import FHIR_ID

OUTCOMES: Final = ("accepted", "overridden")
MAX_ANSWERS: Final = 100  # our choice: a client may collect its feedback
_REASONS: Final = {(item["system"], item["code"]) for item in OVERRIDE_REASONS}
# the exact form: what ``fromisoformat`` takes besides is no FHIR instant
_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRequest:
    """A call of the service.

    Attributes:
        patient_id: Whose chart is open.
        fhir_server: Base of the EHR's FHIR server, ``None`` when it is not told.
        prefetch: Resources and Bundles by key, ``None`` where there are none.

    """

    patient_id: str
    fhir_server: str | None
    prefetch: dict[str, Json | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a clinician did with a card. Comments are not kept: they may name somebody.

    Attributes:
        card_id: UUID of the card.
        outcome: One of ``OUTCOMES``.
        outcome_at: When.
        reason: Code of the reason for putting the card aside, ``None`` without one.

    """

    card_id: str
    outcome: str
    outcome_at: datetime
    reason: str | None


def json_object(content: bytes) -> Json:
    """Parse a body.

    Raises:
        CdsRequestError: It is no JSON object.

    """
    try:
        document = json.loads(content, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise CdsRequestError("the body is no JSON") from error
    return _object(document, "the body")


def hook_request(body: Json) -> HookRequest:
    """Read a call of the service.

    Raises:
        CdsRequestError: It is not as the specification says.

    """
    if body.get("hook") != HOOK:
        raise CdsRequestError(f"hook must be {HOOK}")
    _uuid(body.get("hookInstance"), "hookInstance")
    context = _object(body.get("context"), "context")
    patient_id = _text(context.get("patientId"), "context.patientId")
    if not FHIR_ID.fullmatch(patient_id):
        raise CdsRequestError("context.patientId is no FHIR id")
    _text(context.get("userId"), "context.userId")
    server = body.get("fhirServer")
    prefetch = _object(body.get("prefetch") or {}, "prefetch")
    return HookRequest(
        patient_id=patient_id,
        fhir_server=None if server is None else _text(server, "fhirServer"),
        prefetch={
            name: None if value is None else _object(value, "every prefetch value")
            for name, value in prefetch.items()
        },
    )


def answers(body: Json) -> tuple[Answer, ...]:
    """Read feedback.

    Raises:
        CdsRequestError: It is not as the specification says; nothing of it counts then.

    """
    items = body.get("feedback")
    if not isinstance(items, list) or not 0 < len(items) <= MAX_ANSWERS:
        raise CdsRequestError(f"feedback must be a list of 1 to {MAX_ANSWERS} answers")
    return tuple(_answer(_object(item, "every answer")) for item in items)


def _answer(item: Json) -> Answer:
    outcome = item.get("outcome")
    if outcome not in OUTCOMES:
        raise CdsRequestError(f"outcome must be {' or '.join(OUTCOMES)}")
    return Answer(
        card_id=_uuid(item.get("card"), "card"),
        outcome=outcome,
        outcome_at=_instant(item.get("outcomeTimestamp")),
        reason=_reason(item) if outcome == "overridden" else None,
    )


def _reason(item: Json) -> str | None:
    override = item.get("overrideReason")
    if override is None:
        return None
    reason = _object(override, "overrideReason").get("reason")
    if reason is None:
        return None
    coding = _object(reason, "overrideReason.reason")
    system, code = coding.get("system"), coding.get("code")
    if not (isinstance(system, str) and isinstance(code, str)):
        raise CdsRequestError("overrideReason.reason needs system and code")
    if (system, code) not in _REASONS:
        raise CdsRequestError("overrideReason.reason is none of the card")
    return code


def _instant(value: object) -> datetime:
    try:
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CdsRequestError("outcomeTimestamp is no date") from error
    raise CdsRequestError("outcomeTimestamp must be a time with its zone")


def _uuid(value: object, name: str) -> str:
    try:
        return str(UUID(_text(value, name)))
    except ValueError as error:
        raise CdsRequestError(f"{name} must be a UUID") from error


def _text(value: object, name: str) -> str:
    if not (isinstance(value, str) and value):
        raise CdsRequestError(f"{name} must be a text")
    return value


def _object(value: object, name: str) -> Json:
    if not isinstance(value, dict):
        raise CdsRequestError(f"{name} must be a JSON object")
    return value


def _refused(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")
