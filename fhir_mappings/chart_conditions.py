"""Condition resources -> the flags that change what may be suggested."""

from datetime import date
from typing import Final

from fhir_mappings.codes import CONDITION_FLAGS
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import whole_weeks
from inference.results import ChartCondition, Flag

ELEMENTS: Final = frozenset(
    {
        "id",
        "clinicalStatus",
        "verificationStatus",
        "code",
        "subject",
        "onsetDateTime",
    }
)

# https://hl7.org/fhir/R4/valueset-condition-ver-status.html
_NEVER_TRUE = frozenset({"refuted", "entered-in-error"})
# https://hl7.org/fhir/R4/valueset-condition-clinical.html
_OVER = frozenset({"inactive", "remission", "resolved"})
#: A history of cancer is a red flag of its own (AHCPR table in NBK52120).
_COUNTS_WHEN_OVER = frozenset({Flag.MALIGNANCY})


def chart_condition(condition: Resource, *, today: date) -> ChartCondition | None:
    """Return what a Condition means here, ``None`` where it means nothing.

    A Condition without a clinical status counts as active: absent is not "over".
    """
    flag = _flag(condition)
    status = _codes(condition.get("clinicalStatus", {})) & _OVER
    if flag is None or _codes(condition.get("verificationStatus", {})) & _NEVER_TRUE:
        return None
    if status and flag not in _COUNTS_WHEN_OVER:
        return None
    history = f" ({min(status)})" if status else ""
    return ChartCondition(
        flag=flag,
        label=_words(condition["code"]) + history,
        source=f"Condition/{condition['id']}",
        duration_weeks=whole_weeks(condition.get("onsetDateTime"), today=today),
    )


def _flag(condition: Resource) -> Flag | None:
    for coding in condition.get("code", {}).get("coding", []):
        key = (coding.get("system", ""), coding.get("code", ""))
        if key in CONDITION_FLAGS:
            return CONDITION_FLAGS[key]
    return None


def _codes(concept: Resource) -> set[str]:
    return {coding.get("code", "") for coding in concept.get("coding", [])}


def _words(concept: Resource) -> str:
    displays = [coding.get("display", "") for coding in concept["coding"]]
    return next(filter(None, [concept.get("text", ""), *displays]), "no words given")
