"""What was done, prescribed or ordered -> treatments tried, and flags of drugs.

An order or a prescription says that somebody meant it, not that it happened:
``Treatment.was_given`` tells the two apart.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from fhir_mappings import chart_codes
from fhir_mappings.chart_codes import Code
from fhir_mappings.concepts import codes_of, words_of
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import first_day, is_future, past_day, weeks_between
from fhir_mappings.errors import UnusableValueError
from fhir_mappings.site_codes import SiteCodes
from inference.results import ChartCondition, Flag, Treatment, TreatmentKind

_MEDICATION: Final = ("medicationCodeableConcept", "medicationReference", "subject")
ELEMENTS: Final = {
    "Procedure": frozenset(
        {"id", "status", "code", "subject", "performedDateTime", "performedPeriod"}
    ),
    "MedicationRequest": frozenset(
        {"id", "status", "intent", "doNotPerform", "authoredOn", *_MEDICATION}
    ),
    "MedicationStatement": frozenset(
        {"id", "status", "effectiveDateTime", "effectivePeriod", *_MEDICATION}
    ),
    "ServiceRequest": frozenset(
        {"id", "status", "intent", "doNotPerform", "code", "subject", "authoredOn"}
    ),
}
#: Statuses that say that something is or was so, per type: https://hl7.org/fhir/R4.
_REAL: Final = {
    "Procedure": frozenset({"in-progress", "stopped", "completed"}),
    "MedicationRequest": frozenset({"active", "on-hold", "completed", "stopped"}),
    "MedicationStatement": frozenset({"active", "completed", "stopped", "on-hold"}),
    "ServiceRequest": frozenset({"active", "on-hold", "completed"}),
}
_ONGOING: Final = frozenset({"active", "in-progress"})
_NOT_ORDERS: Final = frozenset({"proposal", "plan", "option"})
#: Our choice: what ended longer ago was hardly for the pain of today.
LIMIT_DAYS: Final = 730


def treatments_of(
    resource: Resource, *, today: date, site: SiteCodes
) -> tuple[Treatment, ...]:
    """Return the treatments of low back pain that a resource tells of.

    Args:
        resource: A readable one of the types in ``ELEMENTS``.
        today: The day of the analysis.
        site: What the site's own codes mean.

    Raises:
        UnusableValueError: It names no drug, or is dated after today.

    """
    if not is_real(resource):
        return ()
    what = _what(resource)
    start, end = _times(resource)
    is_drug = resource["resourceType"].startswith("Medication")
    kinds = dict.fromkeys(
        [*_coded_kinds(what, site), *(_named_kinds(what) if is_drug else ())]
    )
    if not kinds or _is_past(end or start, today):
        return ()
    if start and is_future(start, today=today):
        raise UnusableValueError("dated after today")
    if end is None and resource["status"] in _ONGOING:
        end = today.isoformat()
    given = resource["resourceType"] in {"Procedure", "MedicationStatement"}
    return tuple(
        Treatment(
            kind=kind,
            label=words_of(what) or kind.value,
            source=f"{resource['resourceType']}/{resource['id']}",
            started_on=first_day(start) if start else None,
            weeks=weeks_between(start, end, today=today) if given else None,
            was_given=given,
        )
        for kind in kinds
    )


def flags_of(
    resource: Resource, *, today: date, site: SiteCodes
) -> tuple[ChartCondition, ...]:
    """Return what follows from a procedure or a drug: surgery, an anticoagulant.

    Raises:
        UnusableValueError: It names no drug.

    """
    if not is_real(resource):
        return ()
    what, kind = _what(resource), resource["resourceType"]
    start, _ = _times(resource)
    known = {site.flags[code] for code in codes_of(what) if code in site.flags}
    if kind == "Procedure" and set(codes_of(what)) & chart_codes.SPINE_SURGERY:
        known.add(Flag.SPINE_SURGERY)
    if kind.startswith("Medication") and resource["status"] in _ONGOING:
        known |= {Flag.ANTICOAGULANT} if _is_anticoagulant(what) else set()
    return tuple(
        ChartCondition(
            flag=flag,
            label=words_of(what) or flag.value,
            source=f"{kind}/{resource['id']}",
            recorded_on=past_day(start, today=today),
        )
        for flag in sorted(known)
    )


def is_real(resource: Resource) -> bool:
    """Tell whether the status says that something is or was so, and was meant."""
    is_meant = resource.get("intent") not in _NOT_ORDERS
    is_wanted = not resource.get("doNotPerform", False)
    return (
        resource.get("status") in _REAL[resource["resourceType"]]
        and is_meant
        and is_wanted
    )


def _what(resource: Resource) -> Resource:
    """Return the concept of what was done; of a drug elsewhere only its words."""
    if not resource["resourceType"].startswith("Medication"):
        return dict(resource.get("code", {}))
    concept = resource.get("medicationCodeableConcept") or {
        "text": resource.get("medicationReference", {}).get("display", "")
    }
    if not words_of(concept) and not any(code for _, code in codes_of(concept)):
        raise UnusableValueError("the drug has no name here")
    return dict(concept)


def _coded_kinds(what: Resource, site: SiteCodes) -> Iterator[TreatmentKind]:
    for code in codes_of(what):
        if code in site.treatments:
            yield site.treatments[code]
        elif code in chart_codes.TREATMENTS:
            yield chart_codes.TREATMENTS[code]
        yield from (
            kind
            for letters, kind in chart_codes.ATC_TREATMENTS.items()
            if _is_atc(code, letters)
        )


def _named_kinds(what: Resource) -> Iterator[TreatmentKind]:
    if not _names(what, chart_codes.TOPICAL):
        if _names(what, chart_codes.NSAIDS):
            yield TreatmentKind.NSAID
        if _names(what, chart_codes.OPIOIDS):
            yield TreatmentKind.OPIOID


def _is_anticoagulant(what: Resource) -> bool:
    classes = chart_codes.ATC_ANTICOAGULANTS
    has_class = any(_is_atc(code, item) for code in codes_of(what) for item in classes)
    return has_class or _names(what, chart_codes.ANTICOAGULANTS)


def _is_atc(code: Code, letters: str) -> bool:
    return code[0] == chart_codes.ATC and code[1].startswith(letters)


def _names(what: Resource, substances: tuple[str, ...]) -> bool:
    """Tell whether the words of a concept name one of the substances."""
    displays = [coding.get("display", "") for coding in what.get("coding", [])]
    text = " ".join([what.get("text", ""), *displays]).lower()
    return re.search(rf"\b(?:{'|'.join(substances)})\b", text) is not None


def _times(resource: Resource) -> tuple[str | None, str | None]:
    """Return the first and the last time of a resource, as FHIR writes them."""
    period: dict[str, Any] = resource.get("performedPeriod") or resource.get(
        "effectivePeriod", {}
    )
    single = (
        resource.get("performedDateTime")
        or resource.get("effectiveDateTime")
        or resource.get("authoredOn")
    )
    return period.get("start") or single, period.get("end")


def _is_past(last: str | None, today: date) -> bool:
    return bool(last) and (today - first_day(str(last))).days > LIMIT_DAYS
