"""What a signature would send, before anybody signs: the requests, and none is sent.

They are made by the code that the writer uses, of the same report; the server is only
read. The time of the signature, and ids that the server has not given yet, are those
of this moment.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from smart_app.cases.store import kept_case, signature
from smart_app.errors import NotReadyError, WriteNotGrantedError
from smart_app.fhir_server.capability_store import known_capabilities
from smart_app.fhir_server.chart import fhir_client
from smart_app.fhir_server.finding import find
from smart_app.fhir_server.write_requests import WriteRequest, address
from smart_app.launch.launches import OpenLaunch
from smart_app.services import Services
from smart_app.writing.journal import created_by, entries
from smart_app.writing.ladder import WritePlan
from smart_app.writing.outgoing import current_plan, outgoing, preview_signature
from smart_app.writing.replacing import find_older, replacements, replacing
from smart_app.writing.sending import planned_requests


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What a signature would send.

    Attributes:
        issuer: FHIR base of the EHR.
        plan: What goes where.
        requests: The requests, in their order.
        unreplaced: References of older plans, their parts and older documents that
            would still hold because the server lets them not be updated.

    """

    issuer: str
    plan: WritePlan
    requests: tuple[WriteRequest, ...]
    unreplaced: tuple[str, ...]


def dry_run(services: Services, launch: OpenLaunch) -> DryRun:
    """Return what a signature of the user of a launch would send at this moment.

    Raises:
        NotReadyError: There is no report.
        WriteNotGrantedError: Nobody can sign.
        UnmappableReportError: The report must not be written.
        EhrError: The server fails.

    """
    case, signed = kept_case(services, launch.id), signature(services, launch.id)
    if case is None:
        raise NotReadyError("dry run before report")
    if launch.signer is None:
        raise WriteNotGrantedError("dry run without a known professional")
    client, patient_id = fhir_client(services, launch), launch.context.patient_id
    capabilities = known_capabilities(services, launch)
    plan = current_plan(services, launch, signed.refused if signed else ())
    signed = signed or preview_signature(services, launch.signer, plan)
    report = outgoing(services, launch, case, signed, plan)
    mine = created_by(entries(services, launch.id))
    older = find_older(client, patient_id, report.resources, mine=mine)
    resources = replacing(report.resources, older)
    before = find(client, resources, patient_id, ours=mine)
    shared = {*before.references.values()}
    updates = [*replacements(client, older, shared, capabilities)]
    return DryRun(
        issuer=launch.issuer,
        plan=plan,
        requests=(
            *planned_requests(resources, before, capabilities, plan),
            *(request for _, request in updates if request),
        ),
        unreplaced=tuple(reference for reference, request in updates if not request),
    )


def lines(run: DryRun) -> Iterator[str]:
    """Yield a dry run as text, each request as it goes over the wire but the token."""
    for request in run.requests:
        yield f"{request.method} {address(run.issuer, request)}"
        yield from (f"{name}: {value}" for name, value in request.headers.items())
        yield ""
        yield body(request)
        yield ""


def body(request: WriteRequest) -> str:
    """Return the JSON of a request, indented to be read."""
    return json.dumps(request.body, indent=2, ensure_ascii=False)
