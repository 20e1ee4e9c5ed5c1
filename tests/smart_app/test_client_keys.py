"""Keys of this application: chosen, published, and replaced with an overlap."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OctKey

from smart_app.ehrs.client_keys import (
    WARM_UP,
    ClientKeyError,
    public_set,
    read_keys,
    rotate,
    signing_key,
)

NOW = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
EC = ECKey.generate_key("P-384", {"kid": "k", "alg": "ES384"}).as_dict(private=True)


def test_a_new_key_is_published_before_it_signs_and_an_old_one_after(
    tmp_path: Path,
) -> None:
    path = tmp_path / "keys.json"
    first = {key["kid"] for key in rotate(path, NOW - 10 * WARM_UP)}
    keys = rotate(path, NOW)
    published = {key["kid"] for key in public_set(keys)["keys"]}
    assert first < published
    assert signing_key(keys, [], NOW)["kid"] in first
    later = NOW + WARM_UP
    assert signing_key(keys, [], later)["kid"] in published - first
    assert first < {key["kid"] for key in rotate(path, later)}


def test_keys_that_are_long_out_of_use_go_and_the_signing_ones_stay(
    tmp_path: Path,
) -> None:
    path = tmp_path / "keys.json"
    first = {key["kid"] for key in rotate(path, NOW - 10 * WARM_UP)}
    second = {key["kid"] for key in rotate(path, NOW - 5 * WARM_UP)}
    third = rotate(path, NOW - 3 * WARM_UP)
    for minutes in range(4):  # by somebody who is impatient
        keys = rotate(path, NOW + timedelta(minutes=minutes))
    names = {key["kid"] for key in keys}
    assert not first & names
    assert second & names
    assert signing_key(keys, [], NOW)["kid"] in {key["kid"] for key in third}


def test_the_first_keys_sign_at_once_and_their_file_is_for_the_owner(
    tmp_path: Path,
) -> None:
    keys = rotate(tmp_path / "keys.json", NOW)
    assert signing_key(keys, [], NOW)["alg"] == "ES384"
    assert signing_key(keys, ["RS256", "RS384"], NOW)["alg"] == "RS384"
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    with pytest.raises(ClientKeyError, match="the EHR takes RS256"):
        signing_key(keys, ["RS256"], NOW)


def test_no_private_part_is_published(tmp_path: Path) -> None:
    secret = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
    published = public_set(rotate(tmp_path / "keys.json", NOW))["keys"]
    assert not [key for key in published if secret & set(key)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("nonsense", "no readable JSON"),
        ({"keys": []}, "no key"),
        ({"keys": ["x"]}, "without kid"),
        ({**EC, "kid": 7}, "without kid"),
        ({**EC, "alg": "ES256"}, "'k': alg must be ES384 or RS384"),
        ({**EC, "alg": "RS384"}, "not of the kind"),
        ({name: EC[name] for name in EC if name != "d"}, "no private key"),
        ({**EC, "crv": "P-256"}, "malformed|not of the kind"),
        ({**EC, "x": "!"}, "malformed"),
        ({"keys": [EC, EC]}, "same kid"),
        (
            OctKey.generate_key(384, {"kid": "k", "alg": "ES384"}).as_dict(
                private=True
            ),
            "no private key",
        ),
    ],
)
def test_a_file_that_is_not_usable_says_why_without_its_secret(
    tmp_path: Path, content: object, problem: str
) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ClientKeyError, match=problem) as raised:
        read_keys(path)
    assert str(EC["d"]) not in str(raised.value)
