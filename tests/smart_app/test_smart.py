"""Scopes, discovery and launch context as SMART App Launch 2.2 writes them."""

from typing import Any

import pytest

from smart_app.ehrs.writable import TRANSACTION, WRITABLE
from smart_app.launch.discovery import discovery_from
from smart_app.launch.smart import (
    READ_TYPES,
    allows,
    can_write_type,
    context_from,
    lifetime_s,
    relative_reference,
    require_reading,
    wanted_scopes,
)
from smart_app.launch_errors import NoPatientError, RefusedScopeError
from smart_app.upstream_errors import DiscoveryError

BASE = "https://ehr.example/fhir"
DOCUMENT: dict[str, Any] = {
    "issuer": "https://ehr.example",
    "authorization_endpoint": "https://login.example/authorize",
    "token_endpoint": "https://login.example/token",
    "jwks_uri": "keys",
    "code_challenge_methods_supported": ["S256"],
    "capabilities": ["permission-v2"],
}


def test_a_relative_endpoint_starts_at_the_fhir_base() -> None:
    assert discovery_from(DOCUMENT, BASE).jwks_uri == "https://ehr.example/fhir/keys"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"token_endpoint": None}, "no authorization or token"),
        ({"token_endpoint": "http://login.example/token"}, "not secure"),
        ({"code_challenge_methods_supported": ["plain"]}, "S256"),
        ({"code_challenge_methods_supported": None}, "S256"),
    ],
)
def test_an_unusable_discovery_document_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DiscoveryError, match=message):
        discovery_from(DOCUMENT | changes, BASE)


def test_nonsense_beside_what_is_needed_is_passed_over() -> None:
    nonsense = {"capabilities": 7, "scopes_supported": None, "issuer": None}
    discovery = discovery_from(DOCUMENT | nonsense, BASE)
    assert (discovery.has_v2_scopes, discovery.issuer) == (False, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(600, 600), ("600", 600), (None, 300), ("soon", 300), (-5, 0), (10**9, 86400)],
)
def test_the_life_of_a_token_is_guarded(given: object, expected: float) -> None:
    assert lifetime_s({"expires_in": given}) == expected


def test_scopes_are_spelled_as_the_server_says() -> None:
    v2 = wanted_scopes(discovery_from(DOCUMENT, BASE)).split()
    v1 = wanted_scopes(discovery_from(DOCUMENT | {"capabilities": []}, BASE)).split()
    assert "patient/Condition.rs" in v2
    assert {"patient/CarePlan.crus", "patient/Device.crs"} <= set(v2)
    assert {"patient/CarePlan.write", "patient/CarePlan.read"} <= set(v1)
    assert not {scope for scope in v1 if scope.endswith((".rs", ".crs", ".crus"))}


@pytest.mark.parametrize("spelling", [["permission-v2"], []])
def test_what_is_asked_for_is_enough(spelling: list[str]) -> None:
    discovery = discovery_from(DOCUMENT | {"capabilities": spelling}, BASE)
    granted = wanted_scopes(discovery).split()
    require_reading(granted)
    assert all(can_write_type(granted, name) for name in WRITABLE - {TRANSACTION})


def test_refreshing_is_asked_for_only_where_it_is_offered() -> None:
    both = {"scopes_supported": ["offline_access", "online_access"]}
    assert "access" not in wanted_scopes(discovery_from(DOCUMENT, BASE))
    wanted = wanted_scopes(discovery_from(DOCUMENT | both, BASE))
    assert wanted.endswith(" online_access")
    capable = {"capabilities": ["permission-v2", "permission-offline"]}
    wanted = wanted_scopes(discovery_from(DOCUMENT | capable, BASE))
    assert wanted.endswith(" offline_access")


@pytest.mark.parametrize(
    ("changes", "has_v2"),
    [
        ({"capabilities": ["permission-v1"], "scopes_supported": ["user/*.rs"]}, False),
        ({"capabilities": [], "scopes_supported": ["patient/Patient.rs"]}, True),
        ({"capabilities": [], "scopes_supported": ["patient/*.*", "launch"]}, False),
    ],
)
def test_the_version_of_scopes_is_read_from_what_the_ehr_says(
    changes: dict[str, Any], *, has_v2: bool
) -> None:
    assert discovery_from(DOCUMENT | changes, BASE).has_v2_scopes is has_v2


def test_pkce_may_go_unsaid_where_the_site_says_so_and_not_be_denied() -> None:
    unsaid = DOCUMENT | {"code_challenge_methods_supported": None}
    assert discovery_from(unsaid, BASE, may_omit_pkce=True).jwks_uri
    denied = DOCUMENT | {"code_challenge_methods_supported": ["plain"]}
    with pytest.raises(DiscoveryError, match="S256"):
        discovery_from(denied, BASE, may_omit_pkce=True)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("patient/Observation.rs", True),
        ("patient/Observation.read", True),
        ("user/*.cruds", True),
        ("patient/Observation.s?category=laboratory", True),
        ("patient/Observation.r", False),
        ("patient/Observation.write", False),
        ("patient/ObservationX.rs", False),
        ("system/Observation.rs", False),
        ("openid", False),
    ],
)
def test_a_granted_scope_allows_searching(scope: str, *, expected: bool) -> None:
    assert allows([scope], "Observation", "s") is expected


def test_a_refused_read_names_the_type() -> None:
    granted = ["patient/Patient.r", "patient/Condition.rs"]
    with pytest.raises(RefusedScopeError, match="Observation"):
        require_reading(granted)


def test_images_need_no_scope_because_the_archive_may_list_them() -> None:
    require_reading([f"patient/{name}.rs" for name in READ_TYPES[:-1]])


@pytest.mark.parametrize("patient", [None, "", 7, "../Patient/1", "a" * 65])
def test_a_launch_without_a_usable_patient_is_refused(patient: object) -> None:
    with pytest.raises(NoPatientError, match="no patient"):
        context_from({"patient": patient}, [BASE], user=None, name=None)


@pytest.mark.parametrize(
    "entry",
    [
        {"reference": "ImagingStudy/9"},
        {"reference": "ImagingStudy/9", "role": "launch"},
        {"reference": f"{BASE}/ImagingStudy/9", "type": "ImagingStudy"},
        {"reference": "ImagingStudy/9/_history/2"},
    ],
)
def test_the_open_study_is_taken_from_the_context(entry: dict[str, str]) -> None:
    others = [
        "junk",
        {"reference": "Encounter/1"},
        {"reference": "ImagingStudy/8", "role": "https://ehr.example/prior"},
        {"reference": "https://other.example/fhir/ImagingStudy/7"},
        {"reference": "ImagingStudy/../Patient/1"},
    ]
    token = {"patient": "1", "fhirContext": [*others, entry]}
    context = context_from(token, [BASE], user="Practitioner/2", name=None)
    assert context.imaging_study == "ImagingStudy/9"


def test_what_the_ehr_says_about_its_pages_is_kept() -> None:
    token = {
        "patient": "1",
        "need_patient_banner": False,
        "smart_style_url": "https://ehr.example/style.json",
        "tenant": "north",
        "intent": "sign",
    }
    context = context_from(token, [BASE], user=None, name=None)
    assert (context.needs_banner, context.tenant, context.intent) == (
        False,
        "north",
        "sign",
    )
    assert context.style_url == "https://ehr.example/style.json"
    bare = context_from({"patient": "1", "tenant": 7}, [BASE], user=None, name=None)
    assert (bare.needs_banner, bare.tenant, bare.style_url) == (True, None, None)


def test_a_user_of_the_same_server_is_relative() -> None:
    addresses = [BASE, "http://inside:8080/fhir"]
    for address in addresses:
        user = f"{address}/Practitioner/2"
        assert relative_reference(user, addresses) == "Practitioner/2"
    other = "https://other.example/Practitioner/2"
    assert relative_reference(other, addresses) == other
