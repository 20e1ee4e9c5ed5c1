"""What tests of other packages borrow from the tests of the sandbox."""

from datetime import date, datetime
from typing import Any

from sandbox.charts import CLINIC_TIME, batch


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    """Return a batch that stores the resources under their own ids."""
    return batch(list(resources))


def today() -> date:
    """Return the day on which the demo plays, as the clinic's calendar shows it."""
    return datetime.now(CLINIC_TIME).date()
