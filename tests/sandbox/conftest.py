"""What tests of other packages borrow from the tests of the sandbox."""

from typing import Any

from sandbox.charts import batch


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    """Return a batch that stores the resources under their own ids."""
    return batch(list(resources))
