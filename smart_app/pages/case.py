"""The case: progress, report, signature. The work itself happens elsewhere."""

import logging
from collections.abc import Mapping

from flask import Blueprint, Response, g, redirect, render_template, request
from flask.helpers import url_for
from flask.typing import ResponseReturnValue

from smart_app.archive.writes import (
    archive_write,
    queue_archive_write,
    queue_archive_write_again,
)
from smart_app.cases.answers import Problems, case_lock, keep_answers
from smart_app.cases.job_rows import job_status, queue_again
from smart_app.cases.level_names import move_names
from smart_app.cases.store import (
    Case,
    Signature,
    has_masks,
    kept_case,
    kept_picture,
    sign,
    signature,
)
from smart_app.errors import (
    AlreadySignedError,
    NotConfirmedError,
    NotReadyError,
    OutdatedPageError,
    PlanChangedError,
    UpstreamError,
    WriteNotGrantedError,
)
from smart_app.fhir_server.chart import fhir_client
from smart_app.launch import browsers
from smart_app.launch.ehr_style import as_css
from smart_app.launch.launches import OpenLaunch, own_launch
from smart_app.locks import exclusive
from smart_app.pages.archive_view import archive_view
from smart_app.pages.facts_view import facts_view
from smart_app.pages.progress_view import percent, status_json, steps
from smart_app.pages.report_view import report_view
from smart_app.services import Services, current_services
from smart_app.tables import JobState, WriteState
from smart_app.upstream_errors import StillStandingError
from smart_app.writing.journal import own_runs
from smart_app.writing.ladder import WritePlan
from smart_app.writing.outgoing import current_plan
from smart_app.writing.signed_report import write_report
from smart_app.writing.undo import undo_run

logger = logging.getLogger(__name__)
bp = Blueprint("cases", __name__, url_prefix="/cases/<launch_id>")


@bp.get("/")
def show(launch_id: str) -> ResponseReturnValue:
    """Show the progress of the analysis, then its report."""
    services = current_services()
    launch = case_launch(launch_id)
    status = job_status(services, launch.id)
    case = kept_case(services, launch.id) if status.state == JobState.DONE else None
    server = services.issuers.known(launch.issuer)
    if case is None:
        return render_template(
            "progress.html",
            launch=launch,
            server=server,
            status=status,
            steps=steps(status),
            percent=percent(status),
        )
    return _report(launch, case, form={}, problems={})


@bp.get("/status")
def status(launch_id: str) -> ResponseReturnValue:
    """Report progress to the page's script; only to the browser of the launch."""
    services = current_services()
    launch = case_launch(launch_id, is_active=False)
    url = url_for(".show", launch_id=launch.id)
    signed = signature(services, launch.id)
    stored = archive_write(services, launch.id)
    return status_json(job_status(services, launch.id), signed, stored, url=url)


@bp.get("/ehr.css")
def ehr_style(launch_id: str) -> ResponseReturnValue:
    """Send the colors of the EHR, as far as these pages use them."""
    launch = case_launch(launch_id, is_active=False)
    return Response(as_css(launch.context.style), mimetype="text/css")


@bp.get("/slice.png")
def picture(launch_id: str) -> ResponseReturnValue:
    """Send the mid-sagittal slice."""
    png = kept_picture(current_services(), case_launch(launch_id).id)
    if png is None:
        raise NotReadyError("picture before report")
    return Response(png, mimetype="image/png")


@bp.post("/sign")
def sign_report(launch_id: str) -> ResponseReturnValue:
    """Accept a signature and write the report; a repeat only writes again."""
    services = current_services()
    launch = case_launch(launch_id)
    signer = launch.signer
    if signer is None:
        raise WriteNotGrantedError("signature without a known professional")
    if request.form.get("confirm") != "yes":
        raise NotConfirmedError("signature without confirmation")
    with exclusive(services, case_lock(launch)):
        signed = signature(services, launch.id)
        if signed is None:
            _require_seen(services, launch)
        _keep_signature(services, launch, signer, signed)
    write_report(services, launch)
    queue_archive_write(services, launch.id)
    return redirect(url_for(".show", launch_id=launch.id, _anchor="sign"), 303)


@bp.post("/undo")
def undo(launch_id: str) -> ResponseReturnValue:
    """Withdraw what this user has signed for this patient, now or earlier."""
    services = current_services()
    launch = case_launch(launch_id)
    if request.form.get("confirm") != "yes":
        raise NotConfirmedError("withdrawal without confirmation")
    wanted = request.form.get("run", "")
    runs = own_runs(services, launch)
    if launch.signer is None or wanted not in {run.id for run in runs}:
        raise NotReadyError("withdrawal of a run that is not of this user and patient")
    undone = undo_run(
        services,
        fhir_client(services, launch),
        wanted,
        by=launch.signer,
        display=launch.context.user_display,
    )
    if undone.unchanged:
        raise StillStandingError(
            "a part of the report stands",
            marked=len(undone.withdrawn),
            unchanged=undone.unchanged,
        )
    return redirect(url_for(".show", launch_id=launch.id, _anchor="sign"), 303)


@bp.post("/answers")
def keep(launch_id: str) -> ResponseReturnValue:
    """Keep what was typed in and judge again; the images are not looked at again."""
    services = current_services()
    launch = case_launch(launch_id)
    problems = keep_answers(services, launch, request.form)
    if not problems:
        return redirect(
            url_for(".show", launch_id=launch.id, _anchor="suggestion"), 303
        )
    case = kept_case(services, launch.id)
    if case is None:
        raise NotReadyError("answers before report")
    return _report(launch, case, form=request.form, problems=problems), 400


@bp.post("/names")
def move(launch_id: str) -> ResponseReturnValue:
    """Move all names of the levels by one, and analyze again."""
    launch = case_launch(launch_id)
    move_names(current_services(), launch, request.form)
    return redirect(url_for(".show", launch_id=launch.id), 303)


@bp.post("/archive")
def store_again(launch_id: str) -> ResponseReturnValue:
    """Queue once more what the archive did not take; the chart stays as it is."""
    launch = case_launch(launch_id)
    queue_archive_write_again(current_services(), launch.id)
    return redirect(url_for(".show", launch_id=launch.id, _anchor="sign"), 303)


@bp.post("/retry")
def retry(launch_id: str) -> ResponseReturnValue:
    """Queue a failed analysis once more."""
    launch = case_launch(launch_id)
    queue_again(current_services(), launch.id)
    return redirect(url_for(".show", launch_id=launch.id), 303)


def _report(
    launch: OpenLaunch, case: Case, *, form: Mapping[str, str], problems: Problems
) -> str:
    services = current_services()
    signed = signature(services, launch.id)
    return render_template(
        "report.html",
        launch=launch,
        server=services.issuers.known(launch.issuer),
        view=report_view(services, launch, case, signed, plan=_plan(launch, signed)),
        archive=archive_view(
            archive_write(services, launch.id),
            has_masks=has_masks(services, launch.id),
            issuer=launch.issuer,
        ),
        facts=facts_view(
            case,
            is_asked=signed is None and launch.professional is not None,
            form=form,
            problems=problems,
        ),
    )


def _require_seen(services: Services, launch: OpenLaunch) -> None:
    """Check that the report is the one that the signer saw and confirmed.

    Raises:
        SignatureError: It is not.

    """
    case = kept_case(services, launch.id)
    if case is None:
        raise NotReadyError("signature before report")
    if job_status(services, launch.id).state != JobState.DONE:
        raise NotReadyError("signature while the case is analyzed again")
    if case.report.needs_level_check and request.form.get("levels") != "yes":
        raise NotConfirmedError("signature without confirmed level names")
    if request.form.get("seen") != case.fingerprint:
        raise OutdatedPageError("signature of another report")


def _keep_signature(
    services: Services, launch: OpenLaunch, signer: str, signed: Signature | None
) -> None:
    """Keep a signature for what was shown; one that is written already stays."""
    if signed and signed.state == WriteState.WITHDRAWN:
        raise AlreadySignedError("signature of a withdrawn report")
    if signed and signed.state == WriteState.WRITTEN:
        return
    plan = current_plan(services, launch, signed.refused if signed else ())
    if request.form.get("plan") != plan.fingerprint:
        raise PlanChangedError("signature of another plan")
    sign(services, launch.id, signer, plan=plan.fingerprint)


def _plan(launch: OpenLaunch, signed: Signature | None) -> WritePlan | None:
    """Return what a signature would do, ``None`` where the EHR does not tell."""
    try:
        refused = signed.refused if signed else ()
        return current_plan(current_services(), launch, refused)
    except UpstreamError as error:
        logger.warning("launch %s: no plan of writing: %s", launch.id, error)
        return None


def case_launch(launch_id: str, *, is_active: bool = True) -> OpenLaunch:
    """Return the launch of a case of this browser.

    Raises:
        NotSignedInError: This browser started no launch.
        CaseNotFoundError: The case is not of this browser.

    """
    services = current_services()
    browser = browsers.current(services, is_active=is_active)
    launch = own_launch(services, browser, launch_id)
    g.frame_ancestors = services.issuers.known(launch.issuer).frame_ancestors
    return launch
