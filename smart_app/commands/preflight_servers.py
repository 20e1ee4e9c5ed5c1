"""Preflight of the FHIR server and of the archive, by what they say of themselves."""

from collections.abc import Iterator
from typing import Final

import requests

from smart_app.commands.preflight_report import Line, failure, ok, warning
from smart_app.ehrs.issuers import Issuer
from smart_app.errors import UpstreamError
from smart_app.fhir_server.capabilities import Capabilities
from smart_app.fhir_server.write_requests import FHIR_JSON
from smart_app.http import json_object, translated
from smart_app.launch.smart import needed_permissions
from smart_app.upstream_errors import ArchiveError, EhrError
from smart_app.writing.ladder import WritePlan, sentences

FHIR_VERSION: Final = "4.0"
READING: Final = {"r": "read", "s": "search-type"}


def fhir_server(session: requests.Session, issuer: Issuer) -> Iterator[Line]:
    """Yield what the CapabilityStatement says, which needs no token."""
    address = f"{issuer.url}/metadata"
    try:
        with translated(EhrError, "CapabilityStatement"):
            headers = {"Accept": FHIR_JSON}
            statement = json_object(session.get(address, headers=headers))
    except UpstreamError as error:
        advice = f"Make {address} answer without a token."
        yield failure("FHIR server", str(error), advice)
        return
    version = f"FHIR {statement.get('fhirVersion')}"
    if version.startswith(f"FHIR {FHIR_VERSION}"):
        yield ok("FHIR server", version)
    else:
        yield failure("FHIR server", version, "Use the R4 server's address as issuer.")
    server = Capabilities.of(statement)
    yield _reading(server)
    yield _writing(server)
    yield _transactions(server)
    yield _signature(server, issuer)


def archive(session: requests.Session, issuer: Issuer) -> Line:
    """Say whether the archive answers a search."""
    address = f"{issuer.dicomweb_url}/studies"
    has_login = "with" if issuer.dicomweb_login else "without"
    try:
        with translated(ArchiveError, f"QIDO-RS {has_login} a login"):
            session.get(
                address,
                params={"limit": "1"},
                auth=issuer.dicomweb_login,
                headers={"Accept": "application/dicom+json"},
            ).raise_for_status()
    except UpstreamError as error:
        advice = f"Make {address} answer; check dicomweb_user and its password."
        return failure("archive", str(error), advice)
    return ok("archive", f"QIDO-RS answers {has_login} a login")


def _reading(server: Capabilities) -> Line:
    unstated = [
        f"{name} ({interaction})"
        for name, letters in needed_permissions().items()
        for letter, interaction in READING.items()
        if letter in letters
        and interaction not in server.interactions.get(name, frozenset())
    ]
    if not unstated:
        return ok("reading", "all types that are read")
    return warning(
        "reading",
        f"not stated: {', '.join(unstated)}",
        "What cannot be read counts as unknown, never as absent; nothing works without "
        "Patient, Condition, Observation and ImagingStudy.",
    )


def _writing(server: Capabilities) -> Line:
    absent = [name for name in _written() if not server.creates(name)]
    if not absent:
        return ok("writing", "all types that are written")
    return warning(
        "writing",
        f"not stated (create and search): {', '.join(absent)}",
        "Nothing to do, unless the server takes more than it says; see below.",
    )


def _transactions(server: Capabilities) -> Line:
    written = _written()
    conditional = [name for name in written if name in server.conditional_creates]
    also = f"conditional create for {len(conditional)} of {len(written)} types"
    if server.has_transactions:
        return ok("transactions", f"offered; {also}")
    return warning(
        "transactions",
        f"not offered; {also}",
        "Nothing to do: resources are written one by one, and found by identifier.",
    )


def _signature(server: Capabilities, issuer: Issuer) -> Line:
    # as if every scope was granted that is asked for
    scopes = [f"patient/{name}.{p}" for name, p in needed_permissions().items()]
    plan = WritePlan.of(server, scopes=scopes, never=issuer.never_write)
    return ok("a signature", " ".join(sentences(plan, issuer.name)))


def _written() -> list[str]:
    return [name for name, letters in needed_permissions().items() if "c" in letters]
