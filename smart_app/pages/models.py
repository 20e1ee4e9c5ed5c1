"""What there is to know of the models, for people and as JSON: public, no patient."""

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from inference.transparency.source_attributes import (
    source_attributes,
    source_attributes_json,
)

bp = Blueprint("models", __name__)


@bp.get("/models")
def show() -> ResponseReturnValue:
    """Show the source attributes of ONC's HTI-1 rule with their answers."""
    return render_template("models.html", found=source_attributes())


@bp.get("/models.json")
def as_json() -> ResponseReturnValue:
    """Serve the same as JSON."""
    return Response(source_attributes_json(), mimetype="application/json")
