"""What of a report is on a server already, found by identifier."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_mappings.bundle import key, search_for
from fhir_mappings.references import local
from fhir_mappings.withdrawal import stands
from smart_app.fhir_server.client import FhirClient, Resource
from smart_app.upstream_errors import EhrError

CATEGORIZED: Final = frozenset({"CarePlan", "Observation"})
DOCUMENT: Final = "DocumentReference"
IDENTIFIERS_PER_SEARCH: Final = 15  # our choice: keeps URLs below 2,000 characters


@dataclass(frozen=True, slots=True)
class OnServer:
    """What a search by identifier brought.

    Attributes:
        standing: Identifier -> the resource, in the report's order.
        fallen: Identifiers of which only withdrawn resources are there.

    """

    standing: Mapping[str, Resource]
    fallen: frozenset[str] = frozenset()

    @property
    def references(self) -> dict[str, str]:
        """Identifier -> ``"Type/id"``."""
        return {name: reference_of(found) for name, found in self.standing.items()}


def find(
    client: FhirClient,
    resources: Sequence[Resource],
    patient_id: str,
    *,
    ours: frozenset[str] = frozenset(),
) -> OnServer:
    """Search a report on the server.

    Args:
        client: Client of the server.
        resources: All resources of the report.
        patient_id: Whose they are.
        ours: References that this run made itself: they count in any state, because a
            repeat must not write again what somebody has withdrawn since.

    Raises:
        EhrError: The server fails, or shows a part only.

    """
    found: dict[str, list[Resource]] = defaultdict(list)
    for resource_type, params in _searches(resources, patient_id):
        answer = client.search(resource_type, params, patient_id=patient_id)
        if answer.unreadable or not answer.is_complete:
            raise EhrError("cannot tell what is on the server already")
        for resource in answer.resources:
            found[key(resource)].append(resource)
    wanted = [key(resource) for resource in resources if found[key(resource)]]
    everything = [resource for name in wanted for resource in found[name]]
    fallen = {
        reference_of(resource)
        for resource in everything
        if not stands(resource) and reference_of(resource) not in ours
    }
    fallen |= {reference_of(item) for item in everything if _targets(item) & fallen}
    standing: dict[str, Resource] = {}
    for resource in everything:
        if reference_of(resource) not in fallen:
            standing.setdefault(key(resource), resource)
    return OnServer(standing, frozenset(wanted) - standing.keys())


def reference_of(resource: Resource) -> str:
    """Return ``"Type/id"`` of a resource that a server sent."""
    return f"{resource['resourceType']}/{resource['id']}"


def bounds(resource: Resource) -> tuple[str, str]:
    """Return the parameter without which some servers search nothing (Epic: 59108)."""
    if resource["resourceType"] == DOCUMENT:
        codings = resource["type"]["coding"]
        return "type", ",".join(f"{c['system']}|{c['code']}" for c in codings)
    if resource["resourceType"] not in CATEGORIZED:
        return "category", ""
    codings = [c for item in resource.get("category", []) for c in item["coding"]]
    return "category", "".join(f"{c['system']}|{c['code']}" for c in codings[:1])


def _targets(resource: Resource) -> set[str | None]:
    """Return what a Provenance is of: it falls with any of them."""
    return {local(item.get("reference", "")) for item in resource.get("target", [])}


def _searches(
    resources: Sequence[Resource], patient_id: str
) -> Iterator[tuple[str, dict[str, str]]]:
    tokens: dict[tuple[str, str, bool, tuple[str, str]], list[str]] = defaultdict(list)
    for resource in resources:
        search = search_for(resource)
        has_patient = "subject" in resource or "patient" in resource
        for name, value in search.params.items():
            kind = (search.resource_type, name, has_patient, bounds(resource))
            tokens[kind].append(value)
    for (resource_type, name, has_patient, bound), values in tokens.items():
        around = {"patient": patient_id} if has_patient else {}
        around |= dict([bound]) if bound[1] else {}
        if resource_type == DOCUMENT:  # some servers keep no identifier of documents
            yield resource_type, around
            continue
        for start in range(0, len(values), IDENTIFIERS_PER_SEARCH):
            some = values[start : start + IDENTIFIERS_PER_SEARCH]
            yield resource_type, {name: ",".join(some), **around}
