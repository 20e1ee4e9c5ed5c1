"""An id_token counts only when every check passes."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from smart_app.launch.id_token import Expected, validated_claims
from smart_app.launch_errors import IdTokenError

NOW = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-384", {"kid": "ec"})
OTHER = RSAKey.generate_key(2048, {"kid": "rsa"})
JWKS = {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]}
EXPECTED = Expected(
    issuer="https://ehr.example",
    client_id="spoils",
    nonce="n-1",
    access_token="t-1",  # noqa: S106 - a test
    now=NOW,
)


def claims(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    seconds = int(NOW.timestamp())
    usual = {
        "iss": EXPECTED.issuer,
        "aud": "spoils",
        "sub": "doc",
        "nonce": "n-1",
        "iat": seconds,
        "exp": seconds + 300,
    }
    return {k: v for k, v in (usual | changes).items() if v is not None}


def signed(content: dict[str, Any], key: Any = RSA, alg: str = "RS256") -> str:  # noqa: ANN401
    header = {"alg": alg, "kid": key.kid}
    return jwt.encode(header, content, key, algorithms=[alg])


def at_hash(algorithm: str) -> str:
    digest = hashlib.new(algorithm, b"t-1").digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "token",
    [
        signed(claims()),
        signed(claims(), EC, "ES384"),
        signed(claims(aud=["spoils", "x"], azp="spoils")),
        signed(claims(at_hash=at_hash("sha256"))),
        signed(claims(at_hash=at_hash("sha384")), EC, "ES384"),
        signed(claims(exp=int(NOW.timestamp()) - 30)),  # within the skew
        signed(claims(nonce=None)),  # PKCE ties the code to the launch
        jwt.encode({"alg": "ES384"}, claims(), EC, algorithms=["ES384"]),  # no kid
    ],
)
def test_a_good_token_is_accepted(token: str) -> None:
    assert validated_claims(token, JWKS, EXPECTED)["sub"] == "doc"


SECONDS = int(NOW.timestamp())
SECRET = OctKey.import_key("0" * 64, {"kid": "rsa"})


@pytest.mark.parametrize(
    "token",
    [
        signed(claims(iss="https://evil.example")),
        signed(claims(aud="other")),
        signed(claims(aud=["spoils", "x"])),  # azp is absent
        signed(claims(azp="other")),
        signed(claims(nonce="n-2")),
        signed(claims(sub=None)),
        jwt.encode({"alg": "RS256"}, claims(), OTHER, algorithms=["RS256"]),
        signed(claims(exp=None)),
        signed(claims(iat=None)),
        signed(claims(exp=SECONDS - 120)),
        signed(claims(iat=SECONDS + 120)),
        signed(claims(iat=SECONDS - 3600)),
        signed(claims(at_hash="wrong")),
        signed(claims(), OTHER),  # a key of somebody else under the same kid
        signed(claims(), SECRET, "HS256"),
        "eyJhbGciOiJub25lIn0.e30.",  # alg none
        "junk",
    ],
)
def test_a_bad_token_is_refused(token: str) -> None:
    with pytest.raises(IdTokenError, match="id_token"):
        validated_claims(token, JWKS, EXPECTED)


@pytest.mark.parametrize(
    "jwks", [{}, {"keys": []}, {"keys": [{"kty": "?"}]}, {"keys": ["x"]}, {"keys": 7}]
)
def test_unusable_keys_refuse_every_token(jwks: dict[str, Any]) -> None:
    with pytest.raises(IdTokenError, match="id_token"):
        validated_claims(signed(claims()), jwks, EXPECTED)
