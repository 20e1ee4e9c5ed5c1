"""Predicted outcomes -> FHIR R4 RiskAssessments (R4/riskassessment.html).

One per outcome, apart from the CarePlan: it says what followed operations on others and
recommends nothing. In R4 a probability is a percentage (RiskAssessment.prediction).
"""

import json
from dataclasses import asdict

from fhir_mappings.codes import AI_ASSERTED
from fhir_mappings.datatypes import Resource, narrative, quantity, reference
from fhir_mappings.device import Devices
from fhir_mappings.identifiers import full_url, identifier
from fhir_mappings.models import built
from fhir_mappings.outcome_text import PERCENT, estimate_words, outcome_notes, title
from fhir_mappings.write_context import WriteContext
from inference.results import (
    CaseReport,
    OutcomeEstimate,
    OutcomePrediction,
    SurgicalOutcome,
)


def risk_assessments(
    report: CaseReport, context: WriteContext, *, devices: Devices
) -> tuple[Resource, ...]:
    """Map every prediction that has a number; what lies outside a model gets none.

    Args:
        report: The signed report.
        context: Where it is written.
        devices: The Devices of the algorithms.

    """
    return tuple(
        _risk_assessment(item, report, context, device=devices[item.model])
        for item in report.outcomes
        if item.estimates
    )


def _risk_assessment(
    prediction: OutcomePrediction,
    report: CaseReport,
    context: WriteContext,
    *,
    device: Resource,
) -> Resource:
    model = prediction.model
    notes = [context.disclaimer, *outcome_notes(prediction)]
    numbers = [estimate_words(item, prediction) for item in prediction.estimates]
    resource = {
        "resourceType": "RiskAssessment",
        "meta": {"security": [AI_ASSERTED]},
        "text": narrative(title(prediction), [*numbers, *notes]),
        "identifier": _identifier(prediction, report, context),
        "status": "final",
        "method": {"text": f"{model.name} {model.version}"},
        "code": {"text": title(prediction)},
        "subject": reference(context.patient),
        "occurrenceDateTime": context.signed_instant,
        "performer": reference(full_url(device), f"{model.name} {model.version}"),
        "basis": [reference(source) for source in prediction.sources],
        "prediction": [_prediction(item, prediction) for item in prediction.estimates],
        "note": [{"text": note} for note in notes],
    }
    if context.encounter:
        resource["encounter"] = reference(context.encounter)
    return built({name: value for name, value in resource.items() if value})


def _prediction(estimate: OutcomeEstimate, prediction: OutcomePrediction) -> Resource:
    """Return one possible outcome; days in hospital are words, R4 has no place."""
    rationale = (
        f"{prediction.patients:,} {prediction.population}. {prediction.interval}"
    )
    if prediction.outcome is SurgicalOutcome.STAY:
        words = estimate_words(estimate, prediction)
        return {"outcome": {"text": words}, "rationale": rationale}
    found = {"outcome": {"text": estimate.name}, "rationale": rationale}
    if estimate.value is not None:
        return found | {"probabilityDecimal": _percent(estimate.value)["value"]}
    ends = {"low": estimate.low, "high": estimate.high}
    known = {name: _percent(end) for name, end in ends.items() if end is not None}
    return found | {"probabilityRange": known}


def _percent(probability: float) -> Resource:
    return quantity(
        100 * probability, unit=PERCENT.unit, code=PERCENT.code, digits=PERCENT.digits
    )


def _identifier(
    prediction: OutcomePrediction, report: CaseReport, context: WriteContext
) -> list[dict[str, str]]:
    """Return an identifier that follows the content: other inputs, another one."""
    return identifier(
        *(context.issuer, context.patient, report.study.study_uid),
        *("RiskAssessment", context.software_version),
        json.dumps(asdict(prediction), sort_keys=True),
    )
