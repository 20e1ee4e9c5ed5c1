"""Settings and the list of EHRs: everything that is wrong is said at once."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from smart_app.ehrs.issuers import FIELD_NAMES, QUIRKS, load_issuers
from smart_app.launch_errors import UnknownIssuerError
from smart_app.settings import Settings, SettingsError

README = Path(__file__).parents[2] / "README.md"
ENV = {
    "SPOILS_SECRET_KEY": "k" * 32,
    "SPOILS_ISSUERS": "issuers.json",
    "SPOILS_DATA_DIR": "data",
    "SPOILS_BASE_URL": "https://spoils.example/",
}
ENTRY = {
    "issuer": "https://ehr.example/fhir/",
    "name": "Hospital",
    "client_id": "spoils",
    "dicomweb_url": "https://pacs.example/dicom-web",
}


def listed(folder: Path, *entries: Any) -> Path:  # noqa: ANN401
    path = folder / "issuers.json"
    path.write_text(json.dumps(entries))
    return path


def test_the_defaults_need_no_server() -> None:
    settings = Settings.from_env(ENV)
    assert settings.database_url.startswith("sqlite:///data")
    assert settings.broker_url.startswith("filesystem://")
    assert (settings.base_url, settings.is_https) == ("https://spoils.example", True)


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"SECRET_KEY.*ISSUERS.*DATA_DIR.*BASE_URL"):
        Settings.from_env({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPOILS_SECRET_KEY", "short"),
        ("SPOILS_BASE_URL", "http://spoils.example"),
        ("SPOILS_HTTP_TIMEOUT_S", "soon"),
        ("SPOILS_LEASE_S", "0"),
        ("SPOILS_RETENTION_H", "inf"),
        ("SPOILS_TREATMENT_MODEL", "nowhere"),
    ],
)
def test_an_unusable_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_env(ENV | {name: value})


def test_secrets_are_not_in_the_repr() -> None:
    env = ENV | {"SPOILS_DATABASE_URL": "postgresql://u:hunter2@db/x"}
    assert "kkkk" not in repr(Settings.from_env(env))
    assert "hunter2" not in repr(Settings.from_env(env))


def test_an_ehr_is_known_by_its_exact_url(tmp_path: Path) -> None:
    issuers = load_issuers(listed(tmp_path, ENTRY))
    assert issuers.known("https://ehr.example/fhir").client_id == "spoils"
    for url in ("https://ehr.example/fhir/x", "https://EHR.example/fhir", ""):
        with pytest.raises(UnknownIssuerError, match="not on the list"):
            issuers.known(url)


def test_all_problems_of_the_list_are_named_at_once(tmp_path: Path) -> None:
    bad = [
        {**ENTRY, "issuer": "http://ehr.example/fhir", "name": ""},
        {**ENTRY, "client_secret_env": "ABSENT", "colour": "red"},
        "junk",
    ]
    with pytest.raises(SettingsError) as raised:
        load_issuers(listed(tmp_path, *bad), env={})
    for words in (
        "entry 0 (http://ehr.example/fhir): lacks name",
        "issuer is 'http://ehr.example/fhir', must be https",
        "the environment variable ABSENT is not set",
        "unknown field colour",
        "entry 2 is not an object",
    ):
        assert words in str(raised.value)


@pytest.mark.parametrize("content", ["", "{}", "[]"])
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match="SPOILS_ISSUERS"):
        load_issuers(path)


def test_the_same_ehr_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"same issuer\n- .* same name"):
        load_issuers(listed(tmp_path, ENTRY, ENTRY))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"quirks": ["unknown"]}, "quirks holds 'unknown', known are"),
        ({"scopes": "openid"}, "scopes is 'openid', not a list of texts"),
        ({"frame_ancestors": ["https://a.example/x"]}, "'https://a.example/x'"),
        ({"frame_ancestors": ["https://a.example; x"]}, "not like https"),
        ({"dicomweb_user": "u"}, "dicomweb_user without dicomweb_password_env"),
        ({"client_id": 7}, "client_id is 7, not a text"),
        ({"aliases": ["ehr/fhir"]}, "aliases holds 'ehr/fhir'"),
        ({"private_key_file": "absent.json"}, "'absent.json' is no readable JSON"),
    ],
)
def test_a_field_that_is_not_usable_is_named_with_its_value(
    tmp_path: Path, fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SettingsError, match="SPOILS_ISSUERS") as raised:
        load_issuers(listed(tmp_path, ENTRY | fields))
    assert problem in str(raised.value)


def test_every_setting_is_explained_to_administrators() -> None:
    readme = README.read_text(encoding="utf-8")
    source = (README.parent / "smart_app" / "settings.py").read_text(encoding="utf-8")
    variables = set(re.findall(r"SPOILS_[A-Z_]+", source))
    unexplained = [
        name
        for name in sorted({*FIELD_NAMES, *QUIRKS, *variables})
        if f"`{name}`" not in readme
    ]
    assert unexplained == []


def test_an_ehr_may_have_its_own_scopes_quirks_and_frames(tmp_path: Path) -> None:
    fields: dict[str, Any] = {
        "scopes": ["openid", "user/*.rs"],
        "quirks": ["authorize_by_get"],
        "frame_ancestors": ["https://portal.example"],
    }
    (issuer,) = load_issuers(listed(tmp_path, ENTRY | fields))
    assert issuer.scopes == ("openid", "user/*.rs")
    assert issuer.quirks == {"authorize_by_get"}
    assert issuer.frame_ancestors == ("https://portal.example",)


def test_a_site_may_name_its_own_codes(tmp_path: Path) -> None:
    table = tmp_path / "codes.json"
    table.write_text(json.dumps({"values": {"urn:site|LEG": "leg_pain_nrs"}}))
    path = listed(tmp_path, ENTRY | {"site_codes_file": str(table)})
    (issuer,) = load_issuers(path).by_url.values()
    assert issuer.site_codes.values == {("urn:site", "LEG"): "leg_pain_nrs"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"values": {"urn:site|LEG": "leg"}}', "'leg' is not known here"),
        ("nonsense", "no readable JSON"),
        (None, "no readable JSON"),
    ],
)
def test_a_table_of_codes_that_is_not_usable_stops_the_start(
    tmp_path: Path, content: str | None, problem: str
) -> None:
    table = tmp_path / "codes.json"
    if content:
        table.write_text(content)
    path = listed(tmp_path, ENTRY | {"site_codes_file": str(table)})
    with pytest.raises(SettingsError, match=problem):
        load_issuers(path)


def test_a_site_may_want_observations_without_parents(tmp_path: Path) -> None:
    (issuer,) = load_issuers(listed(tmp_path, ENTRY)).by_url.values()
    flat = listed(tmp_path, ENTRY | {"flat_observations": True})
    (other,) = load_issuers(flat).by_url.values()
    assert (issuer.is_grouped, other.is_grouped) == (True, False)


CLIENT = {"jwks_urls": ["https://ehr.example/jwks"], "origins": ["https://ehr.example"]}


def test_a_cds_client_is_named_by_its_ehr_unless_it_has_a_name(tmp_path: Path) -> None:
    for own, iss in (({}, ENTRY["issuer"]), ({"iss": "urn:x"}, "urn:x")):
        path = listed(tmp_path, ENTRY | {"cds_client": CLIENT | own})
        (issuer,) = load_issuers(path).by_url.values()
        assert issuer.cds_client
        assert issuer.cds_client.iss == iss
        assert issuer.cds_client.jwks_urls == ("https://ehr.example/jwks",)


@pytest.mark.parametrize(
    ("client", "problem"),
    [
        ([], "not an object"),
        ({}, "jwks_urls"),
        (CLIENT | {"jwks_urls": []}, "jwks_urls"),
        (CLIENT | {"jwks_urls": "https://ehr.example/jwks"}, "jwks_urls"),
        (CLIENT | {"jwks_urls": ["http://ehr.example/jwks"]}, "jwks_urls"),
        (CLIENT | {"iss": ""}, "iss"),
        (CLIENT | {"iss": 7}, "iss"),
        (CLIENT | {"origins": ["https://ehr.example/"]}, "origins"),
        (CLIENT | {"origins": ["*"]}, "origins"),
        (CLIENT | {"colour": "red"}, "colour"),
    ],
)
def test_a_cds_client_that_is_not_usable_stops_the_start(
    tmp_path: Path, client: object, problem: str
) -> None:
    path = listed(tmp_path, ENTRY | {"cds_client": client})
    with pytest.raises(SettingsError, match=problem):
        load_issuers(path)


def test_two_cds_clients_cannot_have_the_same_name(tmp_path: Path) -> None:
    client = CLIENT | {"iss": "https://ehr.example"}
    one = ENTRY | {"cds_client": client}
    two = one | {"issuer": "https://two.example/fhir"}
    with pytest.raises(SettingsError, match="same iss"):
        load_issuers(listed(tmp_path, one, two))
