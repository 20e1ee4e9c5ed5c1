"""A signed report is withdrawn: all that its run wrote is marked entered-in-error.

Nothing is deleted. Devices, which other reports share, Provenances and AuditEvents
stay; a Provenance of the withdrawal says who did it. Every update names the version
that was read, so somebody else's change is never lost. What the server refuses to
change is told, and the run can be withdrawn again.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from fhir_mappings.bundle import key
from fhir_mappings.codes import (
    CARE_PLAN_CATEGORIES,
    IDENTIFIER_SYSTEM,
    IMAGING,
    PLAN_OF_CARE_NOTE,
    SURVEY,
)
from fhir_mappings.dicom_documents import DICOM_DOCUMENT_TYPES
from fhir_mappings.identifiers import TAGGED
from fhir_mappings.provenance import undo_provenance
from fhir_mappings.references import type_of
from fhir_mappings.withdrawal import (
    can_be_withdrawn,
    is_withdrawn,
    withdrawn,
)
from smart_app.cases.store import keep_result, keep_write_state
from smart_app.ehrs.writable import DOCUMENT
from smart_app.errors import NotReadyError
from smart_app.fhir_server.capabilities import Capabilities
from smart_app.fhir_server.client import SHARED_TYPES, FhirClient, Resource
from smart_app.fhir_server.finding import find
from smart_app.fhir_server.write_requests import create_request
from smart_app.locks import exclusive
from smart_app.services import Services
from smart_app.tables import WriteState
from smart_app.upstream_errors import EhrError, RefusedError
from smart_app.writing.journal import (
    Entry,
    SignedRun,
    entries,
    kept_run,
    note_found,
    note_undone,
)
from smart_app.writing.kept_plans import withdraw_plans
from smart_app.writing.ladder import CARRIERS, FINDINGS, PLAN
from smart_app.writing.reinstating import (
    is_accepted,
    read_own,
    reinstate_all,
)
from smart_app.writing.sending import Sender
from smart_app.writing.signed_report import write_lock

WHY: Final = "Withdrawn: entered in error."
HTTP_CONFLICTS: Final = frozenset({409, 412})
HTTP_FORBIDDEN: Final = 403
HTTP_GONE: Final = frozenset({404, 410})
#: Type -> the categories in which it is written; some servers search in one only.
CATEGORIES: Final[dict[str, list[Any]]] = {
    PLAN: CARE_PLAN_CATEGORIES[:1],
    FINDINGS: [IMAGING, SURVEY],
}
ATTEMPTS: Final = 3  # our choice: as often somebody may change a resource meanwhile

logger = logging.getLogger(__name__)


class Mark(StrEnum):
    """What became of one resource."""

    MADE = "made"
    REFUSED = "refused"
    GONE = "gone"  # somebody deleted it


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What became of a withdrawal.

    Attributes:
        withdrawn: References that are marked entered-in-error now.
        reinstated: What holds again, because what replaced it does not.
        unmarked: References of what stays: Devices, Provenances and AuditEvents.
        unchanged: What the server refused: references, and the Provenance.
        kept_plans: How many plans of this application no longer hold.

    """

    withdrawn: tuple[str, ...]
    reinstated: tuple[str, ...]
    unmarked: tuple[str, ...]
    unchanged: tuple[str, ...]
    kept_plans: int


def undo_run(
    services: Services, client: FhirClient, run_id: str, *, by: str, display: str | None
) -> Undone:
    """Withdraw all that a run wrote; repeating it completes what broke off.

    What the server refuses to change is returned; then the run stays open to be
    withdrawn again.

    Args:
        services: Holds the journal.
        client: A client that may update what was written.
        run_id: Name of the run.
        by: Reference of who withdraws.
        display: Their name, ``None`` where it is not known.

    Raises:
        NotReadyError: There is no such run.
        UpstreamError: The server fails.

    """
    run = kept_run(services, run_id)
    if run is None:
        raise NotReadyError("no run of this name")
    with exclusive(services, write_lock(run.issuer)) as lock:
        kept = withdraw_plans(services, run.id)
        _find_lost(services, client, run)
        capabilities = client.capabilities()
        sender = Sender(
            services=services,
            client=client,
            run_id=run.id,
            patient_id=run.patient_id,
            lock=lock,
        )
        sent = entries(services, run.id)
        created = [e.reference for e in sent if e.method == "POST" and e.reference]
        targets = _in_order(created)
        marks = {ref: _mark(sender, ref, capabilities) for ref in targets}
        marked = [ref for ref, mark in marks.items() if mark is Mark.MADE]
        unchanged = [ref for ref, mark in marks.items() if mark is Mark.REFUSED]
        again, refused = reinstate_all(sender, unchanged)
        unchanged += refused
        if not _say_who(sender, run, marked, capabilities, by=by, display=display):
            unchanged.append("the Provenance of the withdrawal")
        if not unchanged:
            note_undone(services, run.id)
        keep_result(services, run.id, unchanged=unchanged)
        keep_write_state(services, run.id, WriteState.WITHDRAWN, None)
    counts = (len(marked), len(unchanged))
    logger.info("run %s withdrawn: %s resources, %s refused", run.id, *counts)
    return Undone(
        withdrawn=tuple(marked),
        reinstated=tuple(again),
        unmarked=tuple(ref for ref in dict.fromkeys(created) if ref not in targets),
        unchanged=tuple(unchanged),
        kept_plans=kept,
    )


def _in_order(created: Iterable[str]) -> list[str]:
    """Return what can be marked, what carries the plan first: it does most harm."""
    marked = [ref for ref in dict.fromkeys(created) if can_be_withdrawn(type_of(ref))]
    return sorted(marked, key=lambda reference: type_of(reference) not in CARRIERS)


def _find_lost(services: Services, client: FhirClient, run: SignedRun) -> None:
    """Find what was sent and never heard of again."""
    stubs = [
        stub
        for entry in entries(services, run.id)
        if entry.method == "POST" and entry.identifier and entry.is_lost
        for stub in _stubs(entry, run.patient_id)
    ]
    if stubs:
        found = find(client, stubs, run.patient_id)
        note_found(services, run.id, found.references)


def _stubs(entry: Entry, patient_id: str) -> Iterator[Resource]:
    """Yield as much of a resource as a search for it needs, for each of its kinds."""
    known = {"system": IDENTIFIER_SYSTEM}
    stub: Resource = {"resourceType": entry.target}
    if entry.target in TAGGED:
        stub["meta"] = {"tag": [known | {"code": entry.identifier}]}
    else:
        stub["identifier"] = [known | {"value": entry.identifier}]
    if entry.target not in SHARED_TYPES:
        stub["subject"] = {"reference": f"Patient/{patient_id}"}
    if entry.target == DOCUMENT:
        stub["type"] = {"coding": [PLAN_OF_CARE_NOTE, *DICOM_DOCUMENT_TYPES]}
    for category in CATEGORIES.get(entry.target, [None]):
        yield stub | ({"category": [category]} if category else {})


def _mark(sender: Sender, reference: str, capabilities: Capabilities) -> Mark:
    """Mark one resource; where somebody changes it meanwhile, what they made of it."""
    attempt = 0
    while resource := read_own(sender, reference):
        if is_withdrawn(resource):
            return Mark.MADE
        if not capabilities.updates(type_of(reference)):
            return Mark.REFUSED
        attempt += 1
        try:
            is_made = is_accepted(sender, withdrawn(resource, why=WHY))
        except EhrError as error:
            if error.status not in HTTP_CONFLICTS or attempt == ATTEMPTS:
                raise
        else:
            return Mark.MADE if is_made else Mark.REFUSED
    return Mark.GONE


def _say_who(  # noqa: PLR0913 - who and when
    sender: Sender,
    run: SignedRun,
    targets: Sequence[str],
    capabilities: Capabilities,
    *,
    by: str,
    display: str | None,
) -> bool:
    """Write a Provenance of the withdrawal where the server states that it takes one.

    Returns:
        Whether it was not refused.

    """
    if not targets or not capabilities.creates("Provenance"):
        return True
    origin = undo_provenance(
        targets, run_id=run.id, by=by, display=display, at=sender.services.clock()
    )
    if key(origin) in find(sender.client, [origin], run.patient_id).references:
        return True
    try:
        sender.send(create_request(origin, {}, is_conditional=False))
    except RefusedError as error:
        logger.warning("run %s: no Provenance of its withdrawal: %s", run.id, error)
        return False
    return True
