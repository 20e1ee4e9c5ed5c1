"""What models predict -> FHIR R4 RiskAssessments (R4/riskassessment.html).

One per outcome of an operation and one of the treatment model, apart from the CarePlan:
they say what followed or was chosen for others and recommend nothing. In R4 a
probability is a percentage (RiskAssessment.prediction).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from fhir_mappings.codes import AI_ASSERTED
from fhir_mappings.datatypes import Resource, narrative, quantity, reference
from fhir_mappings.device import Devices
from fhir_mappings.errors import UnmappableReportError
from fhir_mappings.identifiers import full_url, identifier
from fhir_mappings.models import built
from fhir_mappings.outcome_text import PERCENT, estimate_words, outcome_notes, title
from fhir_mappings.treatment_text import (
    TITLE,
    estimate_notes,
    guideline_words,
    headline,
    origin,
    percent,
)
from fhir_mappings.write_context import WriteContext
from inference.results import (
    CaseReport,
    Option,
    OutcomeEstimate,
    OutcomePrediction,
    SurgicalOutcome,
    TherapySuggestion,
    TreatmentEstimate,
)


def risk_assessments(
    report: CaseReport, context: WriteContext, *, devices: Devices
) -> tuple[Resource, ...]:
    """Map every prediction that has a number; what a model refuses gets none.

    Args:
        report: The signed report.
        context: Where it is written.
        devices: The Devices of the algorithms.

    Raises:
        UnmappableReportError: There are red flags and a treatment estimate.

    """
    resources = [
        _of_outcome(item, report, context, device=devices[item.model])
        for item in report.outcomes
        if item.estimates
    ]
    estimate = report.treatment
    if estimate and not estimate.refusals:
        if report.suggestion.red_flags:
            raise UnmappableReportError("a treatment estimate beside red flags")
        device = devices[estimate.model]
        resources.append(_of_treatment(estimate, report, context, device=device))
    return tuple(resources)


def _of_outcome(
    prediction: OutcomePrediction,
    report: CaseReport,
    context: WriteContext,
    *,
    device: Resource,
) -> Resource:
    return _risk_assessment(
        prediction,
        report,
        context,
        device=device,
        title=title(prediction),
        numbers=[estimate_words(item, prediction) for item in prediction.estimates],
        notes=outcome_notes(prediction),
        basis=prediction.sources,
        predicted=[_prediction(item, prediction) for item in prediction.estimates],
    )


def _of_treatment(
    estimate: TreatmentEstimate,
    report: CaseReport,
    context: WriteContext,
    *,
    device: Resource,
) -> Resource:
    options = estimate.probabilities
    return _risk_assessment(
        estimate,
        report,
        context,
        device=device,
        title=TITLE,
        numbers=[f"{option}: {percent(part)}" for option, part in options],
        notes=[headline(estimate), *estimate_notes(estimate)],
        basis=(*estimate.sources, context.imaging_study),
        predicted=[
            {
                "outcome": {"text": option.value},
                "probabilityDecimal": _percent(probability)["value"],
                "rationale": _rationale(option, estimate, report.suggestion),
            }
            for option, probability in options
        ],
    )


def _rationale(
    option: Option, estimate: TreatmentEstimate, suggestion: TherapySuggestion
) -> str:
    place = "In" if option in estimate.conformal_set else "Not in"
    said = guideline_words(option, suggestion)
    words = f"{place} the set of options at 90 %{f'; {said}' if said else ''}"
    return f"{words}. {origin(estimate)}"


def _risk_assessment(  # noqa: PLR0913 - the elements that differ
    said: OutcomePrediction | TreatmentEstimate,
    report: CaseReport,
    context: WriteContext,
    *,
    device: Resource,
    title: str,
    numbers: Sequence[str],
    notes: Sequence[str],
    basis: Sequence[str],
    predicted: list[Resource],
) -> Resource:
    model, notes = said.model, [context.disclaimer, *notes]
    resource = {
        "resourceType": "RiskAssessment",
        "meta": {"security": [AI_ASSERTED]},
        "text": narrative(title, [*numbers, *notes]),
        "identifier": _identifier(said, report, context),
        "status": "final",
        "method": {"text": f"{model.name} {model.version}"},
        "code": {"text": title},
        "subject": reference(context.patient),
        "occurrenceDateTime": context.signed_instant,
        "performer": reference(full_url(device), f"{model.name} {model.version}"),
        "basis": [reference(source) for source in basis],
        "prediction": predicted,
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
    said: OutcomePrediction | TreatmentEstimate,
    report: CaseReport,
    context: WriteContext,
) -> list[dict[str, str]]:
    """Return an identifier that follows the content: other inputs, another one."""
    return identifier(
        *(context.issuer, context.patient, report.study.study_uid),
        *("RiskAssessment", context.software_version),
        json.dumps(asdict(said), sort_keys=True),
    )
