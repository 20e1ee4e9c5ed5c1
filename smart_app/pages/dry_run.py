"""The page that shows what a signature would send, before anybody signs."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from smart_app.fhir_server.write_requests import address
from smart_app.pages.case import case_launch
from smart_app.services import current_services
from smart_app.writing.dry_run import body, dry_run
from smart_app.writing.ladder import sentences

bp = Blueprint("dry_run", __name__)


@bp.get("/cases/<launch_id>/dry-run")
def show(launch_id: str) -> ResponseReturnValue:
    """Show the requests of a signature; none of them is sent."""
    services = current_services()
    launch = case_launch(launch_id)
    server = services.issuers.known(launch.issuer)
    run = dry_run(services, launch)
    return render_template(
        "dry_run.html",
        launch=launch,
        server=server,
        words=sentences(run.plan, server.name),
        unreplaced=run.unreplaced,
        requests=[
            (request, address(run.issuer, request), body(request))
            for request in run.requests
        ],
    )
