"""A plan that is signed takes the place of the one before: only one holds.

Of the plans that this application wrote for a patient, the one that was signed last
holds. It names those before it in ``replaces``; they, their steps and their goals are
marked as revoked, with ``If-Match``, where the EHR lets them be updated. What a
coordinator has completed meanwhile stays as it is.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from fhir_mappings.bundle import key
from fhir_mappings.codes import CARE_PLAN_CATEGORIES
from fhir_mappings.references import local
from fhir_mappings.withdrawal import can_be_replaced, replaced, stands
from smart_app.fhir_server.capabilities import Capabilities
from smart_app.fhir_server.client import FhirClient, Resource
from smart_app.fhir_server.finding import OnServer, reference_of
from smart_app.fhir_server.write_requests import WriteRequest, update_request
from smart_app.upstream_errors import EhrError
from smart_app.writing.ladder import PLAN
from smart_app.writing.sending import Sender

WHY: Final = "A plan that was signed later replaces this one."

logger = logging.getLogger(__name__)


def older_plans(
    client: FhirClient,
    patient_id: str,
    resources: Sequence[Resource],
    *,
    mine: Collection[str],
) -> list[Resource]:
    """Return the active plans of this application that a report would replace.

    Args:
        client: Client of the server.
        patient_id: Whose plans they are.
        resources: All resources of the report.
        mine: References that this run created: a plan of it that was replaced or
            withdrawn meanwhile replaces none, when its run is taken up again.

    Raises:
        EhrError: The server fails.

    """
    ours = {key(r) for r in resources if r["resourceType"] == PLAN}
    if not ours:
        return []
    category = CARE_PLAN_CATEGORIES[0]["coding"][0]
    params = {
        "patient": patient_id,
        "category": f"{category['system']}|{category['code']}",
    }
    found = client.search(PLAN, params, patient_id=patient_id)
    for plan in found.resources:
        if reference_of(plan) in mine and not stands(plan):
            return []
    return [
        plan
        for plan in found.resources
        if plan.get("status") == "active" and key(plan) and key(plan) not in ours
    ]


def replacing(
    resources: Sequence[Resource], older: Sequence[Resource]
) -> tuple[Resource, ...]:
    """Return a report whose plan names those that it replaces."""
    references = [{"reference": reference_of(plan)} for plan in older]
    return tuple(
        {**resource, "replaces": references}
        if references and resource["resourceType"] == PLAN
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
        older: The plans, as they were read.
        shared: References that the new report uses too, such as the same goal.
        capabilities: What the server says that it can do.

    Yields:
        The reference and the update, ``None`` where it cannot be updated.

    """
    for plan in older:
        # the plan last: what breaks off is found again by it
        for reference in (*_parts(plan), reference_of(plan)):
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


def replace_plans(
    sender: Sender,
    older: Sequence[Resource],
    after: OnServer,
    capabilities: Capabilities,
) -> list[str]:
    """Mark older plans as replaced; return what could not be marked, as differences.

    Args:
        sender: Sends.
        older: The plans, as they were read.
        after: What is on the server of the new report: it may share goals.
        capabilities: What the server says that it can do.

    """
    shared = {*after.references.values()}
    return [
        f"{reference}: still active, replaced by this plan"
        for reference, request in replacements(
            sender.client, older, shared, capabilities
        )
        if request is None or not _is_sent(sender, request)
    ]


def _is_sent(sender: Sender, request: WriteRequest) -> bool:
    try:
        sender.send(request)
    except EhrError as error:
        logger.warning("%s not marked as replaced: %s", request.path, error)
        return False
    return True


def _parts(plan: Resource) -> Iterator[str]:
    """Yield the steps and goals that a plan refers to."""
    links = [
        *plan.get("goal", []),
        *(a.get("reference") for a in plan.get("activity", [])),
    ]
    for link in links:
        reference = local((link or {}).get("reference", ""))
        if reference and reference.partition("/")[0] in {"Goal", "ServiceRequest"}:
            yield reference
