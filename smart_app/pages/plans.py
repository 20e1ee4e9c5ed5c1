"""Signed plans to read and to print: those of a case, and those that are kept here."""

import json
from typing import Final

from flask import Blueprint, Response, redirect
from flask.helpers import url_for
from flask.typing import ResponseReturnValue

from smart_app.cases.store import kept_case, signature
from smart_app.errors import CaseNotFoundError, NotReadyError
from smart_app.fhir_server.write_requests import FHIR_JSON
from smart_app.launch import browsers
from smart_app.launch.launches import own_launches
from smart_app.pages.case import case_launch
from smart_app.services import current_services
from smart_app.writing.kept_plans import plan_files
from smart_app.writing.outgoing import current_plan, outgoing
from smart_app.writing.plan_files import PlanFiles

#: Names of the forms of a plan, as addresses have them.
FILES: Final = ("plan.pdf", "plan.xhtml", "Bundle", "CarePlan")

NAME: Final = f"<any({', '.join(map(repr, FILES))}):name>"

bp = Blueprint("plans", __name__)


@bp.get(f"/cases/<launch_id>/signed/{NAME}")
def of_case(launch_id: str, name: str) -> ResponseReturnValue:
    """Send the signed report of a case; nothing of it exists before the signature."""
    services = current_services()
    launch = case_launch(launch_id)
    case, signed = kept_case(services, launch.id), signature(services, launch.id)
    if case is None or signed is None:
        raise NotReadyError("files before signature")
    plan = current_plan(services, launch, signed.refused)
    return _answer(outgoing(services, launch, case, signed, plan).files, name)


@bp.get("/plans/<plan_id>")
def kept(plan_id: str) -> ResponseReturnValue:
    """Lead to a kept plan, in a browser that has opened its patient from the EHR."""
    services = current_services()
    for launch in own_launches(services, browsers.current(services)):
        if plan_files(services, launch, plan_id):
            target = url_for(
                ".kept_file", launch_id=launch.id, plan_id=plan_id, name=FILES[1]
            )
            return redirect(target, 303)
    raise CaseNotFoundError("a plan of no patient of this browser")


@bp.get(f"/cases/<launch_id>/plans/<plan_id>/{NAME}")
def kept_file(launch_id: str, plan_id: str, name: str) -> ResponseReturnValue:
    """Send a plan of the patient of a case that this application keeps."""
    files = plan_files(current_services(), case_launch(launch_id), plan_id)
    if files is None:
        raise CaseNotFoundError("a plan of another patient")
    return _answer(files, name)


def _answer(files: PlanFiles, name: str) -> Response:
    if name == "plan.pdf":
        return Response(files.pdf, mimetype="application/pdf")
    if name == "plan.xhtml":
        return Response(files.xhtml, mimetype="application/xhtml+xml")
    resources = [entry["resource"] for entry in files.bundle["entry"]]
    resource = next((r for r in resources if r["resourceType"] == name), files.bundle)
    return Response(json.dumps(resource, indent=2), mimetype=FHIR_JSON)
