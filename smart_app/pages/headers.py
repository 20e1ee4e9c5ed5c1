"""Headers of every answer: what a page may do, and which pages may frame it."""

from typing import Final

from flask import Flask, Response, g, request

from smart_app.services import current_services

HSTS: Final = "max-age=31536000"
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def init_app(app: Flask) -> None:
    """Add the headers to every answer of an application."""
    app.after_request(_add)


def _add(response: Response) -> Response:
    settings = current_services().settings
    response.headers.update(_HEADERS)
    response.headers["Content-Security-Policy"] = _content_security_policy()
    if request.endpoint != "static" and not response.cache_control.public:
        response.headers["Cache-Control"] = "no-store"
    if settings.is_https:
        response.headers["Strict-Transport-Security"] = HSTS
    return response


def _content_security_policy() -> str:
    """Return the policy; a view may widen two parts of it for its own answer.

    ``g.form_action`` is where forms may lead besides here; ``g.frame_ancestors`` are
    the pages of one EHR, where the view knows which EHR its page belongs to.
    """
    issuers = current_services().issuers
    everyone = sorted(
        {origin for issuer in issuers for origin in issuer.frame_ancestors}
    )
    ancestors = " ".join(g.get("frame_ancestors", everyone)) or "'none'"
    forms = " ".join(["'self'", *g.get("form_action", ())])
    return (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
        f"connect-src 'self'; form-action {forms}; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )
