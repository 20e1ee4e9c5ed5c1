"""A signed report reaches the EHR exactly once, and is read back.

What is there already is found by identifier; the rest goes as the plan says that the
signer saw (``ladder``). Everything is journaled before it is sent, so a lost
answer, a killed process or a second signature meets what the first one left.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from fhir_mappings.bundle import full_url, key, resolve
from fhir_mappings.comparison import differences
from fhir_mappings.errors import MappingError
from fhir_mappings.gather import identity
from smart_app.cases.identity import require_same_patient
from smart_app.cases.store import (
    Case,
    Signature,
    abandoned_writes,
    keep_result,
    keep_write_state,
    kept_case,
    signature,
)
from smart_app.errors import (
    AppError,
    CaseNotFoundError,
    IdentityError,
    NotReadyError,
    PatientChangedError,
    PlanChangedError,
)
from smart_app.fhir_server.capabilities import Capabilities
from smart_app.fhir_server.capability_store import read_capabilities
from smart_app.fhir_server.chart import fhir_client
from smart_app.fhir_server.client import FhirClient, Resource
from smart_app.fhir_server.finding import OnServer, find, reference_of
from smart_app.launch.launches import OpenLaunch, launch_of_job
from smart_app.locks import Held, exclusive, is_held
from smart_app.services import Services
from smart_app.tables import WriteState
from smart_app.upstream_errors import EhrError, RefusedError, WriteFailedError
from smart_app.writing.journal import (
    Entry,
    begin_run,
    created_by,
    entries,
    note_found,
)
from smart_app.writing.kept_plans import keep_plan
from smart_app.writing.ladder import WritePlan
from smart_app.writing.outgoing import current_plan, outgoing
from smart_app.writing.replacing import find_older, replace_older, replacing
from smart_app.writing.sending import Sender, send_resources

#: States of a signature after which nothing is sent for it any more.
ENDED: Final = frozenset({WriteState.WRITTEN, WriteState.WITHDRAWN})
#: Answers after which a request may have been, or still be, carried out.
UNKNOWN_OUTCOMES: Final = (None, 502, 504)
SETTLE_POLL_S: Final = 0.5  # our choice: how often a lost request is looked for

logger = logging.getLogger(__name__)


def write_report(services: Services, launch: OpenLaunch) -> None:
    """Write a signed report and record what became of it.

    What was written or withdrawn in the meantime is left as it is.

    Raises:
        NotReadyError: There is no report, or nobody has signed it.

    """
    case = kept_case(services, launch.id)
    signed = signature(services, launch.id)
    if case is None or signed is None:
        raise NotReadyError("writing without report or signature")
    try:
        # per EHR, because reports of different patients share the Device
        with exclusive(services, write_lock(launch.issuer)) as lock:
            now = signature(services, launch.id)
            if now is None or now.state in ENDED:
                return
            keep_write_state(services, launch.id, WriteState.WRITING, None)
            begin_run(services, launch, signed.signed_by)
            _write(services, launch, case, now, lock)
        logger.info("launch %s written", launch.id)
    except RefusedError as error:
        logger.warning("launch %s: the EHR refused: %s", launch.id, error)
        refused = [*dict.fromkeys((*signed.refused, error.refused))]
        keep_result(services, launch.id, refused=refused)
        keep_write_state(services, launch.id, WriteState.FAILED, error)
    except EhrError as error:
        failed = WriteFailedError(str(error), status=error.status)
        logger.warning("launch %s not written: %s", launch.id, failed)
        keep_write_state(services, launch.id, WriteState.FAILED, failed)
    except (AppError, MappingError) as error:
        name = type(error).__name__
        logger.warning("launch %s not written: %s: %s", launch.id, name, error)
        keep_write_state(services, launch.id, WriteState.FAILED, error)


def write_lock(issuer: str) -> str:
    """Return the name of the lock of all that is written to an EHR."""
    return f"write {issuer}"


def recover_writes(services: Services) -> list[str]:
    """Finish what processes left behind that were killed while they wrote.

    Returns:
        Launches whose writing was taken up again.

    """
    recovered = []
    for launch_id in abandoned_writes(services):
        try:
            launch = launch_of_job(services, launch_id)
            if is_held(services, write_lock(launch.issuer)):
                continue  # perhaps it is being written at this moment
            logger.warning("launch %s: writing is taken up again", launch_id)
            write_report(services, launch)
        except CaseNotFoundError:
            continue  # closed in the meantime
        except Exception as error:  # a defect must not be repeated for ever
            logger.exception("launch %s not written", launch_id)
            keep_write_state(services, launch_id, WriteState.FAILED, error)
        recovered.append(launch_id)
    return recovered


def _write(
    services: Services, launch: OpenLaunch, case: Case, signed: Signature, lock: Held
) -> None:
    client, patient_id = fhir_client(services, launch), launch.context.patient_id
    _require_unchanged(client.read("Patient", patient_id), case)
    capabilities = read_capabilities(services, launch)
    plan = current_plan(services, launch, signed.refused)
    if plan.fingerprint != signed.plan:
        raise PlanChangedError("the EHR takes something else than was shown")
    report = outgoing(services, launch, case, signed, plan)
    sent = entries(services, launch.id)
    older = find_older(client, patient_id, report.resources, mine=created_by(sent))
    resources = replacing(report.resources, older)
    before = _find_settled(services, client, resources, patient_id, sent)
    if signed.existing is None:
        existing = [*before.references.values()]
        keep_result(services, launch.id, existing=existing)
    else:  # a repeat: what an earlier attempt of this signature wrote is ours
        existing = list(signed.existing)
    sender = Sender(
        services=services,
        client=client,
        run_id=launch.id,
        patient_id=patient_id,
        lock=lock,
    )
    if len(before.standing) < len(resources):
        _send_once(sender, resources, before, capabilities, plan)
    sent = entries(services, launch.id)
    after = find(client, resources, patient_id, ours=created_by(sent))
    note_found(services, launch.id, after.references)
    if len(after.standing) < len(resources):
        raise EhrError("read-back: resources are missing")
    unreplaced = replace_older(sender, older, after, capabilities)
    ours = [r for r in resources if after.references[key(r)] not in existing]
    written = [after.references[key(resource)] for resource in ours]
    if report.kept_plan:
        keep_plan(services, launch, report.kept_plan, report.files)
    earlier = sorted(created_by(sent) - {*written, *existing})  # of a higher rung
    keep_result(
        services,
        launch.id,
        written=[*written, *earlier],
        differences=[*_changed(resources, ours, after.standing), *unreplaced],
    )
    keep_write_state(services, launch.id, WriteState.WRITTEN, None)


def _find_settled(
    services: Services,
    client: FhirClient,
    resources: Sequence[Resource],
    patient_id: str,
    sent: Sequence[Entry],
) -> OnServer:
    """Search a report; wait for requests of which nobody knows what became of them.

    The server may still be at work on them for as long as we would have waited.
    """
    unknown = [
        entry
        for entry in sent
        if entry.reference is None and entry.status in UNKNOWN_OUTCOMES
    ]
    longest = timedelta(seconds=services.settings.http_timeout_s)
    while True:
        found = find(client, resources, patient_id, ours=created_by(sent))
        missing = [e for e in unknown if e.identifier not in found.standing]
        if all(entry.sent_at + longest < services.clock() for entry in missing):
            return found
        time.sleep(SETTLE_POLL_S)


def _changed(
    resources: Sequence[Resource],
    ours: Sequence[Resource],
    after: Mapping[str, Resource],
) -> list[str]:
    references = {full_url(r): reference_of(after[key(r)]) for r in resources}
    return [
        f"{reference_of(after[key(resource)])}: {path}"
        for resource in ours
        for path in differences(resolve(resource, references), after[key(resource)])
    ]


def _require_unchanged(patient: Resource, case: Case) -> None:
    try:
        require_same_patient(case.identity, identity(patient))
    except IdentityError as error:
        raise PatientChangedError(str(error)) from error


def _send_once(
    sender: Sender,
    resources: Sequence[Resource],
    before: OnServer,
    capabilities: Capabilities,
    plan: WritePlan,
) -> None:
    client = sender.client
    try:
        send_resources(sender, resources, before, capabilities, plan)
    except EhrError as error:
        # without a status the answer was lost, perhaps after the work was done
        is_lost = error.status is None
        after = find(client, resources, sender.patient_id) if is_lost else before
        if len(after.standing) < len(resources):
            raise
