"""The masks and measurements of a signed report go to the archive, exactly once.

DICOM SEG and SR, made from what was kept of the analysis, in the study that was
measured (STOW-RS). Their UIDs are derived from their content, so a repeat, a lost
answer or a second signer meets what the first one left. Nothing of it undoes the chart.
Worker only: this imports pydicom and highdicom.
"""

import logging
from hashlib import sha256
from typing import Final

from pydicom import Dataset
from pydicom.uid import UID

from fhir_mappings.dicom_documents import StoredObject
from fhir_mappings.dicom_words import dicom_name
from fhir_mappings.errors import MappingError
from inference.dicom import identity_of
from inference.outputs.kept_masks import unpack_masks
from inference.outputs.seg import segmentation_object
from inference.outputs.source import SourceSeries
from inference.outputs.sr import Verifier, measurement_object
from smart_app.archive.answers import StoreAnswer
from smart_app.archive.client import Archive
from smart_app.archive.links import link_objects
from smart_app.archive.writes import (
    MAX_ATTEMPTS,
    claim_archive_write,
    keep_not_stored,
    keep_stored,
)
from smart_app.cases.identity import require_same_patient
from smart_app.cases.store import Case, Signature, kept_case, kept_masks, signature
from smart_app.errors import (
    AppError,
    IdentityMismatchError,
    NotReadyError,
    UpstreamError,
    WriteBusyError,
    title_of,
)
from smart_app.fhir_server.chart import fhir_client
from smart_app.launch.launches import OpenLaunch, launch_of_job
from smart_app.locks import exclusive
from smart_app.services import Services
from smart_app.tables import WriteState
from smart_app.upstream_errors import ArchiveError, NotStoredError

CONFLICT: Final = 409
SERVER_FAULT: Final = 500

logger = logging.getLogger(__name__)


def store_objects(services: Services, launch_id: str) -> None:
    """Store the objects of a signed report and record what became of them."""
    attempt = claim_archive_write(services, launch_id)
    if attempt is None:
        return
    try:
        case, signed = _signed_case(services, launch_id)
        launch = launch_of_job(services, launch_id)
        stored, warnings = _store(services, launch, case, signed)
    except Exception as error:  # a job must not stop its worker
        is_final = attempt >= MAX_ATTEMPTS or not _may_pass(error)
        keep_not_stored(services, launch_id, error, is_final=is_final)
        if isinstance(error, UpstreamError):
            logger.warning("launch %s not in the archive: %s", launch_id, error)
        else:
            logger.exception("launch %s not in the archive", launch_id)
        return
    links, problem = [], None
    try:
        links = link_objects(services, launch, case, signed, stored)
    except (AppError, MappingError) as error:  # what is stored is stored
        logger.warning("launch %s not linked: %s", launch_id, type(error).__name__)
        problem = title_of(error)
    result = {
        "instances": [item.instance_uid for item in stored],
        "warnings": warnings,
        "links": links,
        "link_problem": problem,
    }
    keep_stored(services, launch_id, result)
    logger.info("launch %s in the archive", launch_id)


def _may_pass(error: Exception) -> bool:
    """Tell whether a failure may pass by itself: no answer, or one of a sick server."""
    if isinstance(error, UpstreamError):
        return error.status is None or error.status >= SERVER_FAULT
    return isinstance(error, WriteBusyError)


def _signed_case(services: Services, launch_id: str) -> tuple[Case, Signature]:
    case, signed = kept_case(services, launch_id), signature(services, launch_id)
    if case is None or signed is None or signed.state != WriteState.WRITTEN:
        raise NotReadyError("storing without a report that is in the chart")
    return case, signed


def _store(
    services: Services, launch: OpenLaunch, case: Case, signed: Signature
) -> tuple[list[StoredObject], list[str]]:
    masks = kept_masks(services, launch.id)
    if masks is None:
        raise NotReadyError("storing without masks")
    issuer = services.issuers.known(launch.issuer)
    archive = Archive.of(issuer, services.settings.http_timeout_s)
    study_uid = case.report.study.study_uid
    voxels, source = unpack_masks(masks)
    verifier = Verifier(
        name=_dicom_name(services, launch, signed), organization=issuer.name
    )
    segmentation = segmentation_object(
        voxels, source, case.report.model, signed.signed_at
    )
    measurements = measurement_object(
        case.report, source, segmentation, signed.signed_at, verifier
    )
    with exclusive(services, f"archive {sha256(study_uid.encode()).hexdigest()}"):
        _require_unchanged(archive, case, source)
        warnings = _store_once(archive, study_uid, [segmentation, measurements])
    model = case.report.model
    stored = [
        StoredObject(
            modality=str(item.Modality),
            sop_class=(str(item.SOPClassUID), UID(item.SOPClassUID).name),
            instance_uid=str(item.SOPInstanceUID),
            url=archive.url_of(item),
            algorithm=f"{model.name} {model.version}",
            is_verified=item is measurements,
        )
        for item in (segmentation, measurements)
    ]
    return stored, warnings


def _store_once(archive: Archive, study_uid: str, objects: list[Dataset]) -> list[str]:
    """Send what is not there yet, and look whether it arrived."""
    missing = _missing(archive, study_uid, objects)
    if not missing:
        return []
    answer = StoreAnswer(failed=(), warnings=())
    try:
        answer = archive.store(study_uid, missing)
    except NotStoredError:
        raise
    except ArchiveError:
        # the answer was lost, perhaps after the work was done
        if _missing(archive, study_uid, missing):
            raise
    if left := _missing(archive, study_uid, missing):
        raise NotStoredError(
            f"{len(left)} of {len(objects)} objects are not in the archive",
            status=CONFLICT if answer.failed else None,
            reasons=answer.failed or ("taken, and not yet in the study",),
        )
    return sorted({*answer.warnings})


def _missing(archive: Archive, study_uid: str, objects: list[Dataset]) -> list[Dataset]:
    return [
        item
        for item in objects
        if not archive.count(study_uid, str(item.SOPInstanceUID))
    ]


def _require_unchanged(archive: Archive, case: Case, source: SourceSeries) -> None:
    """Check that the study is still of the patient whose report was signed.

    Raises:
        IdentityError: It was moved to somebody else since it was measured.

    """
    now = archive.header(source.study_uid, source.series_uid)
    require_same_patient(case.identity, identity_of(now))
    if identity_of(now).identifiers != identity_of(source.headers[0]).identifiers:
        raise IdentityMismatchError("the study has another PatientID than before")


def _dicom_name(services: Services, launch: OpenLaunch, signed: Signature) -> str:
    """Return the signer's name as ``Family^Given^Middle^Prefix^Suffix``."""
    kind, _, user_id = signed.signed_by.partition("/")
    if kind == "Practitioner":
        try:
            if found := dicom_name(fhir_client(services, launch).read(kind, user_id)):
                return found
        except UpstreamError as error:
            logger.info("the signer's name was not read: %s", error)
    shown = launch.context.user_display or signed.signed_by
    return dicom_name({"name": [{"family": shown}]})
