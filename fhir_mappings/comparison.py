"""What a server dropped or changed of a resource that it was sent.

What the server adds is its own business; what it normalizes without a change of
meaning (whitespace, equal times, resolved references) is no difference.
"""

import re
from datetime import datetime
from html import unescape
from typing import Any, Final

from fhir_mappings.datatypes import Resource
from fhir_mappings.references import local

#: Set by the server, whatever was sent.
_SERVER_OWNED: Final = frozenset({"id", "meta.versionId", "meta.lastUpdated"})
_TEMPORARY: Final = "urn:uuid:"
_TAG: Final = re.compile(r"<[^>]*>")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def differences(sent: Resource, stored: Resource) -> tuple[str, ...]:
    """Return where the stored resource says less or something else than was sent.

    Args:
        sent: The resource as it was sent; resolve it first where the references are
            known, because a ``urn:uuid`` agrees with any reference.
        stored: The resource as it is read back.

    Returns:
        Paths such as ``"Observation.valueQuantity.value"``, empty where nothing is
        lost.

    """
    if sent["resourceType"] != stored.get("resourceType"):
        return ("resourceType",)
    owned = {f"{sent['resourceType']}.{path}" for path in _SERVER_OWNED}
    found = _differences(sent, stored, sent["resourceType"])
    return tuple(path for path in found if path not in owned)


def _differences(sent: Any, stored: Any, path: str) -> list[str]:  # noqa: ANN401 - JSON
    if isinstance(sent, dict) and isinstance(stored, dict):
        found = []
        for name, value in sent.items():
            found += _differences(value, stored.get(name), f"{path}.{name}")
        return found
    if isinstance(sent, list) and isinstance(stored, list):
        return _list_differences(sent, stored, path)
    return [] if _is_same(sent, stored, path) else [path]


def _list_differences(sent: list[Any], stored: list[Any], path: str) -> list[str]:
    """Compare lists; a server may put its own items between ours or sort them.

    Every stored item answers for one sent item, the one in the same place first, so
    that two equal ones do not hide the loss of one.
    """
    unused = dict(enumerate(stored))
    moved = [
        (index, item)
        for index, item in enumerate(sent)
        if not _take(item, unused, [index], path)
    ]
    lost = [pair for pair in moved if not _take(pair[1], unused, [*unused], path)]
    return [
        found
        for index, item in lost
        for found in _differences(item, unused.get(index), f"{path}[{index}]")
    ]


def _take(item: Any, unused: dict[int, Any], places: list[int], path: str) -> bool:  # noqa: ANN401 - JSON
    for place in places:
        if place in unused and not _differences(item, unused[place], path):
            del unused[place]
            return True
    return False


def _is_same(sent: Any, stored: Any, path: str) -> bool:  # noqa: ANN401 - JSON
    if isinstance(sent, str) and isinstance(stored, str):
        return sent == stored or _means_same(sent, stored, path)
    return isinstance(sent, bool) == isinstance(stored, bool) and bool(sent == stored)


def _means_same(sent: str, stored: str, path: str) -> bool:
    if path.endswith(".reference"):
        return _is_same_reference(sent, stored)
    if path.endswith(".div"):
        return _words(sent) == _words(stored)
    if _INSTANT.fullmatch(sent) and _INSTANT.fullmatch(stored):
        return datetime.fromisoformat(sent) == datetime.fromisoformat(stored)
    return False


def _is_same_reference(sent: str, stored: str) -> bool:
    if sent.startswith(_TEMPORARY):
        return local(stored) is not None
    return local(sent) is not None and local(sent) == local(stored)


def _words(div: str) -> list[str]:
    return unescape(_TAG.sub(" ", div)).split()
