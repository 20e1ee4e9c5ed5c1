"""The algorithms -> FHIR R4 Devices (https://hl7.org/fhir/R4/device.html).

The type follows HL7 AI Transparency on FHIR (profile AI-Device, STU1 ballot). Its
extension for the kind of model is left out until the guide is published: a server that
does not know an extension may refuse the resource.
"""

from collections.abc import Mapping
from typing import Final

from fhir_mappings.codes import ARTIFICIAL_INTELLIGENCE
from fhir_mappings.datatypes import Resource, narrative
from fhir_mappings.identifiers import identifier
from fhir_mappings.models import built
from fhir_mappings.write_context import WriteContext
from inference.results import CaseReport, ModelVersion

Devices = Mapping[ModelVersion, Resource]

_SAFETY: Final = "Research software, not a cleared medical device."


def devices(report: CaseReport, context: WriteContext) -> Devices:
    """Map each model that found something in a report to its Device."""
    has_graded = report.gradings or report.disc_findings
    models = [report.model, *([report.grading_model] if has_graded else [])]
    models += [item.model for item in report.outcomes if item.estimates]
    if report.treatment and not report.treatment.refusals:
        models.append(report.treatment.model)
    return {model: device(model, context) for model in models}


def device(model: ModelVersion, context: WriteContext) -> Resource:
    """Map one version of the algorithm to a Device, the same one for all patients."""
    versions = {
        "model": model.version,
        "software": context.software_version,
        "SHA-256 of the weights": model.sha256,
    }
    facts = [f"{kind}: {value}" for kind, value in versions.items()]
    return built(
        {
            "resourceType": "Device",
            "text": narrative(f"Algorithm {model.name}", [*facts, _SAFETY]),
            "identifier": identifier(
                *(context.issuer, model.name, model.version, model.sha256),
                context.software_version,
            ),
            "status": "active",
            "url": f"{context.application_url}/fhir/DocumentReference/{model.name}",
            "deviceName": [{"name": model.name, "type": "model-name"}],
            "modelNumber": model.name,
            "type": ARTIFICIAL_INTELLIGENCE,
            "version": [
                {"type": {"text": kind}, "value": value}
                for kind, value in versions.items()
            ],
            "note": [{"text": _SAFETY}],
            "safety": [{"text": _SAFETY}],
        }
    )
