"""A signed report as a whole -> FHIR R4 DiagnosticReport (R4/diagnosticreport.html).

Conforms to US Core's profile for reports and notes, the one for imaging. It is no
report of a radiologist, and its title says so.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from fhir_mappings.codes import (
    AI_ASSERTED,
    IMAGING_REPORT,
    RADIOLOGY,
    US_CORE_REPORT,
)
from fhir_mappings.datatypes import Resource, concept, narrative, reference
from fhir_mappings.findings import Finding, findings
from fhir_mappings.identifiers import full_url, identifier, key
from fhir_mappings.level_names import name_notes
from fhir_mappings.measures import MM
from fhir_mappings.models import built
from fhir_mappings.reference_ranges import written
from fhir_mappings.write_context import WriteContext
from inference.results import CaseReport

TITLE: Final = "Lumbar spine MRI: measurements and grades by software"


def diagnostic_report(
    report: CaseReport, context: WriteContext, *, results: Sequence[Resource]
) -> Resource:
    """Map a report to a final DiagnosticReport.

    Args:
        report: The signed report.
        context: Where it is written.
        results: The Observations that it lists: of levels, or of single findings.

    """
    signer = reference(context.signer, context.signer_display)
    conclusion = [*_conclusion(report), context.disclaimer]
    lines = [
        f"{finding.code['text']}, {finding.site}: {finding.words}"
        for finding in findings(report)
    ]
    resource = {
        "resourceType": "DiagnosticReport",
        "meta": {"profile": [US_CORE_REPORT], "security": [AI_ASSERTED]},
        "text": narrative(TITLE, [*conclusion, *lines]),
        "identifier": identifier(
            *(context.issuer, "DiagnosticReport", *map(key, results)),
            *report.warnings,
        ),
        "status": "final",
        "category": [RADIOLOGY],
        "code": concept(TITLE, IMAGING_REPORT),
        "subject": reference(context.patient),
        "issued": context.signed_instant,
        "performer": [signer],
        "resultsInterpreter": [signer],
        "result": [
            reference(full_url(result), result["code"]["text"]) for result in results
        ],
        "imagingStudy": [reference(context.imaging_study)],
        "conclusion": " ".join(conclusion),
    }
    if context.encounter:
        resource["encounter"] = reference(context.encounter)
    if report.study.acquired_on:
        resource["effectiveDateTime"] = report.study.acquired_on.isoformat()
    return built(resource)


def _conclusion(report: CaseReport) -> Iterator[str]:
    """Yield the sentences of the conclusion: grades, narrowest canal, what lacks."""
    found = [*findings(report)]
    graded: dict[str, list[Finding]] = {}
    for finding in found:
        if "valueCodeableConcept" in finding.value:
            graded.setdefault(finding.code["text"], []).append(finding)
    for name, items in graded.items():
        yield f"{name}: {', '.join(f'{i.site} {i.words}' for i in items)}."
    canals = [
        (level.canal_diameter_mm, level.level)
        for level in report.levels
        if level.canal_diameter_mm is not None
    ]
    if canals:
        narrowest_mm, site = min(canals)
        yield (
            "Smallest anterior-posterior canal diameter behind a disc: "
            f"{written(narrowest_mm, MM)} mm at {site}."
        )
    absent = [i.code["text"] for i in found if "dataAbsentReason" in i.value]
    if absent:
        yield f"Not assessed: {', '.join(absent).lower()}."
    sites = {finding.site for finding in found}
    empty = [item.level for item in report.levels if item.level not in sites]
    if empty:
        yield f"Nothing was measured or graded at {', '.join(empty)}."
    yield from name_notes(report)
    yield from report.warnings
