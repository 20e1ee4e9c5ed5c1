"""Commands for administrators: ``flask --app wsgi preflight`` and ``rotate-keys``."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click
from flask import Blueprint

from smart_app.commands.preflight import preflight
from smart_app.commands.preflight_report import Level
from smart_app.ehrs.client_keys import ALGORITHMS, WARM_UP, ClientKeyError, rotate
from smart_app.ehrs.issuers import Issuer, Issuers
from smart_app.services import current_services

bp = Blueprint("commands", __name__, cli_group=None)


@bp.cli.command("preflight")
@click.argument("issuer")
def preflight_command(issuer: str) -> None:
    """Check the EHR ISSUER (its address or its name) and say what to do."""
    services = current_services()
    counts: Counter[Level] = Counter()
    for line in preflight(services, _chosen(services.issuers, issuer)):
        click.echo(line)
        counts[line.level] += 1
    click.echo(f"{counts[Level.FAILURE]} failures, {counts[Level.WARNING]} warnings")
    if counts[Level.FAILURE]:
        raise SystemExit(1)


@bp.cli.command("rotate-keys")
@click.argument("file", type=click.Path(path_type=Path))
def rotate_keys_command(file: Path) -> None:
    """Add new client keys to FILE and drop those that are long out of use."""
    try:
        keys = rotate(file, datetime.now(UTC))
    except ClientKeyError as error:
        raise click.ClickException(f"{file} {error}") from error
    new = " and ".join(ALGORITHMS)
    click.echo(
        f"{file} holds {len(keys)} keys. Restart web and workers: then the new {new} "
        f"keys are published, and {WARM_UP.days} day later they sign."
    )


def _chosen(issuers: Issuers, word: str) -> Issuer:
    for issuer in issuers:
        if word.rstrip("/") == issuer.url or word == issuer.name:
            return issuer
    known = ", ".join(issuer.url for issuer in issuers)
    raise click.BadParameter(f"{word!r} is not on the list, which has {known}")
