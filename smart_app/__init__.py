"""The Flask application: the only package that knows HTTP, users and time."""

import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from sqlalchemy import text
from werkzeug.exceptions import HTTPException

from smart_app.cds_hooks import service as cds_service
from smart_app.commands import runs, setup
from smart_app.errors import (
    STATUS,
    ForeignRequestError,
    advice_of,
    status_of,
    title_of,
)
from smart_app.jobs.queue import CeleryQueue, make_celery
from smart_app.log import configure_logging
from smart_app.pages import (
    auth,
    case,
    definitions,
    dry_run,
    guidelines,
    headers,
    models,
    plans,
)
from smart_app.services import Queue, Services, current_services, make_services
from smart_app.settings import Settings

MAX_REQUEST_BYTES = 64 * 1024  # our choice: the largest form is a signature
logger = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    *,
    queue: Queue | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Flask:
    """Build the application.

    Args:
        settings: What may differ between two installations.
        queue: Wakes a worker; Celery when absent.
        clock: Tells the time; the system's when absent.

    Raises:
        SettingsError: The list of EHRs is not usable.

    """
    configure_logging()
    static = Path(__file__).parents[1] / "static"
    app = Flask(__name__, static_folder=str(static))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session that it is bound to
    )
    CSRFProtect(app).exempt(cds_service.bp)  # no cookie counts there
    worker_queue = queue or CeleryQueue(make_celery(settings))
    services = make_services(settings, worker_queue, clock)
    app.extensions["spoils"] = services
    app.config.update(_cookie(services))
    app.register_blueprint(auth.bp)
    app.register_blueprint(case.bp)
    app.register_blueprint(plans.bp)
    app.register_blueprint(dry_run.bp)
    app.register_blueprint(guidelines.bp)
    app.register_blueprint(models.bp)
    app.register_blueprint(definitions.bp)
    app.register_blueprint(cds_service.bp)
    app.register_blueprint(setup.bp)
    app.register_blueprint(runs.bp)
    app.add_url_rule("/healthz", view_func=healthz)
    app.before_request(_refuse_foreign_forms)
    headers.init_app(app)
    _handle_errors(app)
    return app


def healthz() -> ResponseReturnValue:
    """Tell whether this process and its database answer."""
    with current_services().sessions() as session:
        session.execute(text("SELECT 1"))
    return {"status": "ok"}


def _refuse_foreign_forms() -> None:
    # browsers tell who sends a form; the hidden token of each form is the second lock
    if request.method != "POST" or request.blueprint == cds_service.bp.name:
        return
    own = urlsplit(current_services().settings.base_url)
    sender = request.headers.get("Origin")
    if sender not in {None, f"{own.scheme}://{own.netloc}"}:
        raise ForeignRequestError("a form of another origin")


def _cookie(services: Services) -> dict[str, object]:
    """Return how the session cookie is sent.

    In a frame of an EHR it is a cookie of a third party: browsers keep it only where
    it is partitioned by the page around it (CHIPS) and goes over TLS.
    """
    is_https = services.settings.is_https
    is_framed = any(issuer.frame_ancestors for issuer in services.issuers)
    return {
        "SESSION_COOKIE_NAME": "__Host-spoils" if is_https else "spoils",
        "SESSION_COOKIE_SECURE": is_https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "None" if is_https and is_framed else "Lax",
        "SESSION_COOKIE_PARTITIONED": is_https and is_framed,
        "PERMANENT_SESSION_LIFETIME": services.settings.session_life,
    }


def _handle_errors(app: Flask) -> None:
    for family in STATUS:
        app.register_error_handler(family, _show_known)
    app.register_error_handler(CSRFError, _show_csrf)
    app.register_error_handler(HTTPException, _show_http)


def _show_known(error: Exception) -> ResponseReturnValue:
    status = status_of(error)
    code = secrets.token_hex(4)
    logger.warning("support code %s: %s: %s", code, type(error).__name__, error)
    way_out = getattr(error, "way_out", None)
    return _page(title_of(error), advice_of(error), code, way_out), status


def _show_csrf(_error: CSRFError) -> ResponseReturnValue:
    advice = "The page was open for too long. Go back, load it again and repeat."
    return _page("The form has expired", advice, None), 400


def _show_http(error: HTTPException) -> ResponseReturnValue:
    titles = {404: "There is no such page", 405: "This page cannot be used like that"}
    title = titles.get(error.code or 500, "This did not work")
    advice = "Open this application from a patient's chart in the EHR."
    return _page(title, advice, None), error.code or 500


def _page(title: str, advice: str, code: str | None, way_out: str | None = None) -> str:
    # the way back, where the address is that of a case
    launch_id = (request.view_args or {}).get("launch_id")
    return render_template(
        "error.html",
        title=title,
        advice=advice,
        code=code,
        launch_id=launch_id,
        way_out=way_out,
    )
