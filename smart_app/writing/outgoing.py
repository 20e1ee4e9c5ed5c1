"""What a signature sends: the resources of one case for the rung of its EHR."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fhir_mappings.bundle import key, report_resources
from fhir_mappings.write_context import WriteContext
from smart_app.cases.store import Case, Signature
from smart_app.ehrs.writable import DOCUMENT, REPORT_TYPES
from smart_app.fhir_server.capability_store import known_capabilities
from smart_app.fhir_server.client import Resource
from smart_app.launch.launches import OpenLaunch
from smart_app.services import Services
from smart_app.tables import WriteState
from smart_app.writing.kept_plans import plan_id
from smart_app.writing.ladder import PLAN, WritePlan
from smart_app.writing.plan_files import PlanFiles, make_document, make_files

SOFTWARE_VERSION: Final = "0.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One signed report, as its EHR takes it.

    Attributes:
        resources: What goes to the EHR, in an order in which each refers to earlier
            ones only.
        kept_plan: Name of the plan that this application keeps, ``None`` where the
            EHR keeps it.
        files: The whole report in three forms.

    """

    resources: tuple[Resource, ...]
    kept_plan: str | None
    files: PlanFiles


def current_plan(
    services: Services, launch: OpenLaunch, refused: Iterable[str] = ()
) -> WritePlan:
    """Return what a signature would write where, by what the EHR stated lately.

    Raises:
        EhrError: The EHR does not say what it can do.

    """
    issuer = services.issuers.known(launch.issuer)
    return WritePlan.of(
        known_capabilities(services, launch),
        scopes=launch.scopes,
        never=issuer.never_write,
        refused=tuple(refused),
    )


def preview_signature(services: Services, signer: str, plan: WritePlan) -> Signature:
    """Return what a signature at this moment would be."""
    return Signature(
        signed_by=signer,
        signed_at=services.clock(),
        state=WriteState.SIGNED,
        plan=plan.fingerprint,
    )


def write_context(
    services: Services,
    launch: OpenLaunch,
    case: Case,
    signed: Signature,
    takes: frozenset[str] = REPORT_TYPES,
) -> WriteContext:
    """Return where and for whom a report is written, by default all of it."""
    encounter = launch.context.encounter_id
    return WriteContext(
        patient=f"Patient/{launch.context.patient_id}",
        imaging_study=case.imaging_study,
        encounter=f"Encounter/{encounter}" if encounter else None,
        signer=signed.signed_by,
        signer_display=launch.context.user_display,
        signed_at=signed.signed_at,
        issuer=launch.issuer,
        application_url=services.settings.base_url,
        software_version=SOFTWARE_VERSION,
        takes=takes,
        is_grouped=services.issuers.known(launch.issuer).is_grouped,
    )


def outgoing(
    services: Services,
    launch: OpenLaunch,
    case: Case,
    signed: Signature,
    plan: WritePlan,
) -> Outgoing:
    """Return all that a signature sends and keeps.

    Raises:
        UnmappableReportError: The report must not be written.

    """
    context = write_context(services, launch, case, signed)
    everything = report_resources(case.report, context)
    kept_plan = _kept_plan(services, launch, everything) if plan.keeps_plan else None
    address = kept_plan and f"{services.settings.base_url}/plans/{kept_plan}"
    resources = _report_part(services, launch, case, signed, plan)
    if plan.has_document:
        formats = services.issuers.known(launch.issuer).document_formats
        document = make_document(
            everything, context, launch.banner, address=address, formats=formats
        )
        resources = (*resources, document)
    files = make_files(everything, context, launch.banner, address=address)
    return Outgoing(resources=resources, kept_plan=kept_plan, files=files)


def outgoing_counts(
    services: Services,
    launch: OpenLaunch,
    case: Case,
    signed: Signature,
    plan: WritePlan,
) -> dict[str, int]:
    """Return how many resources of each type go to the EHR."""
    resources = _report_part(services, launch, case, signed, plan)
    counts = Counter(resource["resourceType"] for resource in resources)
    return {**counts, **({DOCUMENT: 1} if plan.has_document else {})}


def _report_part(
    services: Services,
    launch: OpenLaunch,
    case: Case,
    signed: Signature,
    plan: WritePlan,
) -> tuple[Resource, ...]:
    if not plan.takes:
        return ()
    context = write_context(services, launch, case, signed, plan.takes)
    return report_resources(case.report, context)


def _kept_plan(
    services: Services, launch: OpenLaunch, everything: Iterable[Resource]
) -> str:
    (plan,) = (r for r in everything if r["resourceType"] == PLAN)
    return plan_id(services, launch, key(plan))
