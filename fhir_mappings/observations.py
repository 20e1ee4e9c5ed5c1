"""Findings -> FHIR R4 Observations (https://hl7.org/fhir/R4/observation.html)."""

from fhir_mappings.codes import AI_ASSERTED, IMAGING
from fhir_mappings.datatypes import Resource, narrative, reference
from fhir_mappings.device import Devices
from fhir_mappings.findings import Finding, findings
from fhir_mappings.identifiers import full_url, identifier
from fhir_mappings.level_names import name_notes, name_parts
from fhir_mappings.models import built
from fhir_mappings.write_context import WriteContext
from inference.results import CaseReport


def observations(
    report: CaseReport, context: WriteContext, *, devices: Devices
) -> tuple[Resource, ...]:
    """Map every finding to a final Observation; what is unknown gets none.

    Args:
        report: The signed report.
        context: Where it is written.
        devices: The Devices of the algorithms.

    """
    return tuple(
        _observation(finding, report, context, device=devices[finding.models[0]])
        for finding in findings(report)
    )


def _observation(
    finding: Finding, report: CaseReport, context: WriteContext, *, device: Resource
) -> Resource:
    model, name = finding.models[0], finding.code["text"]
    headline = f"{name}, {finding.site}: {finding.words}"
    notes = [context.disclaimer, *name_notes(report), *finding.notes]
    observation = {
        "resourceType": "Observation",
        "meta": {"security": [AI_ASSERTED]},
        "text": narrative(headline, [finding.method, *notes]),
        "identifier": _identifier(finding, report, context),
        "status": "final",
        "category": [IMAGING],
        "code": finding.code,
        "subject": reference(context.patient),
        "issued": context.signed_instant,
        "performer": [reference(context.signer, context.signer_display)],
        **finding.value,
        "note": [{"text": note} for note in notes],
        "bodySite": finding.body_site,
        "method": {"text": f"{finding.method}; {model.name} {model.version}"},
        "device": reference(full_url(device), f"{model.name} {model.version}"),
        "derivedFrom": [reference(context.imaging_study)],
    }
    if finding.ranges:
        observation["referenceRange"] = list(finding.ranges)
    if context.encounter:
        observation["encounter"] = reference(context.encounter)
    if report.study.acquired_on:
        observation["effectiveDateTime"] = report.study.acquired_on.isoformat()
    return built(observation)


def _identifier(
    finding: Finding, report: CaseReport, context: WriteContext
) -> list[dict[str, str]]:
    study = report.study
    models = [(m.name, m.version, m.sha256) for m in finding.models]
    return identifier(
        *(context.issuer, context.patient, study.study_uid, study.series_uid),
        *(finding.site, finding.code["coding"][0]["code"]),
        *(part for model in models for part in model),
        *(context.software_version, *name_parts(report)),
    )
