"""What is signed takes the place of what was signed before: only one plan holds.

Of the plans that this application wrote for a patient, the one that was signed last
holds, and of the documents with a plan the last one. A CarePlan names those before it
in ``replaces``, a DocumentReference in ``relatesTo``; they, and the steps and goals of
a CarePlan, are marked as replaced, with ``If-Match``, where the EHR lets them be
updated. What a coordinator has completed meanwhile stays as it is.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from fhir_mappings.bundle import key
from fhir_mappings.references import local, type_of
from fhir_mappings.withdrawal import can_be_replaced, naming, replaced, stands
from smart_app.ehrs.writable import DOCUMENT
from smart_app.fhir_server.capabilities import Capabilities
from smart_app.fhir_server.client import FhirClient, Resource
from smart_app.fhir_server.finding import OnServer, bounds, reference_of
from smart_app.fhir_server.write_requests import WriteRequest, update_request
from smart_app.upstream_errors import EhrError
from smart_app.writing.ladder import CARRIERS
from smart_app.writing.sending import Sender

WHY: Final = "A plan that was signed later replaces this one."

logger = logging.getLogger(__name__)


def find_older(
    client: FhirClient,
    patient_id: str,
    resources: Sequence[Resource],
    *,
    mine: Collection[str],
) -> list[Resource]:
    """Return what of this application holds and a report would replace.

    Args:
        client: Client of the server.
        patient_id: Whose plans and documents they are.
        resources: All resources of the report.
        mine: References that this run created: a plan of it that was replaced or
            withdrawn meanwhile replaces none, when its run is taken up again.

    Raises:
        EhrError: The server fails.

    """
    return [
        item
        for resource in resources
        if resource["resourceType"] in CARRIERS
        for item in _older(client, patient_id, resource, mine)
    ]


def replacing(
    resources: Sequence[Resource], older: Sequence[Resource]
) -> tuple[Resource, ...]:
    """Return a report whose plan and document name those that they replace."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for item in older:
        names[item["resourceType"]].append(reference_of(item))
    return tuple(
        naming(resource, names[kind])
        if (kind := resource["resourceType"]) in names
        else resource
        for resource in resources
    )


def replacements(
    client: FhirClient,
    older: Sequence[Resource],
    shared: Collection[str],
    capabilities: Capabilities,
) -> Iterator[tuple[str, WriteRequest | None]]:
    """Yield what is to be marked as replaced, each read just before.

    Args:
        client: Client of the server.
        older: The plans and documents, as they were read.
        shared: References that the new report uses too, such as the same goal.
        capabilities: What the server says that it can do.

    Yields:
        The reference and the update, ``None`` where it cannot be updated.

    """
    for item in older:
        # the plan last: what breaks off is found again by it
        for reference in (*_parts(item), reference_of(item)):
            kind, _, known = reference.partition("/")
            if reference in shared:
                continue
            if not capabilities.updates(kind):
                yield reference, None
                continue
            try:
                resource = client.read(kind, known)
                if not key(resource) or not can_be_replaced(resource):
                    continue
                request = update_request(replaced(resource, why=WHY))
            except EhrError as error:
                logger.warning("%s not to be replaced: %s", kind, error)
                yield reference, None
            else:
                yield reference, request


def replace_older(
    sender: Sender,
    older: Sequence[Resource],
    after: OnServer,
    capabilities: Capabilities,
) -> list[str]:
    """Mark as replaced what is older; return what could not be, as differences.

    Args:
        sender: Sends.
        older: The plans and documents, as they were read.
        after: What is on the server of the new report: it may share goals.
        capabilities: What the server says that it can do.

    """
    shared = {*after.references.values()}
    return [
        f"{reference}: {_still(reference)}"
        for reference, request in replacements(
            sender.client, older, shared, capabilities
        )
        if request is None or not _is_sent(sender, request)
    ]


def _older(
    client: FhirClient, patient_id: str, resource: Resource, mine: Collection[str]
) -> list[Resource]:
    params = {"patient": patient_id, **dict([bounds(resource)])}
    found = client.search(resource["resourceType"], params, patient_id=patient_id)
    # by type once more: documents of ours that lead to the archive replace nothing
    same = [item for item in found.resources if _types(resource) <= _types(item)]
    if any(reference_of(item) in mine and not stands(item) for item in same):
        return []
    return [
        item
        for item in same
        if can_be_replaced(item) and key(item) and key(item) != key(resource)
    ]


def _types(resource: Resource) -> set[tuple[str | None, str | None]]:
    """Return the codes that say which kind of document it is; a plan has none."""
    codings = resource.get("type", {}).get("coding", [])
    return {(coding.get("system"), coding.get("code")) for coding in codings}


def _still(reference: str) -> str:
    if type_of(reference) == DOCUMENT:
        return "still current, replaced by this document"
    return "still active, replaced by this plan"


def _is_sent(sender: Sender, request: WriteRequest) -> bool:
    try:
        sender.send(request)
    except EhrError as error:
        logger.warning("%s not marked as replaced: %s", request.path, error)
        return False
    return True


def _parts(plan: Resource) -> Iterator[str]:
    """Yield the steps and goals that a plan refers to; a document has none."""
    links = [
        *plan.get("goal", []),
        *(a.get("reference") for a in plan.get("activity", [])),
    ]
    for link in links:
        reference = local((link or {}).get("reference", ""))
        if reference and type_of(reference) in {"Goal", "ServiceRequest"}:
            yield reference
