"""A signed report -> all that is written, and one FHIR transaction for it.

https://hl7.org/fhir/R4/http.html#transaction. Entries are not conditional: some servers
refuse a longer transaction with a conditional entry, and conditional creates race on
many, so the caller searches for what exists (``identifiers.search_for``) before.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fhir_mappings.answers import answer_observations
from fhir_mappings.audit_event import audit_event
from fhir_mappings.care_plan import care_plan
from fhir_mappings.datatypes import Resource
from fhir_mappings.device import devices
from fhir_mappings.diagnostic_report import diagnostic_report
from fhir_mappings.identifiers import full_url, key, search_for
from fhir_mappings.observations import groups, observations
from fhir_mappings.plan_parts import plan_parts
from fhir_mappings.provenance import provenance
from fhir_mappings.risk_assessment import risk_assessments
from fhir_mappings.write_context import WriteContext
from inference.results import CaseReport

__all__ = [
    "full_url",
    "key",
    "report_resources",
    "resolve",
    "search_for",
    "transaction",
]


def report_resources(report: CaseReport, context: WriteContext) -> tuple[Resource, ...]:
    """Return everything that a signed report adds to the chart.

    Args:
        report: The signed report.
        context: Where and for whom it is written.

    Returns:
        Devices, Observations of the algorithms and of their levels, the
        DiagnosticReport, Observations that a clinician typed in, RiskAssessments,
        Goals, ServiceRequests, CarePlan, Provenance, AuditEvent: each refers only to
        those before it, by ``urn:uuid``.
        What the server does not take is left out, and nothing refers to it.

    Raises:
        UnmappableReportError: The report must not be written.

    """
    if "RiskAssessment" not in context.takes:  # their models write nothing there
        report = replace(report, outcomes=(), treatment=None)
    algorithms = devices(report, context)
    found = observations(report, context, devices=algorithms)
    levels = groups(report, context, members=found) if context.is_grouped else ()
    results = levels or found
    summary = diagnostic_report(report, context, results=results)
    typed = answer_observations(report, context)
    risks = risk_assessments(report, context, devices=algorithms)
    known, parts = (*results, summary, *typed), plan_parts(report, context)
    plan = care_plan(report, context, devices=algorithms, known=known, parts=parts)
    planned = (*parts.resources, plan)
    authors = tuple(algorithms.values())
    # what a clinician typed in is their own, as its performer says
    reported = (*found, *levels, summary)
    origin = provenance((*reported, *risks, *planned), context, authors=authors)
    everything = (*authors, *reported, *typed, *risks, *planned, origin)
    event = audit_event(origin, _taken(everything, context.takes), context)
    return _taken((*everything, event), context.takes)


def transaction(
    resources: Sequence[Resource], *, existing: Mapping[str, str]
) -> Resource:
    """Return a transaction that creates what the server does not have.

    Args:
        resources: All resources of the report.
        existing: Identifier (``key``) of what the server has -> ``"Type/id"``.

    Returns:
        A Bundle; without entries where nothing is left to create.

    """
    missing = [resource for resource in resources if key(resource) not in existing]
    known = {
        full_url(resource): existing[key(resource)]
        for resource in resources
        if key(resource) in existing
    }
    bundle = {"resourceType": "Bundle", "type": "transaction"}
    entries = [_entry(resource, known) for resource in missing]
    return bundle | ({"entry": entries} if entries else {})


def resolve(resource: Resource, references: Mapping[str, str]) -> Resource:
    """Return the resource with its ``urn:uuid`` references replaced.

    Args:
        resource: One of ``report_resources``.
        references: ``full_url`` -> ``"Type/id"``; other references stay as they are.

    """
    resolved: Resource = _resolved(resource, references)
    return resolved


def _taken(
    resources: Sequence[Resource], types: frozenset[str]
) -> tuple[Resource, ...]:
    """Return the resources of some types, without references to the others."""
    kept = [r for r in resources if r["resourceType"] in types]
    absent = {full_url(r) for r in resources} - {full_url(r) for r in kept}
    return tuple(_without_references(r, absent) for r in kept) if absent else (*kept,)


def _without_references(node: Any, absent: Collection[str]) -> Any:  # noqa: ANN401 - JSON
    """Return JSON without references to what is absent; their display stays."""
    if isinstance(node, list):
        items = [_without_references(item, absent) for item in node]
        return [item for item in items if item not in ({}, [])]
    if not isinstance(node, dict):
        return node
    pruned = {
        name: _without_references(value, absent)
        for name, value in node.items()
        if not (name == "reference" and isinstance(value, str) and value in absent)
    }
    return {name: value for name, value in pruned.items() if value not in ({}, [])}


def _entry(resource: Resource, known: Mapping[str, str]) -> Resource:
    return {
        "fullUrl": full_url(resource),
        "resource": resolve(resource, known),
        "request": {"method": "POST", "url": resource["resourceType"]},
    }


def _resolved(node: Any, references: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        return [_resolved(item, references) for item in node]
    if not isinstance(node, dict):
        return node
    resolved = {name: _resolved(value, references) for name, value in node.items()}
    target = node.get("reference")  # CarePlan.activity.reference is no text
    if isinstance(target, str) and target in references:
        resolved["reference"] = references[target]
    return resolved
