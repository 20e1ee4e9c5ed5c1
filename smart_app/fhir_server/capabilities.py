"""What a FHIR server says that it can do (https://hl7.org/fhir/R4/capabilitystatement.html).

Pure. A statement is somebody else's data: what cannot be understood is not there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The part of a CapabilityStatement that writing depends on.

    Attributes:
        has_transactions: Whether the server takes a transaction.
        interactions: Type -> what may be done with it: ``create``, ``search-type``...
        conditional_creates: Types that are created only where a search finds none.

    """

    has_transactions: bool
    interactions: Mapping[str, frozenset[str]]
    conditional_creates: frozenset[str]

    @classmethod
    def of(cls, statement: Mapping[str, Any]) -> Self:
        """Read a CapabilityStatement."""
        rests = [*_objects(statement, "rest")]
        types = [item for rest in rests for item in _objects(rest, "resource")]
        return cls(
            has_transactions="transaction"
            in {code for rest in rests for code in _interactions(rest)},
            interactions={str(item.get("type")): _interactions(item) for item in types},
            conditional_creates=frozenset(
                str(item.get("type"))
                for item in types
                if item.get("conditionalCreate") is True
            ),
        )

    def creates(self, resource_type: str) -> bool:
        """Tell whether a type can be created, and found again by a search."""
        return {"create", "search-type"} <= self._of(resource_type)

    def updates(self, resource_type: str) -> bool:
        """Tell whether a type can be updated."""
        return "update" in self._of(resource_type)

    def _of(self, resource_type: str) -> frozenset[str]:
        return self.interactions.get(resource_type, frozenset())


def _interactions(node: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(item.get("code")) for item in _objects(node, "interaction"))


def _objects(node: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    found = node.get(name)
    items = found if isinstance(found, list) else []
    return (item for item in items if isinstance(item, Mapping))
