"""Who calls a CDS service: the client's JWT (CDS Hooks 2.0, "Trusting CDS Clients")."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import import_key
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from smart_app.cds_hooks.keys import KeyCache
from smart_app.ehrs.cds_clients import CdsClient
from smart_app.ehrs.issuers import Issuer
from smart_app.errors import CdsClientError, CdsTokenError
from smart_app.services import Services
from smart_app.tables import CdsToken

ALGORITHMS: Final = ("ES384", "RS384")  # those that the specification names
MAX_CHARACTERS: Final = 8000  # our choice: as long as gunicorn lets a header be
MAX_NAME_CHARACTERS: Final = 255  # our choice, of ``jti`` and ``kid``
CLOCK_SKEW_S: Final = 60  # our choice: clocks of hospitals differ
#: Our choice: the specification sets no limit, and a token counts once anyway.
MAX_LIFE_S: Final = 3600

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """What a token is checked with.

    Attributes:
        services: List of EHRs, database and clock.
        keys: Keys of the clients.

    """

    services: Services
    keys: KeyCache

    def sender(self, token: str, audiences: Collection[str]) -> Issuer:
        """Return the EHR whose CDS client sent a token, and use the token up.

        Args:
            token: The compact JWT.
            audiences: URLs of which the token must name one.

        Raises:
            CdsTokenError: It is not valid, or was used before.
            CdsClientError: Its sender is not on the list.
            UpstreamError: The sender's keys cannot be read.

        """
        now = self.services.clock()
        header, claims = _unverified(token)
        issuer, client = self._listed(claims.get("iss"))
        self._check_signature(token, header, client)
        _check_audience(claims.get("aud"), audiences)
        expiry = _expiry(claims, now)
        jti = claims.get("jti")
        if not (isinstance(jti, str) and 0 < len(jti) <= MAX_NAME_CHARACTERS):
            raise CdsTokenError("the token has no usable jti")
        self._use_up(f"{client.iss}\0{jti}", until=expiry)
        return issuer

    def _listed(self, iss: object) -> tuple[Issuer, CdsClient]:
        for issuer in self.services.issuers.by_url.values():
            if issuer.cds_client and issuer.cds_client.iss == iss:
                return issuer, issuer.cds_client
        raise CdsClientError("iss of the token is not on the list of CDS clients")

    def _check_signature(self, token: str, header: Json, client: CdsClient) -> None:
        url = header.get("jku", client.jwks_urls[0])
        if url not in client.jwks_urls:
            raise CdsClientError("jku of the token is not on the list of its client")
        key = self.keys.key(url, header["kid"], now=self.services.clock())
        if key is None:
            raise CdsTokenError("kid of the token is no key of its client")
        try:
            jwt.decode(token, import_key(key), algorithms=list(ALGORITHMS))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise CdsTokenError("the token is not signed by its client") from error

    def _use_up(self, name: str, *, until: datetime) -> None:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        over = CdsToken.expires_at < self.services.clock()
        try:
            with self.services.sessions.begin() as session:
                session.execute(delete(CdsToken).where(over))
                session.add(CdsToken(digest=digest, expires_at=until))
        except IntegrityError as error:
            raise CdsTokenError("the token was used before") from error


def _unverified(token: str) -> tuple[Json, Json]:
    """Return header and claims before anything of them is believed."""
    if len(token) > MAX_CHARACTERS:
        raise CdsTokenError(f"the token is longer than {MAX_CHARACTERS} characters")
    try:
        found = jws.extract_compact(token.encode())
        header, claims = found.headers(), json.loads(found.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CdsTokenError("the token is no signed JWT") from error
    if header.get("alg") not in ALGORITHMS:
        raise CdsTokenError(f"alg of the token must be {' or '.join(ALGORITHMS)}")
    kid = header.get("kid")
    if not (isinstance(kid, str) and 0 < len(kid) <= MAX_NAME_CHARACTERS):
        raise CdsTokenError("the token has no usable kid")
    if not isinstance(claims, dict):
        raise CdsTokenError("the token has no claims")
    return header, claims


def _check_audience(found: object, audiences: Collection[str]) -> None:
    named = found if isinstance(found, list) else [found]
    if not any(isinstance(name, str) and name in audiences for name in named):
        raise CdsTokenError(f"aud of the token must be {' or '.join(audiences)}")


def _expiry(claims: Json, now: datetime) -> datetime:
    """Return until when a token has to be remembered."""
    issued, expires = _number(claims, "iat"), _number(claims, "exp")
    oldest, latest = now.timestamp() - CLOCK_SKEW_S, now.timestamp() + CLOCK_SKEW_S
    # nan fails every comparison, and numbers too large for a float the first one
    if not oldest < expires <= latest + MAX_LIFE_S:
        raise CdsTokenError("exp of the token is past, or too far ahead")
    if not oldest - MAX_LIFE_S <= issued <= latest:
        raise CdsTokenError("iat of the token is too long ago, or ahead")
    if not 0 < expires - issued <= MAX_LIFE_S:
        raise CdsTokenError(f"a token is valid for at most {MAX_LIFE_S} seconds")
    return datetime.fromtimestamp(expires, UTC) + timedelta(seconds=CLOCK_SKEW_S)


def _number(claims: Json, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CdsTokenError(f"{name} of the token must be a number")
    return value
