"""Sending a run to a server: journaled, of one patient, by one process at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_mappings.bundle import full_url, key
from smart_app.ehrs.writable import TRANSACTION
from smart_app.errors import UpstreamError
from smart_app.fhir_server.capabilities import Capabilities
from smart_app.fhir_server.client import FhirClient, Resource, Written
from smart_app.fhir_server.finding import OnServer
from smart_app.fhir_server.write_requests import (
    WriteRequest,
    create_request,
    require_subject,
    transaction_request,
)
from smart_app.locks import Held
from smart_app.services import Services
from smart_app.upstream_errors import RefusedError
from smart_app.writing.journal import note_answer, note_sent
from smart_app.writing.ladder import WritePlan

#: Answers by which a server turns a type away rather than failing. 403 is none: the
#: granted scopes tell already, and a permission may come back.
REFUSALS: Final = frozenset({400, 404, 405, 415, 422, 501})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends the requests of one run.

    Attributes:
        services: Holds the journal.
        client: Client of the server.
        run_id: Whose journal it is.
        patient_id: The only patient who may be written about.
        lock: Held while anything is sent.

    """

    services: Services
    client: FhirClient
    run_id: str
    patient_id: str
    lock: Held

    def send(self, request: WriteRequest) -> Written:
        """Note a request, send it, and mark what was answered.

        Raises:
            ForeignSubjectError: It would change something of another patient.
            WriteBusyError: Another process took over.
            UpstreamError: The server refuses or fails.

        """
        require_subject(request, self.patient_id)
        self.lock.require()
        rows = note_sent(self.services, self.run_id, request)
        try:
            written = self.client.write(request)
        except UpstreamError as error:
            if error.status is not None:
                note_answer(self.services, rows, error.status)
            if error.status in REFUSALS and request.method == "POST":
                refused = request.path or TRANSACTION
                raise RefusedError(refused, status=error.status) from error
            raise
        note_answer(
            self.services,
            rows,
            written.status,
            reference=written.reference,
            version=written.version,
        )
        return written


def send_resources(
    sender: Sender,
    resources: Sequence[Resource],
    before: OnServer,
    capabilities: Capabilities,
    plan: WritePlan,
) -> None:
    """Create what is not on the server yet.

    Args:
        sender: Sends.
        resources: All resources of the report.
        before: What of them is on the server.
        capabilities: What the server says that it can do.
        plan: What goes where.

    Raises:
        RefusedError: The server turned a type away, or the transaction.
        UpstreamError: The server fails.

    """
    existing = before.references
    if plan.is_atomic:
        sender.send(transaction_request(resources, existing=existing))
        return
    references: dict[str, str] = {}
    for resource in resources:
        request = single_request(resource, references, before, capabilities)
        reference = existing.get(key(resource)) or sender.send(request).reference
        references[full_url(resource)] = str(reference)


def planned_requests(
    resources: Sequence[Resource],
    before: OnServer,
    capabilities: Capabilities,
    plan: WritePlan,
) -> list[WriteRequest]:
    """Return the requests that ``send_resources`` would send.

    In single requests the references to what has no id yet are still ``urn:uuid``.
    """
    existing = before.references
    missing = [r for r in resources if key(r) not in existing]
    if not missing:
        return []
    if plan.is_atomic:
        return [transaction_request(resources, existing=existing)]
    known = {full_url(r): existing[key(r)] for r in resources if key(r) in existing}
    return [single_request(r, known, before, capabilities) for r in missing]


def single_request(
    resource: Resource,
    references: Mapping[str, str],
    before: OnServer,
    capabilities: Capabilities,
) -> WriteRequest:
    """Return the creation of one resource.

    It is conditional where the server knows that and finds no withdrawn one instead.
    """
    is_known = resource["resourceType"] in capabilities.conditional_creates
    is_conditional = is_known and key(resource) not in before.fallen
    return create_request(resource, references, is_conditional=is_conditional)
