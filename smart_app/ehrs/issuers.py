"""The EHRs that may launch this application; nobody else is ever contacted."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fhir_mappings.chart_values import FIELDS
from fhir_mappings.errors import SiteTableError
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCodes, site_codes
from smart_app.ehrs.cds_clients import CdsClient, cds_client
from smart_app.ehrs.client_keys import ClientKeyError, Jwk, read_keys
from smart_app.ehrs.fields import Fields
from smart_app.ehrs.writable import FORMATS, WRITABLE
from smart_app.launch_errors import UnknownIssuerError
from smart_app.settings import SettingsError

#: What an entry of the file may hold; README.md explains each to administrators.
FIELD_NAMES: Final = frozenset(
    {
        *(
            "issuer",
            "aliases",
            "name",
            "client_id",
            "client_secret_env",
            "private_key_file",
        ),
        *("scopes", "quirks", "frame_ancestors", "site_codes_file", "cds_client"),
        *("dicomweb_url", "dicomweb_user", "dicomweb_password_env"),
        *("dicomweb_store", "imaging_origins", "flat_observations"),
        *("never_write", "document_formats"),
    }
)
MAX_LOGGED: Final = 200  # our choice: as much as tells one address from another
#: Deviations of single EHRs from SMART App Launch 2.2 that an entry may allow.
QUIRKS: Final = frozenset(
    {
        "authorize_by_get",  # its sign-in page does not take the POST that it announces
        "pkce_not_announced",  # it takes PKCE without saying so in its discovery
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One EHR and its image archive.

    Attributes:
        url: Base of its FHIR server, without a slash at its end.
        aliases: Other addresses of that server, which its references and links use.
        name: Name shown on the pages.
        client_id: Name under which the EHR knows this application.
        client_secret: Shared secret, ``None`` for other kinds of clients.
        private_keys: Private JWKs with ``kid`` and ``alg``, empty likewise.
        scopes: What to ask for instead of what the application would, or empty.
        quirks: Deviations that are known and allowed, of ``QUIRKS``.
        frame_ancestors: Origins of pages that may show this application in a frame.
        dicomweb_url: Base of the archive's DICOMweb service.
        dicomweb_login: User and password of the archive, ``None`` when it asks none.
        dicomweb_store: Whether signed reports go to the archive as DICOM objects too;
            ``None`` leaves it to what the archive says of itself.
        imaging_origins: Other servers that the EHR may name as the place of images,
            and that may get its access token; its own always may.
        never_write: Types, or "transaction", that are not written there although the
            server says that it takes them.
        document_formats: Forms of a document that it takes, of ``FORMATS``.
        site_codes: What the codes of this site mean.
        is_grouped: Whether the Observations of a level get a parent there.
        cds_client: Who calls the CDS Hooks service, ``None`` when nobody may.

    """

    url: str
    name: str
    client_id: str
    client_secret: str | None = field(repr=False)
    private_keys: tuple[Jwk, ...] = field(repr=False)
    scopes: tuple[str, ...] = ()
    quirks: frozenset[str] = frozenset()
    frame_ancestors: tuple[str, ...] = ()
    dicomweb_url: str
    dicomweb_login: tuple[str, str] | None = field(repr=False)
    dicomweb_store: bool | None = None
    imaging_origins: tuple[str, ...] = ()
    never_write: frozenset[str] = frozenset()
    document_formats: tuple[str, ...] = tuple(FORMATS)
    site_codes: SiteCodes = NO_SITE_CODES
    is_grouped: bool = True
    cds_client: CdsClient | None = None
    aliases: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses of the FHIR server; only the first one is ever asked."""
        return (self.url, *self.aliases)


@dataclass(frozen=True, slots=True)
class Issuers:
    """The list of EHRs, asked by their exact URL."""

    by_url: Mapping[str, Issuer]

    def __iter__(self) -> Iterator[Issuer]:
        return iter(self.by_url.values())

    def known(self, url: str) -> Issuer:
        """Return the EHR of this URL.

        Raises:
            UnknownIssuerError: It is not on the list.

        """
        issuer = self.by_url.get(url.rstrip("/"))
        if issuer is None:
            raise UnknownIssuerError(f"not on the list: {url[:MAX_LOGGED]!r}")
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
    found = [issuer for issuer in issuers if issuer]
    problems += _clashes(found)
    if problems:
        raise SettingsError("\n- ".join(["SPOILS_ISSUERS:", *problems]))
    return Issuers({issuer.url: issuer for issuer in found})


def _clashes(issuers: list[Issuer]) -> Iterator[str]:
    if len({issuer.url for issuer in issuers}) != len(issuers):
        yield "two entries have the same issuer"
    if len({issuer.name for issuer in issuers}) != len(issuers):
        yield "two entries have the same name"
    clients = [item.cds_client.iss for item in issuers if item.cds_client]
    if len({*clients}) != len(clients):
        yield "two entries have the same iss of their cds_client"
    keys: dict[str, Jwk] = {}
    for key in (key for issuer in issuers for key in issuer.private_keys):
        if keys.setdefault(key["kid"], key) != key:
            yield f"two different private keys have the same kid {key['kid']!r}"


def _issuer(
    index: int, entry: object, env: Mapping[str, str], problems: list[str]
) -> Issuer | None:
    if not isinstance(entry, dict):
        problems.append(f"entry {index} is not an object")
        return None
    before = len(problems)
    fields = Fields(index, entry, problems, env)
    fields.only(FIELD_NAMES)
    fields.together(["dicomweb_user", "dicomweb_password_env"])
    user, password = (
        fields.text("dicomweb_user"),
        fields.secret("dicomweb_password_env"),
    )
    issuer = Issuer(
        url=fields.url("issuer", is_required=True) or "",
        aliases=fields.addresses("aliases"),
        name=fields.text("name", is_required=True) or "",
        client_id=fields.text("client_id", is_required=True) or "",
        client_secret=fields.secret("client_secret_env"),
        private_keys=_private_keys(fields),
        scopes=fields.texts("scopes"),
        quirks=fields.some_of("quirks", QUIRKS),
        frame_ancestors=fields.origins("frame_ancestors"),
        dicomweb_url=fields.url("dicomweb_url", is_required=True) or "",
        dicomweb_login=(user, password) if user and password else None,
        dicomweb_store=fields.flag("dicomweb_store"),
        imaging_origins=fields.origins("imaging_origins"),
        never_write=fields.some_of("never_write", WRITABLE),
        document_formats=_document_formats(fields),
        site_codes=_site_codes(fields),
        is_grouped=not fields.flag("flat_observations"),
        cds_client=cds_client(fields.where, entry, problems),
    )
    if issuer.client_secret and issuer.private_keys:
        fields.wrong("client_secret_env and private_key_file exclude each other")
    return issuer if len(problems) == before else None


def _document_formats(fields: Fields) -> tuple[str, ...]:
    chosen = fields.some_of("document_formats", FORMATS)
    return tuple(name for name in FORMATS if name in chosen) or tuple(FORMATS)


def _site_codes(fields: Fields) -> SiteCodes:
    if not (path := fields.text("site_codes_file")):
        return NO_SITE_CODES
    try:
        document: Any = json.loads(Path(path).read_text(encoding="utf-8"))
        return site_codes(document, fields=FIELDS)
    except (OSError, ValueError):
        fields.wrong(f"site_codes_file {path!r} is no readable JSON")
    except SiteTableError as error:
        fields.wrong(f"site_codes_file {path!r}: {error}")
    return NO_SITE_CODES


def _private_keys(fields: Fields) -> tuple[Jwk, ...]:
    if not (path := fields.text("private_key_file")):
        return ()
    try:
        return read_keys(Path(path))
    except ClientKeyError as error:
        fields.wrong(f"private_key_file {path!r} {error}")
        return ()
