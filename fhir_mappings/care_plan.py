"""A signed suggestion -> a FHIR R4 CarePlan (https://hl7.org/fhir/R4/careplan.html).

Conforms to the US Core CarePlan profile, which asks for the narrative and a category.
"""

from collections.abc import Sequence
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
from fhir_mappings.identifiers import full_url
from fhir_mappings.models import built
from fhir_mappings.plan_parts import PlanParts, addressed, plan_identifier
from fhir_mappings.plan_steps import (
    REVIEW,
    STEPS,
    citations,
    period,
    review_date,
    who_and_when,
)
from fhir_mappings.plan_text import plan_notes, plan_paragraphs, step_words
from fhir_mappings.service_requests import NO_SERVICES
from fhir_mappings.write_context import WriteContext
from inference.results import (
    Activity,
    CaseReport,
    ClinicalFeatures,
    Option,
    TherapySuggestion,
)

_URGENT: Final = frozenset({Option.EMERGENCY_REVIEW, Option.URGENT_REVIEW})


def care_plan(
    report: CaseReport,
    context: WriteContext,
    *,
    devices: Devices,
    known: Sequence[Resource],
    parts: PlanParts,
) -> Resource:
    """Map the suggestion of a signed report to an active plan.

    Args:
        report: The signed report.
        context: Where it is written.
        devices: The Devices of the algorithms.
        known: What was found and typed in, which the plan rests on.
        parts: Goals and ServiceRequests of the plan.

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
        "identifier": plan_identifier(report, context),
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
        "addresses": [reference(source) for source in addressed(features)],
        "supportingInfo": [reference(source) for source in supporting],
        "goal": _references(parts.goals),
        "activity": [
            *(_activity(item, context, parts) for item in suggestion.activities),
            *([{"detail": _review(context, parts)}] if parts.goals else []),
        ],
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
    covered = {*addressed(features), ""}
    return [source for source in dict.fromkeys(sources) if source not in covered]


def _references(goals: Sequence[Resource]) -> list[dict[str, str]]:
    return [reference(full_url(goal), goal["description"]["text"]) for goal in goals]


def _activity(activity: Activity, context: WriteContext, parts: PlanParts) -> Resource:
    request = parts.requests.get(activity.option)
    if request:
        return {"reference": reference(full_url(request), activity.option.value)}
    return {"detail": _detail(activity, context, parts)}


def _detail(activity: Activity, context: WriteContext, parts: PlanParts) -> Resource:
    option = activity.option
    words = f"{step_words(activity)}. {who_and_when(activity, context)}."
    detail = {
        "kind": NO_SERVICES.get(option, "ServiceRequest"),
        "instantiatesUri": citations(activity),
        "code": concept(option.value, OPTIONS.get(option)),
        "reasonCode": [{"text": reason} for reason in activity.reasons],
        "goal": _references(parts.goals),
        "status": "not-started",
        "scheduledPeriod": period(activity, context),
        "performer": [{"display": STEPS[option].owner}],
        "description": words,
    }
    return {name: value for name, value in detail.items() if value}


def _review(context: WriteContext, parts: PlanParts) -> Resource:
    """Return the step in which the goals are looked at again."""
    day = review_date(context).isoformat()
    return {
        "kind": "Task",
        "code": {"text": "review of this plan"},
        "goal": _references(parts.goals),
        "status": "not-started",
        "scheduledPeriod": {"start": day, "end": day},
        "performer": [{"display": REVIEW.owner}],
        "description": f"Measure the goals again. {REVIEW.owner}, by {day}.",
    }
