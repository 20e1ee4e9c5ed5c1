"""Validation of the id_token (OpenID Connect Core 1.0, section 3.1.3.7)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from smart_app.launch_errors import IdTokenError

#: Digest of ``at_hash`` by algorithm; no other algorithm is accepted.
DIGESTS: Final = {
    "RS256": hashlib.sha256,
    "ES256": hashlib.sha256,
    "RS384": hashlib.sha384,
    "ES384": hashlib.sha384,
}
CLOCK_SKEW_S: Final = 60  # our choice: clocks of hospitals differ
MAX_AGE_S: Final = 600  # our choice: as long as a launch may wait

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the id_token of one launch must say.

    Attributes:
        issuer: Who signs, as the discovery document names it.
        client_id: For whom.
        nonce: In answer to which launch.
        access_token: Token that came with it.
        now: When it is checked.

    """

    issuer: str
    client_id: str
    nonce: str = field(repr=False)
    access_token: str = field(repr=False)
    now: datetime


def validated_claims(
    id_token: str, jwks: Mapping[str, Any], expected: Expected
) -> Claims:
    """Return the claims of an id_token that passes every check.

    Raises:
        IdTokenError: One check fails; the message names it.

    """
    try:
        keys = KeySet.import_key_set({"keys": [*jwks["keys"]]})
        token = jwt.decode(id_token, keys, algorithms=list(DIGESTS))
        registry = jwt.JWTClaimsRegistry(
            now=int(expected.now.timestamp()),
            leeway=CLOCK_SKEW_S,
            iss={"essential": True, "value": expected.issuer},
            aud={"essential": True, "value": expected.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": expected.nonce},
        )
        registry.validate(token.claims)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IdTokenError(f"id_token: {type(error).__name__}: {error}") from error
    _check_party(token.claims, expected.client_id)
    _check_age(token.claims, expected.now)
    algorithm = str(token.header["alg"])
    _check_access_token(token.claims, expected.access_token, algorithm)
    return token.claims


def _check_party(claims: Claims, client_id: str) -> None:
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    party = claims.get("azp")
    if party != client_id and (party is not None or len(audiences) > 1):
        raise IdTokenError("id_token: azp is not this application")


def _check_age(claims: Claims, now: datetime) -> None:
    age_s = now.timestamp() - claims["iat"]
    if not -CLOCK_SKEW_S <= age_s <= MAX_AGE_S:
        raise IdTokenError(f"id_token: issued {age_s:.0f} s ago")


def _check_access_token(claims: Claims, access_token: str, algorithm: str) -> None:
    if "at_hash" not in claims:
        return
    digest = DIGESTS[algorithm](access_token.encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    if not hmac.compare_digest(half, str(claims["at_hash"]).encode()):
        raise IdTokenError("id_token: at_hash does not fit the access token")
