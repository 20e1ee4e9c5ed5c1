"""Keys that prove to an EHR who this application is (SMART App Launch 2.2, 5.1).

A key file holds one private JWK or a JWK Set. All of its keys are published at
``JWKS_PATH``; the one that signs is chosen here. A new key is published for a day
before it signs and an old one stays published after it, so that an EHR which keeps
our JWK Set for a while never meets a signature that it cannot check.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key

JWKS_PATH: Final = "/.well-known/jwks.json"
JWKS_MAX_AGE_S: Final = 3600  # our choice: an EHR may keep our keys for an hour
#: Our choice: EHRs are known to keep a JWK Set for longer than it says.
WARM_UP: Final = timedelta(days=1)
KEPT_GENERATIONS: Final = 2  # the signing keys and their predecessors
ALGORITHMS: Final = ("ES384", "RS384")  # SMART App Launch 2.2, 5.1; first is preferred
RSA_BITS: Final = 3072
ISSUED_AT: Final = "iat"  # seconds; when rotation made the key (OpenID Federation 1.0)

Jwk = dict[str, Any]


class ClientKeyError(Exception):
    """A key file is not usable; the message says why, without key material."""


def read_keys(path: Path) -> tuple[Jwk, ...]:
    """Read the private keys of a file.

    Raises:
        ClientKeyError: It is unreadable, or a key lacks what SMART asks of it.

    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ClientKeyError("is no readable JSON") from error
    is_set = isinstance(document, dict) and "keys" in document
    keys = document["keys"] if is_set else [document]
    if not isinstance(keys, list) or not keys:
        raise ClientKeyError("holds no key")
    for key in keys:
        _require_usable(key)
    names = [key["kid"] for key in keys]
    if len({*names}) != len(names):
        raise ClientKeyError("holds two keys with the same kid")
    return tuple(dict(key) for key in keys)


def signing_key(keys: Sequence[Jwk], offered: Collection[str], now: datetime) -> Jwk:
    """Choose the key that signs.

    The newest key that was published for ``WARM_UP`` is taken, the oldest where none
    was; ES384 before RS384 among keys of one age.

    Args:
        keys: Private keys of an EHR's entry.
        offered: Algorithms that the EHR names; empty when it names none.
        now: The time.

    Raises:
        ClientKeyError: The EHR takes no algorithm of these keys.

    """
    usable = [key for key in keys if not offered or key["alg"] in offered]
    if not usable:
        ours = ", ".join(sorted({key["alg"] for key in keys}))
        theirs = ", ".join(sorted(offered))
        raise ClientKeyError(f"signs with {ours}, and the EHR takes {theirs}")
    latest = (now - WARM_UP).timestamp()
    warm = [key for key in usable if _made_at(key) <= latest]
    time = max(map(_made_at, warm)) if warm else min(map(_made_at, usable))
    same_age = [key for key in usable if _made_at(key) == time]
    return min(same_age, key=lambda key: ALGORITHMS.index(key["alg"]))


def public_set(keys: Sequence[Jwk]) -> Jwk:
    """Return the JWK Set to publish: bare public keys, each once."""
    by_name = {key["kid"]: import_key(key).as_dict(private=False) for key in keys}
    return {"keys": [_bare(by_name[name]) for name in by_name]}


def rotate(path: Path, now: datetime) -> tuple[Jwk, ...]:
    """Add new keys to a file, drop those that are long out of use, return all.

    The file is made where there is none, readable for its owner only.

    Raises:
        ClientKeyError: The file is there and not usable.

    """
    old = read_keys(path) if path.exists() else ()
    latest = (now - WARM_UP).timestamp()
    warm = sorted({_made_at(key) for key in old if _made_at(key) <= latest})
    too_old = warm[:-KEPT_GENERATIONS]
    kept = [key for key in old if _made_at(key) not in too_old]
    keys = [*kept, *_new_keys(int(now.timestamp()))]
    fresh = path.with_name(f"{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps({"keys": keys}, indent=2), encoding="utf-8")
    fresh.replace(path)
    return tuple(keys)


def _new_keys(made_at: int) -> list[Jwk]:
    made: tuple[ECKey | RSAKey, ...] = (
        ECKey.generate_key("P-384", {"alg": "ES384", "use": "sig"}),
        RSAKey.generate_key(RSA_BITS, {"alg": "RS384", "use": "sig"}),
    )
    return [
        {**key.as_dict(private=True), "kid": key.thumbprint(), ISSUED_AT: made_at}
        for key in made
    ]


def _require_usable(key: object) -> None:
    if not isinstance(key, dict) or not isinstance(key.get("kid"), str):
        raise ClientKeyError("holds a key without kid")
    name = key["kid"]
    if key.get("alg") not in ALGORITHMS:
        raise ClientKeyError(f"key {name!r}: alg must be ES384 or RS384")
    if "d" not in key:
        raise ClientKeyError(f"key {name!r} is no private key (d is absent)")
    try:
        kind = import_key(key).key_type
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ClientKeyError(f"key {name!r} is malformed") from error
    is_curve = key.get("crv") == "P-384"
    if not (kind == "RSA" if key["alg"] == "RS384" else is_curve):
        raise ClientKeyError(f"key {name!r} is not of the kind that its alg needs")


def _made_at(key: Mapping[str, Any]) -> float:
    value = key.get(ISSUED_AT, 0)  # keys that were not made here count as old
    return float(value) if isinstance(value, int | float) else 0.0


def _bare(key: Mapping[str, Any]) -> Jwk:
    # SMART App Launch 2.2, 5.1: kty, kid and bare key properties
    names = ("kty", "kid", "alg", "use", "n", "e", "crv", "x", "y")
    return {name: key[name] for name in names if name in key}
