"""A signed suggestion -> a FHIR R4 CarePlan (https://hl7.org/fhir/R4/careplan.html).

Conforms to the US Core CarePlan profile, which asks for the narrative and a category.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from fhir_mappings.codes import (
    AI_ASSERTED,
    CARE_PLAN_CATEGORIES,
    OPTIONS,
    US_CORE_CARE_PLAN,
)
from fhir_mappings.datatypes import Resource, concept, narrative, reference
from fhir_mappings.device import Devices
from fhir_mappings.errors import UnmappableReportError
from fhir_mappings.identifiers import full_url, identifier
from fhir_mappings.level_names import name_parts
from fhir_mappings.models import built
from fhir_mappings.plan_text import plan_notes, plan_paragraphs, step_words
from fhir_mappings.write_context import WriteContext
from inference.results import (
    Activity,
    CaseReport,
    ClinicalFeatures,
    Flag,
    Option,
    TherapySuggestion,
)

_URGENT: Final = frozenset({Option.EMERGENCY_REVIEW, Option.URGENT_REVIEW})
#: A drug is not a service (https://hl7.org/fhir/R4/valueset-care-plan-activity-kind.html)
_KINDS: Final = {Option.ORAL_NSAID: "MedicationRequest"}
#: What the plan is for; other conditions only limit what it may hold.
_ADDRESSED: Final = frozenset(
    {
        *(Flag.LOW_BACK_PAIN, Flag.CHRONIC_LOW_BACK_PAIN, Flag.RADICULOPATHY),
        *(Flag.SPINAL_STENOSIS, Flag.CAUDA_EQUINA, Flag.MALIGNANCY),
        Flag.UNEXPLAINED_WEIGHT_LOSS,
    }
)


def care_plan(
    report: CaseReport,
    context: WriteContext,
    *,
    devices: Devices,
    known: Sequence[Resource],
) -> Resource:
    """Map the suggestion of a signed report to an active plan.

    Args:
        report: The signed report.
        context: Where it is written.
        devices: The Devices of the algorithms.
        known: What was found and typed in, which the plan rests on.

    Raises:
        UnmappableReportError: There are red flags and the plan is not only urgent.

    """
    suggestion, features = report.suggestion, report.features
    _refuse_routine_beside_red_flags(suggestion)
    supporting = [*_supporting(features), *map(full_url, known)]
    # the registry's models had no part in it
    models = (report.model, report.grading_model)
    makers = [devices[model] for model in models if model in devices]
    plan = {
        "resourceType": "CarePlan",
        "meta": {"profile": [US_CORE_CARE_PLAN], "security": [AI_ASSERTED]},
        "text": narrative(_title(suggestion), plan_paragraphs(report, context)),
        "identifier": _identifier(report, context),
        "status": "active",
        "intent": "plan",
        "category": CARE_PLAN_CATEGORIES,
        "title": _title(suggestion),
        "description": _description(suggestion),
        "subject": reference(context.patient),
        "period": {"start": context.signed_instant},
        "created": context.signed_instant,
        "author": reference(context.signer, context.signer_display),
        "contributor": [reference(full_url(device)) for device in makers],
        "addresses": [reference(source) for source in _addressed(features)],
        "supportingInfo": [reference(source) for source in supporting],
        "activity": [_activity(activity) for activity in suggestion.activities],
        "note": [{"text": text} for text in plan_notes(report, context)],
    }
    if context.encounter:
        plan["encounter"] = reference(context.encounter)
    return built({name: value for name, value in plan.items() if value})


def _refuse_routine_beside_red_flags(suggestion: TherapySuggestion) -> None:
    routine = [a.option for a in suggestion.activities if a.option not in _URGENT]
    if suggestion.red_flags and routine:
        raise UnmappableReportError(f"routine steps beside red flags: {routine}")


def _title(suggestion: TherapySuggestion) -> str:
    if suggestion.red_flags:
        return "Low back pain: red flags, urgent review"
    return "Low back pain: plan of care"


def _description(suggestion: TherapySuggestion) -> str:
    sources = sorted({activity.guideline for activity in suggestion.activities})
    rules = f"Rule table {suggestion.rules_version}."
    return f"{rules} Guidelines: {'; '.join(sources)}." if sources else rules


def _identifier(report: CaseReport, context: WriteContext) -> list[dict[str, str]]:
    """Return an identifier that follows the content: other advice, another plan."""
    model, grading, study = report.model, report.grading_model, report.study
    return identifier(
        *(context.issuer, context.patient, study.study_uid, study.series_uid),
        *("CarePlan", model.name, model.version, model.sha256),
        *(grading.name, grading.version, grading.sha256, context.software_version),
        *(json.dumps(asdict(report.suggestion), sort_keys=True), *name_parts(report)),
    )


def _addressed(features: ClinicalFeatures) -> list[str]:
    """Return the Conditions that the plan is for; flags of other types limit it."""
    charted = (c for c in features.conditions if c.source.startswith("Condition/"))
    sources = (item.source for item in charted if item.flag in _ADDRESSED)
    return list(dict.fromkeys(sources))


def _supporting(features: ClinicalFeatures) -> list[str]:
    """Return the resources of the chart that the plan rests on, each once.

    What was typed in has no resource yet: its Observation is among ``known``.
    """
    values = (
        *(features.pain_nrs, features.back_pain_nrs, features.leg_pain_nrs),
        *(features.odi_percent, features.bmi_kg_m2, features.egfr_ml_min),
        *(features.eq5d_index, features.start_back_score),
    )
    sources = [
        *(item.source for item in features.conditions),
        *(value.source for value in values if value),
        *(treatment.source for treatment in features.treatments),
    ]
    addressed = {*_addressed(features), ""}
    return [source for source in dict.fromkeys(sources) if source not in addressed]


def _activity(activity: Activity) -> Resource:
    option = activity.option
    return {
        "detail": {
            "kind": _KINDS.get(option, "ServiceRequest"),
            "code": concept(option.value, OPTIONS.get(option)),
            "reasonCode": [{"text": reason} for reason in activity.reasons],
            "status": "not-started",
            "description": step_words(activity),
        }
    }
