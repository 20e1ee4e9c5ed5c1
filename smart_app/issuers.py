"""The EHRs that may launch this application; nobody else is ever contacted."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhir_mappings.chart_values import FIELDS
from fhir_mappings.errors import SiteTableError
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCodes, site_codes
from smart_app.cds_hooks_clients import CdsClient, cds_client
from smart_app.launch_errors import UnknownIssuerError
from smart_app.settings import SettingsError, is_secure

REQUIRED = ("issuer", "name", "client_id", "dicomweb_url")
OPTIONAL = (
    "dicomweb_user",
    "dicomweb_password_env",
    "dicomweb_store",
    "client_secret_env",
    "private_key_file",
    "site_codes_file",
    "cds_client",
)
KEY_ALGORITHMS = frozenset({"ES384", "RS384"})  # SMART App Launch 2.2, 5.1

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One EHR and its image archive.

    Attributes:
        url: Base of its FHIR server, without a slash at its end.
        name: Name shown on the pages.
        client_id: Name under which the EHR knows this application.
        client_secret: Shared secret, ``None`` for other kinds of clients.
        private_key: Private JWK with ``kid`` and ``alg``, ``None`` likewise.
        dicomweb_url: Base of the archive's DICOMweb service.
        dicomweb_login: User and password of the archive, ``None`` when it asks none.
        dicomweb_store: Whether signed reports go to the archive as DICOM objects too;
            ``None`` leaves it to what the archive says of itself.
        site_codes: What the codes of this site mean.
        cds_client: Who calls the CDS Hooks service, ``None`` when nobody may.

    """

    url: str
    name: str
    client_id: str
    client_secret: str | None = field(repr=False)
    private_key: Json | None = field(repr=False)
    dicomweb_url: str
    dicomweb_login: tuple[str, str] | None = field(repr=False)
    dicomweb_store: bool | None = None
    site_codes: SiteCodes = NO_SITE_CODES
    cds_client: CdsClient | None = None


@dataclass(frozen=True, slots=True)
class Issuers:
    """The list of EHRs, asked by their exact URL."""

    by_url: Mapping[str, Issuer]

    def known(self, url: str) -> Issuer:
        """Return the EHR of this URL.

        Raises:
            UnknownIssuerError: It is not on the list.

        """
        issuer = self.by_url.get(url.rstrip("/"))
        if issuer is None:
            raise UnknownIssuerError("launch from an issuer that is not on the list")
        return issuer


def load_issuers(path: Path, env: Mapping[str, str] = os.environ) -> Issuers:
    """Read the list and name everything that is wrong with it at once.

    Raises:
        SettingsError: The file cannot be read or describes no usable EHR.

    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"SPOILS_ISSUERS is no readable JSON: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise SettingsError("SPOILS_ISSUERS must hold a list with at least one EHR")
    problems: list[str] = []
    issuers = [_issuer(i, entry, env, problems) for i, entry in enumerate(entries)]
    found = {issuer.url: issuer for issuer in issuers if issuer}
    clients = [item.cds_client.iss for item in found.values() if item.cds_client]
    if len({*clients}) != len(clients):
        problems.append("two entries have the same iss of their cds_client")
    if not problems and len(found) != len(entries):
        problems.append("two entries have the same issuer")
    if problems:
        raise SettingsError("SPOILS_ISSUERS: " + "; ".join(problems))
    return Issuers(found)


def _issuer(
    index: int, entry: object, env: Mapping[str, str], problems: list[str]
) -> Issuer | None:
    before = len(problems)
    if not isinstance(entry, dict):
        problems.append(f"entry {index} is not an object")
        return None
    where = f"entry {index}"
    problems += [f"{where} lacks {name}" for name in REQUIRED if not entry.get(name)]
    unknown = sorted(set(entry) - {*REQUIRED, *OPTIONAL})
    problems += [f"{where} has an unknown field {name}" for name in unknown]
    for name in ("issuer", "dicomweb_url"):
        if entry.get(name) and not is_secure(str(entry[name])):
            problems.append(f"{where}: {name} must be https, or http on loopback")
    if not isinstance(entry.get("dicomweb_store"), bool | None):
        problems.append(f"{where}: dicomweb_store must be true or false")
    secret = _secret(where, entry, "client_secret_env", env, problems)
    password = _secret(where, entry, "dicomweb_password_env", env, problems)
    key = _private_key(where, entry, problems)
    codes = _site_codes(where, entry, problems)
    client = cds_client(where, entry, problems)
    if secret and key:
        problems.append(f"{where} has both a secret and a private key")
    if len(problems) > before:
        return None
    user = entry.get("dicomweb_user")
    return Issuer(
        url=entry["issuer"].rstrip("/"),
        name=entry["name"],
        client_id=entry["client_id"],
        client_secret=secret,
        private_key=key,
        dicomweb_url=entry["dicomweb_url"].rstrip("/"),
        dicomweb_login=(user, password) if user and password else None,
        dicomweb_store=entry.get("dicomweb_store"),
        site_codes=codes,
        cds_client=client,
    )


def _secret(
    where: str, entry: Json, name: str, env: Mapping[str, str], problems: list[str]
) -> str | None:
    variable = entry.get(name)
    if variable and not env.get(variable):
        problems.append(f"{where}: set the variable {variable}")
    return env.get(variable) if variable else None


def _site_codes(where: str, entry: Json, problems: list[str]) -> SiteCodes:
    if not (path := entry.get("site_codes_file")):
        return NO_SITE_CODES
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        return site_codes(document, fields=FIELDS)
    except (OSError, ValueError):
        problems.append(f"{where}: site_codes_file is no readable JSON")
    except SiteTableError as error:
        problems.append(f"{where}: site_codes_file: {error}")
    return NO_SITE_CODES


def _private_key(where: str, entry: Json, problems: list[str]) -> Json | None:
    if not (path := entry.get("private_key_file")):
        return None
    try:
        key = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        problems.append(f"{where}: private_key_file is no readable JSON")
        return None
    is_usable = isinstance(key, dict) and key.get("kid") and "d" in key
    if not is_usable or key.get("alg") not in KEY_ALGORITHMS:
        problems.append(f"{where}: private_key_file needs kid, d, ES384 or RS384")
        return None
    return dict(key)
