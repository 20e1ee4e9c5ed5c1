"""Validation of the id_token (OpenID Connect Core 1.0, section 3.1.3.7)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from joserfc import jws, jwt
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


def claimed_issuer(id_token: str) -> str:
    """Return who a token says that it is of, before anything of it is checked.

    Raises:
        IdTokenError: It is no token.

    """
    try:
        claims = json.loads(jws.extract_compact(id_token.encode()).payload)
        return str(claims["iss"])
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise IdTokenError(f"id_token: {type(error).__name__}") from error


def validated_claims(
    id_token: str, jwks: Mapping[str, Any], expected: Expected
) -> Claims:
    """Return the claims of an id_token that passes every check.

    A nonce must be the one of the launch. EHRs that leave it out are known, and are
    accepted: PKCE already ties the code to this launch, and the token came from the
    token endpoint itself (RFC 9700, 2.1.1 takes either as protection).

    Raises:
        IdTokenError: One check fails; the message names it.

    """
    try:
        token = _decoded(id_token, KeySet.import_key_set({"keys": [*jwks["keys"]]}))
        registry = jwt.JWTClaimsRegistry(
            now=int(expected.now.timestamp()),
            leeway=CLOCK_SKEW_S,
            iss={"essential": True, "value": expected.issuer},
            aud={"essential": True, "value": expected.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"value": expected.nonce},
        )
        registry.validate(token.claims)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IdTokenError(f"id_token: {type(error).__name__}: {error}") from error
    _check_party(token.claims, expected.client_id)
    _check_age(token.claims, expected.now)
    algorithm = str(token.header["alg"])
    _check_access_token(token.claims, expected.access_token, algorithm)
    return token.claims


def _decoded(id_token: str, keys: KeySet) -> jwt.Token:
    # without a kid in its header, any one key of the EHR may have signed
    names_key = "kid" in jws.extract_compact(id_token.encode()).headers()
    candidates = [keys] if names_key else [KeySet([key]) for key in keys]
    for candidate in candidates[:-1]:
        try:
            return jwt.decode(id_token, candidate, algorithms=list(DIGESTS))
        except (JoseError, ValueError, TypeError):
            continue
    return jwt.decode(id_token, candidates[-1], algorithms=list(DIGESTS))


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
