"""Who is open: the line that every page shows about the patient. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_mappings.gather import best_name

UNKNOWN: Final = "not in the chart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """Words for the patient banner, in the words of the chart.

    Attributes:
        name: Full name.
        birth_date: As the chart writes it, possibly a year only.
        sex: Administrative gender.
        record_number: Medical record number.

    """

    name: str = field(repr=False)
    birth_date: str = field(repr=False)
    sex: str = field(repr=False)
    record_number: str = field(repr=False)


UNREAD: Final = Banner(
    name="not yet read", birth_date="not yet read", sex="", record_number=""
)


def banner_of(patient: Mapping[str, Any]) -> Banner:
    """Return the banner of a valid Patient."""
    return Banner(
        name=person_name(patient) or UNKNOWN,
        birth_date=str(patient.get("birthDate") or UNKNOWN),
        sex=str(patient.get("gender") or UNKNOWN),
        record_number=_record_number(patient) or UNKNOWN,
    )


def person_name(person: Mapping[str, Any]) -> str:
    """Return the name that a valid Patient or Practitioner goes by, or ``""``."""
    best = best_name(person)
    parts = [*best.get("given", ()), best.get("family", "")]
    return " ".join(filter(None, parts)) or str(best.get("text", ""))


def _record_number(patient: Mapping[str, Any]) -> str | None:
    numbers = [i for i in patient.get("identifier") or () if i.get("value")]
    medical = [item for item in numbers if "MR" in _codes(item)]
    return next((str(item["value"]) for item in medical or numbers), None)


def _codes(identifier: Mapping[str, Any]) -> set[str]:
    codings = (identifier.get("type") or {}).get("coding") or ()
    return {str(coding.get("code")) for coding in codings}
