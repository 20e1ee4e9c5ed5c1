"""Two independent FHIR R4 validators, for every test that has a resource.

``errors(resource)`` asks both about R4, ``us_core_errors(resource)`` about US Core too.
"""

from tests.validation.engines import ENGINES, errors, us_core_errors

__all__ = ["ENGINES", "errors", "us_core_errors"]
