"""Condition resources -> the flags that change what may be suggested."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from fhir_mappings.chart_codes import (
    CONDITION_FLAGS,
    ICD10_EXCEPTIONS,
    ICD10_FLAGS,
    ICD10_SYSTEMS,
)
from fhir_mappings.concepts import codes_of, words_of
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import past_day, whole_weeks
from fhir_mappings.site_codes import SiteCodes
from inference.results import ChartCondition, Flag

ELEMENTS: Final = frozenset(
    {
        *("id", "clinicalStatus", "verificationStatus", "code", "subject"),
        *("onsetDateTime", "onsetPeriod", "recordedDate"),
    }
)

# https://hl7.org/fhir/R4/valueset-condition-ver-status.html
_NEVER_TRUE = frozenset({"refuted", "entered-in-error"})
# https://hl7.org/fhir/R4/valueset-condition-clinical.html
_OVER = frozenset({"inactive", "remission", "resolved"})
#: A history of these counts: of cancer, as a red flag of its own (AHCPR table in
#: NBK52120); of an ulcer, against an NSAID (NHSGGC); of surgery, for the outcome.
_COUNTS_WHEN_OVER = frozenset({Flag.MALIGNANCY, Flag.PEPTIC_ULCER, Flag.SPINE_SURGERY})
_NO_WORDS: Final = "no words given"


def flagged(
    condition: Resource, *, today: date, site: SiteCodes
) -> tuple[ChartCondition, ...]:
    """Return what a Condition means here, nothing where it means nothing.

    A Condition without a clinical status counts as active: absent is not "over".
    """
    if _statuses(condition, "verificationStatus") & _NEVER_TRUE:
        return ()
    over = _statuses(condition, "clinicalStatus") & _OVER
    history = f" ({min(over)})" if over else ""
    onset = condition.get("onsetDateTime") or condition.get("onsetPeriod", {}).get(
        "start"
    )
    return tuple(
        ChartCondition(
            flag=flag,
            label=(words_of(condition["code"]) or _NO_WORDS) + history,
            source=f"Condition/{condition['id']}",
            duration_weeks=whole_weeks(onset, today=today),
            recorded_on=past_day(condition.get("recordedDate"), today=today),
        )
        for flag in dict.fromkeys(_flags(condition, site))
        if not over or flag in _COUNTS_WHEN_OVER
    )


def _flags(condition: Resource, site: SiteCodes) -> Iterator[Flag]:
    for key in codes_of(condition.get("code", {})):
        if key in site.flags:
            yield site.flags[key]
        elif key in CONDITION_FLAGS:
            yield CONDITION_FLAGS[key]
        elif key[0] in ICD10_SYSTEMS:
            yield from _icd10_flags(key[1])


def _icd10_flags(code: str) -> Iterator[Flag]:
    if any(_is_within(code, category) for category in ICD10_EXCEPTIONS):
        return
    for category, flags in ICD10_FLAGS.items():
        if _is_within(code, category):
            yield from flags


def _is_within(code: str, category: str) -> bool:
    # some servers leave the dot out
    return code.upper().replace(".", "").startswith(category.replace(".", ""))


def _statuses(condition: Resource, element: str) -> set[str]:
    return {code for _, code in codes_of(condition.get(element, {}))}
