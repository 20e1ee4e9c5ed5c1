"""What a run replaced holds again once the run is withdrawn.

The newest plan that stands is the one that holds: where a later run has replaced what
is withdrawn, the older plan waits until that run is withdrawn too.
"""

from collections.abc import Collection, Iterator
from typing import Final

from fhir_mappings.references import local, type_of
from fhir_mappings.withdrawal import is_replaced, is_withdrawn, reinstated
from smart_app.ehrs.writable import DOCUMENT
from smart_app.errors import ForeignSubjectError
from smart_app.fhir_server.client import Resource
from smart_app.fhir_server.write_requests import update_request
from smart_app.upstream_errors import EhrError, UnversionedError
from smart_app.writing.journal import (
    Entry,
    created_by,
    creator,
    entries,
    is_replaced_by_another,
)
from smart_app.writing.ladder import CARRIERS, PLAN
from smart_app.writing.sending import REFUSALS, Sender

HTTP_FORBIDDEN: Final = 403
HTTP_GONE: Final = frozenset({404, 410})


def reinstate_all(
    sender: Sender, standing: Collection[str]
) -> tuple[list[str], list[str]]:
    """Let hold again what a withdrawn run replaced, unless somebody changed it since.

    Args:
        sender: Sends for the run.
        standing: What the server did not let be withdrawn: what a carrier among them
            replaced stays replaced, because two would hold.

    Returns:
        What holds again, and what the server refused.

    """
    again: list[str] = []
    refused: list[str] = []
    made = created_by(entries(sender.services, sender.run_id))
    carriers = [reference for reference in made if type_of(reference) in CARRIERS]
    if is_replaced_by_another(sender.services, sender.run_id, carriers):
        return again, refused
    standing_kinds = {*map(type_of, standing)}
    for entry, resource in _replaced(sender, sender.run_id, standing_kinds):
        is_ours = resource.get("meta", {}).get("versionId") == entry.version
        if is_ours and is_replaced(resource):
            is_made = is_accepted(sender, reinstated(resource))
            (again if is_made else refused).append(entry.target)
    return again, refused


def _replaced(
    sender: Sender, run_id: str, standing_kinds: Collection[str]
) -> Iterator[tuple[Entry, Resource]]:
    """Yield the updates of what a run replaced, each with the resource as it is now.

    Where that was withdrawn meanwhile, also of what it had replaced itself.
    """
    written = entries(sender.services, run_id)
    made = created_by(written)
    for entry in written:
        if entry.method != "PUT" or entry.target in made:
            continue
        carrier = DOCUMENT if type_of(entry.target) == DOCUMENT else PLAN
        resource = None if carrier in standing_kinds else read_own(sender, entry.target)
        if resource is None:
            continue
        yield entry, resource
        if type_of(entry.target) in CARRIERS and is_withdrawn(resource):
            before = creator(sender.services, run_id, entry.target)
            if before:
                yield from _replaced(sender, before, standing_kinds)


def is_accepted(sender: Sender, resource: Resource) -> bool:
    """Send an update; tell whether the server took it.

    Raises:
        EhrError: It fails, or somebody changed the resource since it was read.

    """
    try:
        sender.send(update_request(resource))
    except UnversionedError:
        return False
    except EhrError as error:
        if error.status not in REFUSALS | {HTTP_FORBIDDEN}:
            raise
        return False
    return True


def read_own(sender: Sender, reference: str) -> Resource | None:
    """Return what this application wrote, ``None`` where it was deleted."""
    try:
        resource = sender.client.read(*reference.split("/"))
    except EhrError as error:
        if error.status not in HTTP_GONE:
            raise
        return None
    owner = (resource.get("subject") or {}).get("reference", "")
    if local(owner) != f"Patient/{sender.patient_id}":
        raise ForeignSubjectError(f"{type_of(reference)} is of another patient")
    return resource
