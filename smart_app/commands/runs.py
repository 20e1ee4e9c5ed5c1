"""Commands about what is written: ``flask --app wsgi runs``, ``undo``, ``dry-run``."""

from typing import Final

import click
from flask import Blueprint

from fhir_mappings.errors import MappingError
from smart_app.errors import AppError, NoAuthorityError, advice_of, title_of
from smart_app.fhir_server.chart import fhir_client
from smart_app.launch.launches import OpenLaunch, launch_of_job, open_launches
from smart_app.services import Services, current_services
from smart_app.writing.dry_run import dry_run, lines
from smart_app.writing.journal import SignedRun, entries, kept_run, kept_runs
from smart_app.writing.undo import undo_run

#: Names of runs may begin with a dash, and are no options then.
NAMES_WITH_DASH: Final = {"ignore_unknown_options": True}

bp = Blueprint("write_commands", __name__, cli_group=None)


@bp.cli.command("runs")
def runs_command() -> None:
    """List what was signed: run, time, resources that are known and that are not."""
    services = current_services()
    for run in kept_runs(services):
        sent = [e for e in entries(services, run.id) if e.method == "POST"]
        known = {entry.identifier for entry in sent if entry.reference}
        lost = {entry.identifier for entry in sent} - known
        state = "withdrawn" if run.undone_at else "signed"
        click.echo(
            f"{run.id}  {run.signed_at:%Y-%m-%d %H:%M}  {state}  {len(known)} written, "
            f"{len(lost)} with unknown outcome"
        )


@bp.cli.command("undo", context_settings=NAMES_WITH_DASH)
@click.argument("run")
def undo_command(run: str) -> None:
    """Mark all that RUN wrote as entered in error; nothing is deleted."""
    services = current_services()
    known = kept_run(services, run)
    if known is None:
        raise click.BadParameter(f"{run!r} is no run; `flask runs` lists them")
    try:
        launch = _authority(services, known)
        undone = undo_run(
            services,
            fhir_client(services, launch),
            known.id,
            by=launch.signer or known.signed_by,
            display=launch.context.user_display,
        )
    except AppError as error:
        raise click.ClickException(f"{error.title}. {error.advice}") from error
    click.echo(f"{len(undone.withdrawn)} resources are marked as entered in error")
    click.echo(f"{len(undone.reinstated)} that were replaced hold again")
    click.echo(f"{undone.kept_plans} plans that were kept here no longer hold")
    for reference in undone.unmarked:
        click.echo(f"{reference} stays: it has no such mark, or other reports share it")
    for reference in undone.unchanged:
        click.echo(f"the EHR refused to change {reference}")
    if undone.unchanged:
        raise SystemExit(1)


@bp.cli.command("dry-run", context_settings=NAMES_WITH_DASH)
@click.argument("run")
def dry_run_command(run: str) -> None:
    """Print the requests that a signature of RUN would send; none of them is sent.

    RUN is the name of an open case, as in the address of its page. What is printed
    has the patient's data.
    """
    services = current_services()
    try:
        outcome = dry_run(services, launch_of_job(services, run))
    except (AppError, MappingError) as error:
        raise click.ClickException(f"{title_of(error)}. {advice_of(error)}") from error
    for line in lines(outcome):
        click.echo(line)
    for reference in outcome.unreplaced:
        click.echo(f"{reference} would still hold: the EHR takes no update of it")


def _authority(services: Services, run: SignedRun) -> OpenLaunch:
    """Return an open launch of the signer and the same patient: it has the tokens.

    Raises:
        NoAuthorityError: There is none.

    """
    for launch in open_launches(services):
        is_same = (launch.issuer, launch.signer) == (run.issuer, run.signed_by)
        if is_same and launch.context.patient_id == run.patient_id:
            return launch
    raise NoAuthorityError("no open launch of the signer for this patient")
