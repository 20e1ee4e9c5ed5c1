"""Measurements -> FHIR R4 Observations (https://hl7.org/fhir/R4/observation.html)."""

from fhir_mappings.codes import AI_ASSERTED, CODE_SYSTEM, IMAGING, coding
from fhir_mappings.datatypes import (
    Resource,
    concept,
    narrative,
    quantity,
    reference,
)
from fhir_mappings.identifiers import full_url, identifier
from fhir_mappings.measures import Measured, measured
from fhir_mappings.models import built
from fhir_mappings.write_context import WriteContext
from inference.results import CaseReport


def observations(
    report: CaseReport, context: WriteContext, *, device: Resource
) -> tuple[Resource, ...]:
    """Map every measured value to a final Observation; what is unknown gets none.

    Args:
        report: The signed report.
        context: Where it is written.
        device: The Device of the algorithm.

    """
    return tuple(
        _observation(item, report, context, device=full_url(device))
        for item in measured(report)
    )


def _observation(
    item: Measured, report: CaseReport, context: WriteContext, *, device: str
) -> Resource:
    measure, model, study = item.measure, report.model, report.study
    unit = measure.unit
    value = quantity(item.value, unit=unit.unit, code=unit.code, digits=unit.digits)
    headline = f"{measure.text}, {item.site}: {value['value']} {unit.unit}"
    observation = {
        "resourceType": "Observation",
        "meta": {"security": [AI_ASSERTED]},
        "text": narrative(headline, [measure.method, context.disclaimer]),
        "identifier": identifier(
            *(context.issuer, context.patient, study.study_uid, study.series_uid),
            *(item.site, measure.code),
            *(model.name, model.version, model.sha256, context.software_version),
        ),
        "status": "final",
        "category": [IMAGING],
        "code": concept(
            measure.text,
            coding(CODE_SYSTEM, measure.code, measure.text),
            measure.generic,
        ),
        "subject": reference(context.patient),
        "issued": context.signed_instant,
        "performer": [reference(context.signer, context.signer_display)],
        "valueQuantity": value,
        "note": [{"text": context.disclaimer}],
        "bodySite": item.body_site,
        "method": {"text": f"{measure.method}; {model.name} {model.version}"},
        "device": reference(device, f"{model.name} {model.version}"),
        "derivedFrom": [reference(context.imaging_study)],
    }
    if context.encounter:
        observation["encounter"] = reference(context.encounter)
    if study.acquired_on:
        observation["effectiveDateTime"] = study.acquired_on.isoformat()
    return built(observation)
