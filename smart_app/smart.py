"""SMART App Launch 2.2 as pure functions (https://hl7.org/fhir/smart-app-launch).

No clock, no network, no database: discovery document, scopes and token answer.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from fhir_mappings.gather import OPTIONAL_TYPES
from fhir_mappings.write_context import NEEDED_TYPES as WRITE_TYPES
from fhir_mappings.write_context import OPTIONAL_TYPES as OPTIONAL_WRITE_TYPES
from smart_app.launch_errors import (
    IdTokenError,
    NoPatientError,
    RefusedScopeError,
)
from smart_app.settings import is_secure
from smart_app.upstream_errors import DiscoveryError

READ_TYPES: Final = ("Patient", "Condition", "Observation", "ImagingStudy")
#: Spelling of SMART v1 in the letters of SMART v2 (section 3.0.2.3).
V1_PERMISSIONS: Final = {"read": "rs", "write": "cud", "*": "cruds"}
_STUDY: Final = re.compile(r"ImagingStudy/[A-Za-z0-9\-.]{1,64}")
_V2_SCOPE: Final = re.compile(r"(patient|user)/(\*|\w+)\.c?r?u?d?s?(\?.*)?$")
ENDPOINTS: Final = (
    "authorization_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "jwks_uri",
)
#: What an imaging server says that a launched application may ask.
IMAGING_ACCESS: Final = frozenset(
    {
        "smart-imaging-access",
        "http://fhir.org/argonaut/smart-imaging/capabilities/app-launch",
    }
)
FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")  # FHIR R4, datatypes: id
#: Scopes that bring a refresh token, and the capability that announces each;
#: online_access ends with the EHR session, which is all that is needed.
LASTING_SCOPES: Final = {
    "online_access": "permission-online",
    "offline_access": "permission-offline",
}
PERMISSIONS: Final = "cruds"  # the letters of SMART v2, in their only order
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
        jwks_uri: Keys of the id_token, ``None`` when they are named elsewhere.
        issuer: Who signs the id_token, ``None`` when the token alone says it.
        capabilities: What the EHR says it can do (section 2.0.8 of SMART).
        scopes: Scopes that the EHR says it offers; there may be more.
        authentication_methods: How clients may authenticate, empty when not said.
        signing_algorithms: How clients may sign, empty when not said.
        sends_iss: Whether its answers to the browser name it (RFC 9207).
        imaging_urls: FHIR bases of its imaging servers for launched applications
            (SMART Imaging Access 0.1.0).

    """

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None
    jwks_uri: str | None
    issuer: str | None
    capabilities: frozenset[str]
    scopes: frozenset[str]
    authentication_methods: frozenset[str]
    signing_algorithms: frozenset[str]
    sends_iss: bool
    imaging_urls: tuple[str, ...] = ()

    @property
    def has_v2_scopes(self) -> bool:
        """Whether scopes are written as ``rs`` and ``cud``, by the EHR's own words."""
        versions = {"permission-v1", "permission-v2"} & self.capabilities
        if versions:
            return "permission-v2" in versions
        return any(_V2_SCOPE.match(scope) for scope in self.scopes)

    @property
    def takes_post(self) -> bool:
        """Whether the user may be sent to sign in by POST (section 2.0.5)."""
        return "authorize-post" in self.capabilities

    @property
    def is_for_ehr_launch_only(self) -> bool:
        """Whether the EHR says how it launches, and a standalone launch is not in."""
        offered = {"launch-ehr", "launch-standalone"} & self.capabilities
        return offered == {"launch-ehr"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchContext:
    """Whose chart is open, where, and who is looking.

    Attributes:
        patient_id: Id of the Patient.
        encounter_id: Id of the Encounter, ``None`` when none is open.
        imaging_study: Reference of the study that is open in the EHR, or ``None``.
        user: Reference of the user such as ``"Practitioner/3"``, or ``None``.
        user_display: Name of the user, ``None`` when the EHR does not tell it.
        needs_banner: Whether the pages must show whose chart is open, because the
            EHR does not show it around them.
        style_url: Where the EHR's colors are (``smart_style_url``), or ``None``.
        style: What of them these pages use, by CSS property.
        tenant: Part of the EHR's organization, an opaque word, or ``None``.
        intent: What the user wanted to do, or ``None``; no value is known here yet,
            and what is not known opens the usual page.

    """

    patient_id: str
    encounter_id: str | None
    imaging_study: str | None
    user: str | None
    user_display: str | None
    needs_banner: bool = True
    style_url: str | None = None
    style: Mapping[str, str] = field(default_factory=dict)
    tenant: str | None = None
    intent: str | None = None


def discovery_from(
    document: Json, issuer_url: str, *, may_omit_pkce: bool = False
) -> Discovery:
    """Read a discovery document; relative URLs start at the FHIR base.

    Args:
        document: The document.
        issuer_url: FHIR base of the EHR.
        may_omit_pkce: Whether the document need not say that PKCE is offered.

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
    methods = _strings(document, "code_challenge_methods_supported")
    if "S256" not in methods and (methods or not may_omit_pkce):
        raise DiscoveryError("discovery does not offer PKCE with S256")
    return Discovery(
        authorization_endpoint=authorization,
        token_endpoint=token,
        revocation_endpoint=urls["revocation_endpoint"],
        jwks_uri=urls["jwks_uri"],
        issuer=str(document["issuer"]) if document.get("issuer") else None,
        capabilities=_strings(document, "capabilities"),
        scopes=_strings(document, "scopes_supported"),
        authentication_methods=_strings(
            document, "token_endpoint_auth_methods_supported"
        ),
        signing_algorithms=_strings(
            document, "token_endpoint_auth_signing_alg_values_supported"
        ),
        sends_iss=document.get("authorization_response_iss_parameter_supported")
        is True,
        imaging_urls=tuple(_imaging_urls(document)),
    )


def _imaging_urls(document: Json) -> Iterator[str]:
    given = document.get("associated_endpoints")
    for item in given if isinstance(given, list) else []:
        known = item if isinstance(item, Mapping) else {}
        url = str(known.get("url", "")).rstrip("/")
        if not IMAGING_ACCESS - _strings(known, "capabilities") and is_secure(url):
            yield url


def wanted_scopes(
    discovery: Discovery, *, is_standalone: bool = False, own: Collection[str] = ()
) -> str:
    """Return the least scopes that reading and writing need, as one string.

    Some types are only read where the EHR allows it: what it refuses stays unknown.

    Args:
        discovery: How the EHR writes scopes, and whether it offers refresh tokens.
        is_standalone: Whether the EHR has to let the user choose a patient.
        own: What the site asks for instead, apart from the launch itself.

    """
    launch = "launch/patient" if is_standalone else "launch"
    if own:
        return " ".join([launch, *(scope for scope in own if scope != launch)])
    lasting = [
        scope
        for scope, capability in LASTING_SCOPES.items()
        if scope in discovery.scopes or capability in discovery.capabilities
    ]
    needed = needed_permissions()
    spell = _v2_scopes if discovery.has_v2_scopes else _v1_scopes
    return " ".join([launch, "openid", "fhirUser", *spell(needed), *lasting[:1]])


def needed_permissions() -> dict[str, str]:
    """Return what is done with each resource type, as letters of ``cruds``."""
    letters: defaultdict[str, set[str]] = defaultdict(set)
    letters[READ_TYPES[0]] |= {"r"}
    letters["Endpoint"] |= {"r"}  # where an ImagingStudy says that its images are
    for name in (*READ_TYPES[1:], *OPTIONAL_TYPES):
        letters[name] |= {*"rs"}
    for name in (*WRITE_TYPES, *OPTIONAL_WRITE_TYPES):
        letters[name] |= {*"crs"}  # what was written is searched for and read back
    return {
        name: "".join(letter for letter in PERMISSIONS if letter in some)
        for name, some in letters.items()
    }


def _v2_scopes(needed: Mapping[str, str]) -> Iterator[str]:
    return (f"patient/{name}.{letters}" for name, letters in needed.items())


def _v1_scopes(needed: Mapping[str, str]) -> Iterator[str]:
    for name, letters in needed.items():
        if {"r", "s"} & {*letters}:
            yield f"patient/{name}.read"
        if {"c", "u", "d"} & {*letters}:
            yield f"patient/{name}.write"


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
    # images may also be found in the archive or by SMART Imaging Access
    names = [name for name in READ_TYPES[1:] if name != "ImagingStudy"]
    needed = [("Patient", "r"), *((name, "s") for name in names)]
    refused = [name for name, letter in needed if not allows(granted, name, letter)]
    if refused:
        raise RefusedScopeError(f"not granted: reading {', '.join(refused)}")


def context_from(
    token: Json, issuer_url: str, *, user: str | None, name: str | None
) -> LaunchContext:
    """Read the launch context of a token answer.

    Args:
        token: The answer of the token endpoint.
        issuer_url: FHIR base of the EHR; what is on another server is passed over.
        user: Reference of the user, by the id_token.
        name: Name of the user, likewise.

    Raises:
        NoPatientError: It names no patient.

    """
    patient_id = token.get("patient")
    if not isinstance(patient_id, str) or not FHIR_ID.fullmatch(patient_id):
        raise NoPatientError("the token answer names no patient")
    encounter = str(token.get("encounter") or "")
    return LaunchContext(
        patient_id=patient_id,
        encounter_id=encounter if FHIR_ID.fullmatch(encounter) else None,
        imaging_study=next(_open_studies(token, issuer_url), None),
        user=user,
        user_display=name,
        needs_banner=token.get("need_patient_banner") is not False,
        style_url=_text(token, "smart_style_url"),
        tenant=_text(token, "tenant"),
        intent=_text(token, "intent"),
    )


def granted_scopes(token: Json, asked: str) -> frozenset[str]:
    """Return the scopes of a token answer: those asked for where it names none.

    RFC 6749, 5.1: an answer may leave them out where they are the ones asked for.
    """
    return frozenset(str(token.get("scope") or asked).split())


def trusted_issuer(claimed: str, issuer_url: str, discovery: Discovery) -> str:
    """Return who may have signed an id_token, where discovery does not say it.

    Raises:
        IdTokenError: It is on none of the hosts that the EHR itself named.

    """
    endpoints = (issuer_url, discovery.authorization_endpoint, discovery.token_endpoint)
    own = {(parts.scheme, parts.netloc) for parts in map(urlsplit, endpoints)}
    parts = urlsplit(claimed)
    if (parts.scheme, parts.netloc) not in own:
        raise IdTokenError("id_token: its issuer is no host of this EHR")
    return claimed


def _open_studies(token: Json, issuer_url: str) -> Iterator[str]:
    # a role says what else a resource is for; without one it is what is open
    given = token.get("fhirContext")
    for entry in given if isinstance(given, list) else []:
        if isinstance(entry, Mapping) and entry.get("role") in {None, "launch"}:
            study = relative_reference(str(entry.get("reference", "")), issuer_url)
            if _STUDY.fullmatch(study):
                yield study


def _text(token: Json, name: str) -> str | None:
    value = token.get(name)
    return value if isinstance(value, str) and value else None


def lifetime_s(token: Json) -> float:
    """Return how long an access token lives, guarded against nonsense."""
    try:
        seconds = float(token.get("expires_in") or DEFAULT_EXPIRY_S)
    except (TypeError, ValueError):
        return DEFAULT_EXPIRY_S
    return min(max(seconds, 0), MAX_EXPIRY_S)


def relative_reference(reference: str, issuer_url: str) -> str:
    """Make a reference to the issuer's own server relative; keep any other."""
    relative = reference.removeprefix(issuer_url + "/")
    return relative.partition("/_history/")[0]


def _strings(document: Json, name: str) -> frozenset[str]:
    value = document.get(name)
    return frozenset(map(str, value)) if isinstance(value, list) else frozenset()
