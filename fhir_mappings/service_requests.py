"""Steps of the plan -> FHIR R4 ServiceRequests (R4/servicerequest.html).

Plans, no orders: ``intent`` ``plan`` authorizes nobody. Conforms to the US Core
ServiceRequest profile. A drug is no service and stays a detail of the CarePlan.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fhir_mappings.codes import AI_ASSERTED, OPTIONS, US_CORE_SERVICE_REQUEST
from fhir_mappings.datatypes import Resource, concept, narrative, reference
from fhir_mappings.identifiers import identifier
from fhir_mappings.models import built
from fhir_mappings.plan_steps import STEPS, citations, period, who_and_when
from fhir_mappings.plan_text import step_words
from fhir_mappings.write_context import WriteContext
from inference.results import Activity, CaseReport, Option

#: https://hl7.org/fhir/R4/valueset-care-plan-activity-kind.html
NO_SERVICES: Final = {Option.ORAL_NSAID: "MedicationRequest"}


def service_requests(
    report: CaseReport,
    context: WriteContext,
    *,
    addressed: Sequence[str],
    plan_key: str,
) -> Mapping[Option, Resource]:
    """Map every step that is a service to its ServiceRequest.

    Args:
        report: The signed report.
        context: Where it is written.
        addressed: References to the Conditions that the plan is for.
        plan_key: Identifier of the plan, which the steps are of.

    """
    return {
        activity.option: _service_request(activity, context, addressed, plan_key)
        for activity in report.suggestion.activities
        if activity.option not in NO_SERVICES
    }


def _service_request(
    activity: Activity, context: WriteContext, addressed: Sequence[str], plan_key: str
) -> Resource:
    option, step = activity.option, STEPS[activity.option]
    notes = [step_words(activity), context.disclaimer]
    title = f"{option.value.capitalize()}: {who_and_when(activity, context)}"
    request = {
        "resourceType": "ServiceRequest",
        "meta": {"profile": [US_CORE_SERVICE_REQUEST], "security": [AI_ASSERTED]},
        "text": narrative(title, [*activity.reasons, *notes]),
        "identifier": identifier(plan_key, "ServiceRequest", option.value),
        "instantiatesUri": citations(activity),
        "status": "active",
        "intent": "plan",
        "priority": step.priority,
        "code": concept(option.value, OPTIONS.get(option)),
        "subject": reference(context.patient),
        "occurrencePeriod": period(activity, context),
        "authoredOn": context.signed_instant,
        "requester": reference(context.signer, context.signer_display),
        "performerType": {"text": step.owner},
        "reasonCode": [{"text": reason} for reason in activity.reasons],
        "reasonReference": [reference(source) for source in addressed],
        "note": [{"text": note} for note in notes],
    }
    if context.encounter:
        request["encounter"] = reference(context.encounter)
    return built({name: value for name, value in request.items() if value})
