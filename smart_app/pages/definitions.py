"""What we define in FHIR, where servers and people can read it: public, no patient."""

from functools import cache
from typing import Any

from flask import Blueprint, Response, abort, render_template
from flask.json import dumps
from flask.typing import ResponseReturnValue

from fhir_mappings.definitions import definitions
from fhir_mappings.example import example
from fhir_mappings.model_card import model_card
from inference.transparency.model_cards import model_cards
from smart_app.fhir_server.write_requests import FHIR_JSON

bp = Blueprint("definitions", __name__, url_prefix="/fhir")

Resource = dict[str, Any]


@bp.get("/")
def show() -> ResponseReturnValue:
    """List all definitions, model cards and the example."""
    return render_template("definitions.html", resources=published().values())


@bp.get("/<kind>/<name>")
def read(kind: str, name: str) -> ResponseReturnValue:
    """Serve one of them."""
    resource = published().get(f"{kind}/{name}")
    if resource is None:
        abort(404)
    return Response(dumps(resource, indent=2), mimetype=FHIR_JSON)


@cache
def published() -> dict[str, Resource]:
    """Return everything that is served, by ``"Type/id"``."""
    resources = (*definitions(), *map(model_card, model_cards()), example())
    return {f"{r['resourceType']}/{r['id']}": r for r in resources}
