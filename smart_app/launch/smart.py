"""SMART App Launch 2.2 as pure functions (https://hl7.org/fhir/smart-app-launch).

No clock, no network, no database: scopes and the token answer.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_mappings.gather import OPTIONAL_TYPES
from fhir_mappings.withdrawal import can_be_withdrawn
from fhir_mappings.write_context import NEEDED_TYPES as WRITE_TYPES
from fhir_mappings.write_context import OPTIONAL_TYPES as OPTIONAL_WRITE_TYPES
from smart_app.launch.discovery import Discovery
from smart_app.launch_errors import NoPatientError, RefusedScopeError

READ_TYPES: Final = ("Patient", "Condition", "Observation", "ImagingStudy")
#: Spelling of SMART v1 in the letters of SMART v2 (section 3.0.2.3).
V1_PERMISSIONS: Final = {"read": "rs", "write": "cud", "*": "cruds"}
_STUDY: Final = re.compile(r"ImagingStudy/[A-Za-z0-9\-.]{1,64}")
FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")  # FHIR R4, datatypes: id
#: Scopes that bring a refresh token, and the capability that announces each;
#: online_access ends with the EHR session, which is all that is needed.
LASTING_SCOPES: Final = {
    "online_access": "permission-online",
    "offline_access": "permission-offline",
}
#: What an EHR may tell about the launch besides the patient, where it offers that.
CONTEXT_SCOPES: Final = ("launch/imagingstudy",)
PERMISSIONS: Final = "cruds"  # the letters of SMART v2, in their only order
MAX_EXPIRY_S: Final = 86400  # our choice: no token is trusted for more than a day
DEFAULT_EXPIRY_S: Final = 300  # our choice where the EHR does not say

Json = Mapping[str, Any]


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
        more = [scope for scope in own if scope not in {"launch", "launch/patient"}]
        return " ".join([launch, *more])
    lasting = [
        scope
        for scope, capability in LASTING_SCOPES.items()
        if scope in discovery.scopes or capability in discovery.capabilities
    ]
    hints = [scope for scope in CONTEXT_SCOPES if scope in discovery.scopes]
    needed = needed_permissions()
    spell = _v2_scopes if discovery.has_v2_scopes else _v1_scopes
    identity = ("openid", "fhirUser")
    return " ".join([launch, *identity, *hints, *spell(needed), *lasting[:1]])


def needed_permissions() -> dict[str, str]:
    """Return what is done with each resource type, as letters of ``cruds``."""
    letters: defaultdict[str, set[str]] = defaultdict(set)
    letters[READ_TYPES[0]] |= {"r"}
    letters["Endpoint"] |= {"r"}  # where an ImagingStudy says that its images are
    for name in (*READ_TYPES[1:], *OPTIONAL_TYPES):
        letters[name] |= {*"rs"}
    for name in (*WRITE_TYPES, *OPTIONAL_WRITE_TYPES, "DocumentReference"):
        letters[name] |= {*"crs"}  # what was written is searched for and read back
        letters[name] |= {"u"} if can_be_withdrawn(name) else set()
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
    token: Json, addresses: Collection[str], *, user: str | None, name: str | None
) -> LaunchContext:
    """Read the launch context of a token answer.

    Args:
        token: The answer of the token endpoint.
        addresses: FHIR bases of the EHR; what is on another server is passed over.
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
        imaging_study=next(_open_studies(token, addresses), None),
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


def _open_studies(token: Json, addresses: Collection[str]) -> Iterator[str]:
    # a role says what else a resource is for; without one it is what is open
    given = token.get("fhirContext")
    for entry in given if isinstance(given, list) else []:
        if isinstance(entry, Mapping) and entry.get("role") in {None, "launch"}:
            study = relative_reference(str(entry.get("reference", "")), addresses)
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


def relative_reference(reference: str, addresses: Collection[str]) -> str:
    """Make a reference to the issuer's own server relative; keep any other."""
    for address in addresses:
        reference = reference.removeprefix(f"{address}/")
    return reference.partition("/_history/")[0]
