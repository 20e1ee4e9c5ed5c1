"""A signed report reaches the EHR exactly once, and is read back.

What is there already is found by identifier, the rest goes in one transaction where
the server has transactions, in order and one by one where it has not. A lost answer
or a second signature therefore meets what the first one left.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fhir_mappings.bundle import (
    full_url,
    key,
    report_resources,
    resolve,
    search_for,
    transaction,
)
from fhir_mappings.comparison import differences
from fhir_mappings.errors import MappingError
from fhir_mappings.gather import identity
from fhir_mappings.write_context import WriteContext
from smart_app.case_store import (
    Case,
    Signature,
    keep_existing,
    keep_write_state,
    keep_written,
    kept_case,
    signature,
)
from smart_app.chart import fhir_client
from smart_app.errors import (
    AppError,
    IdentityError,
    NotReadyError,
    PatientChangedError,
)
from smart_app.fhir_client import FhirClient, Resource
from smart_app.identity import require_same_patient
from smart_app.launches import OpenLaunch
from smart_app.locks import exclusive
from smart_app.models import WriteState
from smart_app.services import Services
from smart_app.upstream_errors import (
    EhrError,
    WriteFailedError,
)

SOFTWARE_VERSION: Final = "0.1.0"
IDENTIFIERS_PER_SEARCH: Final = 15  # our choice: keeps URLs below 2,000 characters

logger = logging.getLogger(__name__)


def write_report(services: Services, launch: OpenLaunch) -> None:
    """Write a signed report and record what became of it.

    Raises:
        NotReadyError: There is no report, or nobody has signed it.

    """
    case = kept_case(services, launch.id)
    signed = signature(services, launch.id)
    if case is None or signed is None:
        raise NotReadyError("writing without report or signature")
    try:
        # per EHR, because reports of different patients share the Device
        with exclusive(services, f"write {launch.issuer}"):
            keep_write_state(services, launch.id, WriteState.WRITING, None)
            _write(services, launch, case, signed)
        logger.info("launch %s written", launch.id)
    except EhrError as error:
        failed = WriteFailedError(str(error), status=error.status)
        logger.warning("launch %s not written: %s", launch.id, failed)
        keep_write_state(services, launch.id, WriteState.FAILED, failed)
    except (AppError, MappingError) as error:
        name = type(error).__name__
        logger.warning("launch %s not written: %s: %s", launch.id, name, error)
        keep_write_state(services, launch.id, WriteState.FAILED, error)


def write_context(launch: OpenLaunch, case: Case, signed: Signature) -> WriteContext:
    """Return where and for whom a report is written."""
    encounter = launch.context.encounter_id
    return WriteContext(
        patient=f"Patient/{launch.context.patient_id}",
        imaging_study=case.imaging_study,
        encounter=f"Encounter/{encounter}" if encounter else None,
        signer=signed.signed_by,
        signer_display=launch.context.user_display,
        signed_at=signed.signed_at,
        issuer=launch.issuer,
        software_version=SOFTWARE_VERSION,
        takes_risk_assessments=launch.takes_risk_assessments,
    )


def _write(
    services: Services, launch: OpenLaunch, case: Case, signed: Signature
) -> None:
    client, patient_id = fhir_client(services, launch), launch.context.patient_id
    _require_unchanged(client.read("Patient", patient_id), case)
    resources = report_resources(case.report, write_context(launch, case, signed))
    before = _find(client, resources, patient_id)
    if signed.existing is None:
        existing = [_reference(found) for found in before.values()]
        keep_existing(services, launch.id, existing)
    else:  # a repeat: what an earlier attempt of this signature wrote is ours
        existing = list(signed.existing)
    if len(before) < len(resources):
        _send_once(client, resources, before, patient_id)
    after = _find(client, resources, patient_id)
    if len(after) < len(resources):
        raise EhrError("read-back: resources are missing")
    ours = [r for r in resources if _reference(after[key(r)]) not in existing]
    result = {
        "existing": existing,
        "written": [_reference(after[key(resource)]) for resource in ours],
        "differences": _changed(resources, ours, after),
    }
    keep_written(services, launch.id, result)


def _changed(
    resources: Sequence[Resource],
    ours: Sequence[Resource],
    after: Mapping[str, Resource],
) -> list[str]:
    references = {full_url(r): _reference(after[key(r)]) for r in resources}
    return [
        f"{_reference(after[key(resource)])}: {path}"
        for resource in ours
        for path in differences(resolve(resource, references), after[key(resource)])
    ]


def _require_unchanged(patient: Resource, case: Case) -> None:
    try:
        require_same_patient(case.identity, identity(patient))
    except IdentityError as error:
        raise PatientChangedError(str(error)) from error


def _send_once(
    client: FhirClient,
    resources: Sequence[Resource],
    before: dict[str, Resource],
    patient_id: str,
) -> None:
    try:
        _send(client, resources, before)
    except EhrError as error:
        # without a status the answer was lost, perhaps after the work was done
        is_lost = error.status is None
        if not is_lost or len(_find(client, resources, patient_id)) < len(resources):
            raise


def _send(
    client: FhirClient, resources: Sequence[Resource], before: dict[str, Resource]
) -> None:
    existing = {name: _reference(found) for name, found in before.items()}
    if client.has_transactions():
        client.transaction(transaction(resources, existing=existing))
        return
    references: dict[str, str] = {}
    for resource in resources:
        reference = existing.get(key(resource)) or client.create(
            resolve(resource, references), if_none_exist=search_for(resource).params
        )
        references[full_url(resource)] = reference


def _find(
    client: FhirClient, resources: Sequence[Resource], patient_id: str
) -> dict[str, Resource]:
    """Return what of the report is on the server, by key, in the report's order."""
    wanted = {key(resource) for resource in resources}
    found: dict[str, Resource] = {}
    for resource_type, params in _searches(resources, patient_id):
        answer = client.search(resource_type, params, patient_id=patient_id)
        if answer.unreadable or not answer.is_complete:
            raise EhrError("cannot tell what is on the server already")
        for resource in answer.resources:
            if key(resource) in wanted:
                found.setdefault(key(resource), resource)
    return {key(r): found[key(r)] for r in resources if key(r) in found}


def _searches(
    resources: Sequence[Resource], patient_id: str
) -> Iterator[tuple[str, dict[str, str]]]:
    tokens: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for resource in resources:
        search = search_for(resource)
        has_patient = "subject" in resource or "patient" in resource
        for name, value in search.params.items():
            tokens[search.resource_type, name, has_patient].append(value)
    for (resource_type, name, has_patient), values in tokens.items():
        owner = {"patient": patient_id} if has_patient else {}
        for start in range(0, len(values), IDENTIFIERS_PER_SEARCH):
            some = values[start : start + IDENTIFIERS_PER_SEARCH]
            yield resource_type, {name: ",".join(some), **owner}


def _reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
