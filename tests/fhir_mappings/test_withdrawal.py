"""What is withdrawn or replaced says so in state and words, and can hold again."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mappings.bundle import key
from fhir_mappings.provenance import undo_provenance
from fhir_mappings.withdrawal import (
    can_be_replaced,
    can_be_withdrawn,
    is_replaced,
    is_withdrawn,
    reinstated,
    replaced,
    stands,
    withdrawn,
)

DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Walk &amp; swim</p></div>'
STATES = {
    "CarePlan": ("status", "active", "revoked"),
    "DocumentReference": ("status", "current", "superseded"),
    "ServiceRequest": ("status", "active", "revoked"),
    "Goal": ("lifecycleStatus", "proposed", "cancelled"),
}


def resource(kind: str) -> dict[str, Any]:
    element, before, _ = STATES[kind]
    text = {"status": "generated", "div": DIV}
    return {"resourceType": kind, "id": "1", element: before, "text": text}


@pytest.mark.parametrize("kind", STATES)
def test_what_was_replaced_can_hold_again_as_it_was(kind: str) -> None:
    element, _, after = STATES[kind]
    old = replaced(resource(kind), why="A plan <later> this.")
    assert (old[element], stands(old), is_replaced(old)) == (after, False, True)
    assert "<p><b>No longer valid. A plan &lt;later&gt; this.</b></p>" in str(old)
    assert can_be_replaced(resource(kind))
    assert not can_be_replaced(old)
    assert reinstated(old) == resource(kind)


@pytest.mark.parametrize("kind", STATES)
def test_what_is_withdrawn_is_neither_standing_nor_replaced(kind: str) -> None:
    wrong = withdrawn(resource(kind), why="Withdrawn.")
    assert wrong[STATES[kind][0]] == "entered-in-error"
    assert is_withdrawn(wrong)
    assert not stands(wrong)
    assert not is_replaced(wrong)
    assert can_be_withdrawn(kind)


def test_what_others_share_or_what_has_no_state_is_never_withdrawn() -> None:
    kinds = ("Device", "Provenance", "AuditEvent")
    assert not any(can_be_withdrawn(kind) for kind in kinds)


def test_a_withdrawal_has_one_origin_however_often_it_is_repeated() -> None:
    when = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    who: dict[str, Any] = {"by": "Practitioner/1", "display": "Dr. Rao", "at": when}
    first = undo_provenance(["Goal/1", "CarePlan/2"], run_id="a", **who)
    again = undo_provenance(["Goal/1", "CarePlan/2"], run_id="a", **who)
    more = undo_provenance(["Goal/1", "CarePlan/2", "Goal/3"], run_id="a", **who)
    assert first == again
    assert key(first) != key(more)
    assert first["recorded"] == "2026-01-31T23:30:00Z"
    assert "entered in error by Dr. Rao." in first["text"]["div"]
    assert [item["reference"] for item in first["target"]] == ["Goal/1", "CarePlan/2"]
