"""The border with ``fhir.resources.R4B``: what may come in, and what may go out.

R4B (4.3.0) is the closest that the library has to R4 (4.0.1). The types that we use
are the same in both; the tests validate against the R4 definitions as well.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import is_time
from fhir_mappings.errors import UnmappableReportError

_TIMES: Final = frozenset(
    {
        *("effectiveDateTime", "effectiveInstant", "issued", "start", "end"),
        *("started", "birthDate", "onsetDateTime", "recordedDate", "authoredOn"),
        *("performedDateTime", "authored"),
    }
)


def built(resource: Resource) -> Resource:
    """Build the model of a resource and return its JSON.

    Args:
        resource: What we want to send.

    Returns:
        The same as plain JSON, elements in FHIR's order.

    Raises:
        UnmappableReportError: It is not valid. The message names elements, no values.

    """
    model_class = get_fhir_model_class(resource["resourceType"])
    try:
        model = model_class.model_validate(resource)
    except ValidationError as error:
        paths = [".".join(map(str, issue["loc"])) for issue in error.errors()]
        raise UnmappableReportError(f"R4B refuses {', '.join(paths)}") from None
    plain: Resource = json.loads(model.model_dump_json())
    return plain


def readable(resource: Resource, elements: frozenset[str]) -> Resource | None:
    """Return the elements that we read of a resource, or ``None`` if they are broken.

    What we do not read may be wrong: a bad narrative must not cost a good value.

    Args:
        resource: What a server sent.
        elements: Names of the elements to keep.

    """
    names = elements | {"resourceType"}
    present = _without_nulls(resource).items()
    kept = {name: value for name, value in present if name in names}
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(kept)
    except ValidationError:
        return None
    return kept if all(map(is_time, _times(kept))) else None


def _times(node: Any) -> Iterator[object]:  # noqa: ANN401 - JSON
    """Yield all dates and times: the models take numbers for them, FHIR does not."""
    if isinstance(node, list):
        for item in node:
            yield from _times(item)
    elif isinstance(node, dict):
        yield from (value for name, value in node.items() if name in _TIMES)
        for value in node.values():
            yield from _times(value)


def _without_nulls(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON without ``null``, which stands for "absent" and breaks readers."""
    if isinstance(node, list):
        return [_without_nulls(item) for item in node if item is not None]
    if isinstance(node, dict):
        return {n: _without_nulls(v) for n, v in node.items() if v is not None}
    return node
