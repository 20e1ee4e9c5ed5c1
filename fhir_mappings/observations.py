"""Findings -> FHIR R4 Observations (https://hl7.org/fhir/R4/observation.html)."""

from collections.abc import Sequence
from typing import Final

from fhir_mappings.codes import (
    AI_ASSERTED,
    DISC_LEVELS,
    IMAGING,
    LEVEL_FINDINGS,
    LUMBAR_SPINE_SITE,
    MEASUREMENT_GROUP,
    US_CORE_CLINICAL_RESULT,
    VERTEBRAE,
)
from fhir_mappings.datatypes import Resource, concept, narrative, reference
from fhir_mappings.device import Devices
from fhir_mappings.findings import WHOLE, Finding, findings
from fhir_mappings.identifiers import full_url, identifier, key
from fhir_mappings.level_names import name_notes, name_parts
from fhir_mappings.models import built
from fhir_mappings.write_context import WriteContext
from inference.results import CaseReport

_PLACES: Final[dict[str, dict[str, str]]] = {
    **{str(level): place for level, place in DISC_LEVELS.items()},
    **{str(vertebra): place for vertebra, place in VERTEBRAE.items()},
    WHOLE: LUMBAR_SPINE_SITE,
}


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


def groups(
    report: CaseReport, context: WriteContext, *, members: Sequence[Resource]
) -> tuple[Resource, ...]:
    """Map every place with findings to an Observation that has them as members.

    Args:
        report: The signed report.
        context: Where it is written.
        members: The ``observations`` of the same report.

    """
    places: dict[str, list[tuple[Finding, Resource]]] = {}
    for finding, member in zip(findings(report), members, strict=True):
        places.setdefault(finding.site, []).append((finding, member))
    return tuple(_group(site, found, report, context) for site, found in places.items())


def _observation(
    finding: Finding, report: CaseReport, context: WriteContext, *, device: Resource
) -> Resource:
    model = finding.models[0]
    notes = [context.disclaimer, *name_notes(report), *finding.notes]
    headline = f"{finding.code['text']}, {finding.site}: {finding.words}"
    observation = {
        **_common(report, context),
        "text": narrative(headline, [finding.method, *notes]),
        "identifier": _identifier(finding, report, context),
        "code": finding.code,
        **finding.value,
        "note": [{"text": note} for note in notes],
        "bodySite": finding.body_site,
        "method": {"text": f"{finding.method}; {model.name} {model.version}"},
        "device": reference(full_url(device), f"{model.name} {model.version}"),
    }
    if finding.ranges:
        observation["referenceRange"] = list(finding.ranges)
    return built(observation)


def _group(
    site: str,
    found: Sequence[tuple[Finding, Resource]],
    report: CaseReport,
    context: WriteContext,
) -> Resource:
    title = f"Findings at {site}"
    notes = [context.disclaimer, *name_notes(report)]
    words = [f"{finding.code['text']}: {finding.words}" for finding, _ in found]
    members = [member for _, member in found]
    return built(
        {
            **_common(report, context),
            "text": narrative(title, [*words, *notes]),
            "identifier": identifier(
                context.issuer, LEVEL_FINDINGS["code"], *map(key, members)
            ),
            "code": concept(title, LEVEL_FINDINGS, MEASUREMENT_GROUP),
            "note": [{"text": note} for note in notes],
            "bodySite": concept(f"{site[0].upper()}{site[1:]}", _PLACES[site]),
            "hasMember": [
                reference(full_url(member), member["code"]["text"])
                for member in members
            ],
        }
    )


def _common(report: CaseReport, context: WriteContext) -> Resource:
    """Return what all Observations of a report share."""
    shared = {
        "resourceType": "Observation",
        "meta": {"profile": [US_CORE_CLINICAL_RESULT], "security": [AI_ASSERTED]},
        "status": "final",
        "category": [IMAGING],
        "subject": reference(context.patient),
        "issued": context.signed_instant,
        "performer": [reference(context.signer, context.signer_display)],
        "derivedFrom": [reference(context.imaging_study)],
    }
    if context.encounter:
        shared["encounter"] = reference(context.encounter)
    if report.study.acquired_on:
        shared["effectiveDateTime"] = report.study.acquired_on.isoformat()
    return shared


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
