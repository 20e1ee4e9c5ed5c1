"""Units of UCUM (https://ucum.org/ucum): a number in one unit -> in another.

The only place where a unit of the chart is converted, and never by guessing: what the
library cannot parse, or what measures something else, is an error.
"""

import math
from functools import cache
from typing import Any, Final

from fhir_mappings.errors import UnusableValueError

#: Our choice: a longer text is no unit, and parsing it costs time.
_LONGEST: Final = 40
_PER_SURFACE: Final = "{1.73_m2}"


def converted(value: float, code: str, *, to: str) -> float:
    """Return a number in another unit.

    Args:
        value: The number in the unit that it comes in.
        code: That unit, in UCUM.
        to: The unit that is wanted, in UCUM.

    Raises:
        UnusableValueError: The code is no UCUM, or measures something else.

    """
    if code == to:
        return value
    annotated = "{" in f"{code} {to}".replace(_PER_SURFACE, "")
    if len(code) > _LONGEST or annotated:
        # an annotation may stand for anything; this one is part of its LOINC codes
        raise UnusableValueError("unit has an annotation that is not known here")
    number = _number(value, code, to)
    if not math.isfinite(number):
        raise UnusableValueError("no finite number")
    return number


def _number(value: float, code: str, to: str) -> float:
    # imported here, because they bring numpy with them and are seldom needed
    from lark.exceptions import LarkError  # noqa: PLC0415
    from pint import PintError  # noqa: PLC0415

    registry = _registry()
    try:
        given, wanted = registry.from_ucum(code), registry.from_ucum(to)
        return float((value * given).to(wanted.units).magnitude / wanted.magnitude)
    except (LarkError, PintError, ArithmeticError) as error:
        raise UnusableValueError("unit is not one that is known here") from error


@cache
def _registry() -> Any:  # noqa: ANN401 - a library without types
    from ucumvert import PintUcumRegistry  # noqa: PLC0415

    return PintUcumRegistry()
