"""Builders of small FHIR R4 datatypes (https://hl7.org/fhir/R4/datatypes.html)."""

from collections.abc import Iterable
from html import escape
from typing import Any, Final

from fhir_mappings.codes import DICOM_UID, UCUM

Resource = dict[str, Any]

_XHTML: Final = "http://www.w3.org/1999/xhtml"


def reference(target: str, display: str | None = None) -> Resource:
    """Return a Reference, with a display where there is one.

    ``"urn:oid:1.2.3"`` is a DICOM study that no resource of the server stands for: it
    is referred to by its identifier (https://hl7.org/fhir/R4/references.html#logical).
    """
    said: Resource = {"reference": target}
    if target.startswith("urn:oid:"):
        identifier = {"system": DICOM_UID, "value": target}
        said = {"type": "ImagingStudy", "identifier": identifier}
    return said | ({"display": display} if display else {})


def concept(text: str, *codings: dict[str, str] | None) -> dict[str, Any]:
    """Return a CodeableConcept of a text and the codings that exist for it."""
    known = [coding for coding in codings if coding]
    return ({"coding": known} if known else {}) | {"text": text}


def quantity(value: float, *, unit: str, code: str, digits: int) -> dict[str, Any]:
    """Return a Quantity in UCUM, rounded: the one place where values are rounded.

    Args:
        value: Full precision.
        unit: Unit as people write it.
        code: Unit in UCUM.
        digits: Decimals that are kept; below zero, digits before the decimal point
            that are not.

    Returns:
        A Quantity whose value has no more decimals than ``digits`` in the text of the
        JSON: an ``int`` where none is kept. Zeros at the end are not promised ("0.5"
        stands for 0.50), because servers drop them in any case.

    """
    rounded = round(value, digits)
    number = rounded if digits > 0 else int(rounded)
    return {"value": number, "unit": unit, "system": UCUM, "code": code}


def narrative(title: str, paragraphs: Iterable[str]) -> dict[str, str]:
    """Return a generated Narrative of escaped text: no markup comes in from outside."""
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    heading = f"<p><b>{escape(title)}</b></p>"
    return {
        "status": "generated",
        "div": f'<div xmlns="{_XHTML}">{heading}{body}</div>',
    }
