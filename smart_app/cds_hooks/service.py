"""The CDS Hooks 2.0 service: discovery, the hook ``patient-view``, and feedback.

It reads what the client prefetched, asks no other server but the client's for its keys,
and runs no model. https://cds-hooks.hl7.org/2.0/
"""

import logging
from collections.abc import Collection
from datetime import timedelta
from typing import Final, cast
from uuid import uuid4

from flask import Blueprint, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from sqlalchemy import delete, select
from werkzeug.exceptions import HTTPException, NotFound

from fhir_mappings.cds_cards import SERVICE_ID, card, has_reason, service
from smart_app.cds_hooks.bodies import Answer, Json, answers, hook_request, json_object
from smart_app.cds_hooks.keys import KeyCache
from smart_app.cds_hooks.tokens import Verifier
from smart_app.ehrs.issuers import Issuer
from smart_app.errors import (
    AppError,
    CdsClientError,
    CdsRequestError,
    CdsTokenError,
    status_of,
)
from smart_app.services import Services, current_services
from smart_app.tables import CdsCard, CdsFeedback

PATH: Final = "/cds-services"
MAX_REQUEST_BYTES: Final = 2 * 1024 * 1024  # our choice: 200 resources of 10 kB
KEPT: Final = timedelta(days=90)  # our choice: feedback may be collected before sending
_KEYS: Final = "spoils-cds-keys"

bp = Blueprint("cds_hooks", __name__, url_prefix=PATH)
logger = logging.getLogger(__name__)


@bp.record_once
def _add_key_cache(state: BlueprintSetupState) -> None:
    state.app.extensions[_KEYS] = KeyCache()


@bp.before_request
def _allow_a_prefetch() -> None:
    request.max_content_length = MAX_REQUEST_BYTES


@bp.get("")
def discovery() -> ResponseReturnValue:
    """Say what there is: public, as the specification asks."""
    return {"services": [service()]}


@bp.post("/<service_id>")
def call(service_id: str) -> ResponseReturnValue:
    """Answer with one card where the prefetch gives a reason, otherwise with none."""
    services = current_services()
    url = _url(services, service_id)
    issuer = _sender(services, [url])
    asked = hook_request(_body())
    if asked.fhir_server and asked.fhir_server.rstrip("/") != issuer.url:
        raise CdsClientError("fhirServer is not the one of this CDS client")
    try:
        is_shown = has_reason(
            asked.prefetch,
            patient_id=asked.patient_id,
            today=services.clock().date(),
            site=issuer.site_codes,
        )
    except RecursionError as error:
        raise CdsRequestError("the prefetch is nested too deeply") from error
    logger.info("cds hook answered %s a card", "with" if is_shown else "without")
    return {"cards": [_new_card(services, issuer)] if is_shown else []}


@bp.post("/<service_id>/feedback")
def feedback(service_id: str) -> ResponseReturnValue:
    """Keep what clinicians did with the cards of this client."""
    services = current_services()
    url = _url(services, service_id)
    issuer = _sender(services, [url, f"{url}/feedback"])
    given = answers(_body())
    _keep(services, issuer, given)
    logger.info("cds feedback on %s cards", len(given))
    return Response(status=200)


@bp.after_request
def _add_cors(response: Response) -> Response:
    """Let browsers of listed origins read the answers; no cookie is ever sent."""
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    issuers = current_services().issuers.by_url.values()
    listed = {o for item in issuers if item.cds_client for o in item.cds_client.origins}
    if origin in listed:
        response.headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            allowed = "Authorization, Content-Type"
            response.headers["Access-Control-Allow-Headers"] = allowed
    return response


@bp.errorhandler(AppError)
def _show_known(error: AppError) -> ResponseReturnValue:
    logger.warning("cds hook refused: %s: %s", type(error).__name__, error)
    is_ours = isinstance(error, CdsRequestError)
    answer: Json = {"error": str(error) if is_ours else error.title}
    if not isinstance(error, CdsTokenError):
        return answer, status_of(error)
    return answer, status_of(error), {"WWW-Authenticate": "Bearer"}


@bp.errorhandler(HTTPException)
def _show_http(error: HTTPException) -> ResponseReturnValue:
    return {"error": error.name}, error.code or 500


def _url(services: Services, service_id: str) -> str:
    if service_id != SERVICE_ID:
        raise NotFound
    return f"{services.settings.base_url}{PATH}/{service_id}"


def _sender(services: Services, audiences: Collection[str]) -> Issuer:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise CdsTokenError("the request has no Authorization: Bearer")
    keys = cast("KeyCache", current_app.extensions[_KEYS])
    return Verifier(services=services, keys=keys).sender(token.strip(), audiences)


def _body() -> Json:
    if not request.is_json:
        raise CdsRequestError("Content-Type must be application/json")
    return json_object(request.get_data(cache=False))


def _new_card(services: Services, issuer: Issuer) -> Json:
    card_id, now = str(uuid4()), services.clock()
    with services.sessions.begin() as session:
        session.execute(delete(CdsCard).where(CdsCard.created_at < now - KEPT))
        session.add(CdsCard(id=card_id, issuer=issuer.url, created_at=now))
    base = services.settings.base_url
    return card(card_id=card_id, launch_url=f"{base}/launch", home_url=f"{base}/")


def _keep(services: Services, issuer: Issuer, given: Collection[Answer]) -> None:
    wanted = {item.card_id for item in given}
    mine = select(CdsCard.id).where(
        CdsCard.id.in_(wanted), CdsCard.issuer == issuer.url
    )
    with services.sessions.begin() as session:
        if wanted != {*session.scalars(mine)}:
            raise CdsRequestError("card is none that this client was given")
        for item in given:
            row = CdsFeedback(
                card_id=item.card_id,
                outcome=item.outcome,
                outcome_at=item.outcome_at,
                reason=item.reason,
            )
            session.merge(row)  # the same answer may be sent again
