"""What there is to know of the models, for people and as JSON: public, no patient."""

from pathlib import Path

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from inference.transparency.source_attributes import (
    source_attributes,
    source_attributes_json,
)
from smart_app.services import current_services

bp = Blueprint("models", __name__)


@bp.get("/models")
def show() -> ResponseReturnValue:
    """Show the source attributes of ONC's HTI-1 rule with their answers."""
    return render_template("models.html", found=source_attributes(_treatment()))


@bp.get("/models.json")
def as_json() -> ResponseReturnValue:
    """Serve the same as JSON."""
    found = source_attributes_json(_treatment())
    return Response(found, mimetype="application/json")


def _treatment() -> Path:
    """Folder of the treatment model that is served here."""
    return current_services().settings.treatment_model
