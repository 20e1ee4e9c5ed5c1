"""SMART App Launch 2.2 as pure functions (https://hl7.org/fhir/smart-app-launch).

No clock, no network, no database: discovery document, scopes and token answer.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

from fhir_mappings.gather import OPTIONAL_TYPES
from smart_app.launch_errors import (
    NoPatientError,
    RefusedScopeError,
)
from smart_app.settings import is_secure
from smart_app.upstream_errors import DiscoveryError

READ_TYPES: Final = ("Patient", "Condition", "Observation", "ImagingStudy")
WRITE_TYPES: Final = ("Observation", "CarePlan", "Device", "Provenance")
#: Written where the EHR allows it, and otherwise only shown.
OPTIONAL_WRITE_TYPES: Final = ("RiskAssessment",)
#: Spelling of SMART v1 in the letters of SMART v2 (section 3.0.2.3).
V1_PERMISSIONS: Final = {"read": "rs", "write": "cud", "*": "cruds"}
ENDPOINTS: Final = (
    "authorization_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "jwks_uri",
)
FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")  # FHIR R4, datatypes: id
LASTING_SCOPES: Final = ("online_access", "offline_access")
MAX_EXPIRY_S: Final = 86400  # our choice: no token is trusted for more than a day
DEFAULT_EXPIRY_S: Final = 300  # our choice where the EHR does not say

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What ``.well-known/smart-configuration`` says.

    Attributes:
        authorization_endpoint: Where the user signs in.
        token_endpoint: Where a code becomes a token.
        revocation_endpoint: Where a token is given back, ``None`` when nowhere.
        jwks_uri: Keys of the id_token, ``None`` when the EHR signs nobody in.
        issuer: Who signs the id_token, ``None`` likewise.
        has_v2_scopes: Whether scopes are written as ``rs`` and ``cud``.
        scopes: Scopes that the EHR says it offers.

    """

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None
    jwks_uri: str | None
    issuer: str | None
    has_v2_scopes: bool
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchContext:
    """Whose chart is open, where, and who is looking.

    Attributes:
        patient_id: Id of the Patient.
        encounter_id: Id of the Encounter, ``None`` when none is open.
        imaging_study: Reference of the study that is open in the EHR, or ``None``.
        user: Reference of the user such as ``"Practitioner/3"``, or ``None``.
        user_display: Name of the user, ``None`` when the EHR does not tell it.

    """

    patient_id: str
    encounter_id: str | None
    imaging_study: str | None
    user: str | None
    user_display: str | None


def discovery_from(document: Json, issuer_url: str) -> Discovery:
    """Read a discovery document; relative URLs start at the FHIR base.

    Raises:
        DiscoveryError: An endpoint is absent or not secure, or PKCE S256 is not there.

    """
    base = issuer_url + "/"
    urls = {
        name: urljoin(base, str(document[name])) if document.get(name) else None
        for name in ENDPOINTS
    }
    insecure = [name for name, url in urls.items() if url and not is_secure(url)]
    if insecure:
        raise DiscoveryError(f"discovery: not secure: {', '.join(insecure)}")
    authorization, token = urls["authorization_endpoint"], urls["token_endpoint"]
    if not authorization or not token:
        raise DiscoveryError("discovery names no authorization or token endpoint")
    if "S256" not in _strings(document, "code_challenge_methods_supported"):
        raise DiscoveryError("discovery does not offer PKCE with S256")
    return Discovery(
        authorization_endpoint=authorization,
        token_endpoint=token,
        revocation_endpoint=urls["revocation_endpoint"],
        jwks_uri=urls["jwks_uri"],
        issuer=str(document["issuer"]) if document.get("issuer") else None,
        has_v2_scopes="permission-v2" in _strings(document, "capabilities"),
        scopes=_strings(document, "scopes_supported"),
    )


def wanted_scopes(discovery: Discovery) -> str:
    """Return the least scopes that reading and writing need, as one string.

    Some types are only read where the EHR allows it: what it refuses stays unknown.
    """
    scopes = ["launch", "openid", "fhirUser", "patient/Patient.{read}"]
    types = (*READ_TYPES[1:], *OPTIONAL_TYPES)
    written = (*WRITE_TYPES, *OPTIONAL_WRITE_TYPES)
    scopes += [f"patient/{name}.{{search}}" for name in types]
    scopes += [f"patient/{name}.{{write}}" for name in written]
    # online_access ends with the EHR session, which is all that is needed
    lasting = [scope for scope in LASTING_SCOPES if scope in discovery.scopes][:1]
    if discovery.has_v2_scopes:
        spelling = {"read": "r", "search": "rs", "write": "crs"}
    else:
        spelling = {"read": "read", "search": "read", "write": "write"}
        # v1 write does not include reading back what was written
        scopes += [f"patient/{name}.read" for name in written[1:]]
    return " ".join([*(scope.format(**spelling) for scope in scopes), *lasting])


def allows(granted: Collection[str], resource_type: str, permission: str) -> bool:
    """Tell whether scopes allow one letter of ``cruds`` on a resource type."""
    for scope in granted:
        context, _, rest = scope.partition("/")
        name, _, letters = rest.partition("?")[0].partition(".")
        if context in {"patient", "user"} and name in {"*", resource_type}:
            letters = V1_PERMISSIONS.get(letters, letters)
            if permission in letters:
                return True
    return False


def can_write(granted: Collection[str]) -> bool:
    """Tell whether a signed report may be written and read back."""
    return all(can_write_type(granted, name) for name in WRITE_TYPES)


def can_write_type(granted: Collection[str], resource_type: str) -> bool:
    """Tell whether resources of a type may be written and read back."""
    return all(allows(granted, resource_type, letter) for letter in "crs")


def require_reading(granted: Collection[str]) -> None:
    """Check that the chart may be read.

    Raises:
        RefusedScopeError: A scope that reading needs was not granted.

    """
    needed = [("Patient", "r"), *((name, "s") for name in READ_TYPES[1:])]
    refused = [name for name, letter in needed if not allows(granted, name, letter)]
    if refused:
        raise RefusedScopeError(f"not granted: reading {', '.join(refused)}")


def context_from(token: Json, *, user: str | None, name: str | None) -> LaunchContext:
    """Read the launch context of a token answer.

    Raises:
        NoPatientError: It names no patient.

    """
    patient_id = token.get("patient")
    if not isinstance(patient_id, str) or not FHIR_ID.fullmatch(patient_id):
        raise NoPatientError("the token answer names no patient")
    given = token.get("fhirContext")
    entries = given if isinstance(given, list) else []
    encounter = str(token.get("encounter") or "")
    open_studies = [
        str(entry["reference"])
        for entry in entries
        if isinstance(entry, Mapping)
        and str(entry.get("reference", "")).startswith("ImagingStudy/")
    ]
    return LaunchContext(
        patient_id=patient_id,
        encounter_id=encounter if FHIR_ID.fullmatch(encounter) else None,
        imaging_study=open_studies[0] if open_studies else None,
        user=user,
        user_display=name,
    )


def lifetime_s(token: Json) -> float:
    """Return how long an access token lives, guarded against nonsense."""
    try:
        seconds = float(token.get("expires_in") or DEFAULT_EXPIRY_S)
    except (TypeError, ValueError):
        return DEFAULT_EXPIRY_S
    return min(max(seconds, 0), MAX_EXPIRY_S)


def relative_reference(reference: str, issuer_url: str) -> str:
    """Make a reference to the issuer's own server relative; keep any other."""
    return reference.removeprefix(issuer_url + "/")


def _strings(document: Json, name: str) -> frozenset[str]:
    value = document.get(name)
    return frozenset(map(str, value)) if isinstance(value, list) else frozenset()
