"""The resources that a CarePlan consists of, and what they share with it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from fhir_mappings.datatypes import Resource
from fhir_mappings.goals import goals
from fhir_mappings.identifiers import identifier
from fhir_mappings.level_names import name_parts
from fhir_mappings.service_requests import service_requests
from fhir_mappings.write_context import WriteContext
from inference.results import CaseReport, ClinicalFeatures, Flag, Option

#: What the plan is for; other conditions only limit what it may hold.
_ADDRESSED: Final = frozenset(
    {
        *(Flag.LOW_BACK_PAIN, Flag.CHRONIC_LOW_BACK_PAIN, Flag.RADICULOPATHY),
        *(Flag.SPINAL_STENOSIS, Flag.CAUDA_EQUINA, Flag.MALIGNANCY),
        Flag.UNEXPLAINED_WEIGHT_LOSS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanParts:
    """What a plan refers to; what the server does not take is absent.

    Attributes:
        goals: The Goals.
        requests: ServiceRequests by step; the other steps are details of the plan.

    """

    goals: tuple[Resource, ...]
    requests: Mapping[Option, Resource]

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All of them."""
        return (*self.goals, *self.requests.values())


def plan_parts(report: CaseReport, context: WriteContext) -> PlanParts:
    """Map the parts of a plan that the server takes.

    Args:
        report: The signed report.
        context: Where it is written.

    """
    conditions, (plan,) = addressed(report.features), plan_identifier(report, context)
    requests = service_requests(
        report, context, addressed=conditions, plan_key=plan["value"]
    )
    return PlanParts(
        goals=(
            goals(report, context, addressed=conditions)
            if "Goal" in context.takes
            else ()
        ),
        requests=requests if "ServiceRequest" in context.takes else {},
    )


def plan_identifier(report: CaseReport, context: WriteContext) -> list[dict[str, str]]:
    """Return an identifier that follows the content: other advice, another plan."""
    model, grading, study = report.model, report.grading_model, report.study
    return identifier(
        *(context.issuer, context.patient, study.study_uid, study.series_uid),
        *("CarePlan", model.name, model.version, model.sha256),
        *(grading.name, grading.version, grading.sha256, context.software_version),
        *(json.dumps(asdict(report.suggestion), sort_keys=True), *name_parts(report)),
    )


def addressed(features: ClinicalFeatures) -> list[str]:
    """Return the Conditions that the plan is for; flags of other types limit it."""
    charted = (c for c in features.conditions if c.source.startswith("Condition/"))
    sources = (item.source for item in charted if item.flag in _ADDRESSED)
    return list(dict.fromkeys(sources))
