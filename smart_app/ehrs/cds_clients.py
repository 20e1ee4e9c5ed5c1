"""Who may call the CDS Hooks service: a part of the list of EHRs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from smart_app.settings import is_secure

FIELDS: Final = frozenset({"iss", "jwks_urls", "origins"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CdsClient:
    """The CDS client of one EHR.

    Attributes:
        iss: How it names itself in its tokens.
        jwks_urls: Where its keys may be; a token may choose one of them (``jku``), the
            first is taken when it chooses none.
        origins: Web origins of clients that run in a browser.

    """

    iss: str
    jwks_urls: tuple[str, ...]
    origins: frozenset[str]


def cds_client(
    where: str, entry: Mapping[str, Any], problems: list[str]
) -> CdsClient | None:
    """Read the field ``cds_client`` of an EHR, and name what is wrong with it.

    Args:
        where: What to call the EHR in a problem.
        entry: The EHR; without ``iss``, tokens name its ``issuer``.
        problems: What is wrong is added here.

    """
    if (found := entry.get("cds_client")) is None:
        return None
    if not isinstance(found, dict):
        problems.append(f"{where}: cds_client is not an object")
        return None
    unknown = sorted({*found} - FIELDS)
    wrong = [f"cds_client has an unknown field {name}" for name in unknown]
    iss = found.get("iss", entry.get("issuer"))
    urls = _secure(found.get("jwks_urls"))
    origins = _secure(found.get("origins", []))
    if not (isinstance(iss, str) and iss):
        wrong.append("cds_client needs iss")
    if not urls:
        wrong.append("cds_client needs jwks_urls, https or http on loopback")
    if origins is None or any(url.count("/") != len("//") for url in origins):
        wrong.append("cds_client: origins are like https://ehr.example")
    problems += [f"{where}: {problem}" for problem in wrong]
    if wrong:
        return None
    return CdsClient(
        iss=str(iss), jwks_urls=tuple(urls or ()), origins=frozenset(origins or ())
    )


def _secure(urls: object) -> list[str] | None:
    """Return a list of URLs, ``None`` where it is something else."""
    is_list = isinstance(urls, list) and all(
        isinstance(url, str) and is_secure(url) for url in urls
    )
    return cast("list[str]", urls) if is_list else None
