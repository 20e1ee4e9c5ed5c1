"""The EHR's FHIR server: reads through fhirclient, on a session of ours.

fhirclient brings the server object and the strict R4 models; time-outs, retries,
authorization and paging are ours, because it follows a ``next`` link to any host and
knows no time-out. One bad entry costs itself and is counted; what a server leaves out
is told apart from what it does not have.
"""

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

import requests
from fhirclient.models.fhirabstractbase import FHIRValidationError
from fhirclient.models.fhirelementfactory import FHIRElementFactory
from fhirclient.server import (
    FHIRNotFoundException,
    FHIRPermissionDeniedException,
    FHIRServer,
    FHIRUnauthorizedException,
)
from requests.auth import AuthBase

from smart_app.fhir_server.capabilities import Capabilities
from smart_app.fhir_server.write_requests import WriteRequest, address
from smart_app.http import harden, json_object, translated
from smart_app.upstream_errors import (
    EhrError,
    ForeignAddressError,
    SessionEndedError,
)

MAX_PAGES: Final = 20  # our choice: 2,000 resources of one kind
MAX_SEARCH_S: Final = 60  # our choice: a person is waiting
HTTP_BAD_REQUEST: Final = 400
HTTP_UNAUTHORIZED: Final = 401
HTTP_PORTS: Final = {"http": 80, "https": 443}
#: Issues of an OperationOutcome in a search that say that something is left out:
#: https://hl7.org/fhir/R4/valueset-issue-type.html, and of Epic the codes of its own,
#: https://fhir.epic.com/Specifications: more may exist, or a person must ask for it.
GAP_ISSUES: Final = frozenset(
    {"incomplete", "suppressed", "too-costly", "timeout", "throttled", "transient"}
)
GAP_CODES: Final = frozenset({"4119", "4127", "4130", "4131", "4134", "59133"})
#: Elements that change the meaning of a resource; whoever does not know them must not
#: use it (https://hl7.org/fhir/R4/extensibility.html#modifierExtension).
MODIFIERS: Final = frozenset({"modifierExtension", "implicitRules"})
#: Elements that nobody here reads: broken ones cost nothing.
PASSED_OVER: Final = frozenset({"text", "contained", "meta", "extension"})
#: Types without a subject of their own.
SHARED_TYPES: Final = frozenset({"Device", "Provenance", "AuditEvent"})
FHIR_ID: Final = r"[A-Za-z0-9\-.]{1,64}"

Resource = dict[str, Any]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search brought.

    Attributes:
        resources: Resources of the patient that passed the strict R4 models.
        unreadable: Entries that were dropped.
        is_complete: False when pages are missing, when the server said so, or when it
            counted more than it sent.
        included: What was asked for with ``_include``, as it came.

    """

    resources: tuple[Resource, ...]
    unreadable: int
    is_complete: bool
    included: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a server answered to a request that changes something.

    Attributes:
        status: HTTP status.
        reference: ``"Type/id"``, ``None`` for a transaction.
        version: Version of the resource, ``None`` where the server does not tell it.

    """

    status: int
    reference: str | None
    version: str | None


class FhirClient:
    """One FHIR server, asked with the authorization of one launch."""

    def __init__(
        self,
        base_url: str,
        auth: AuthBase,
        timeout_s: float,
        *,
        homes: Sequence[str] = (),
        max_wait_s: int | None = None,
    ) -> None:
        """Make a client; nothing is sent.

        Args:
            base_url: FHIR base.
            auth: Signs every request.
            timeout_s: Longest wait for a sign of life.
            homes: Bases under which the server that the patient is on is known, where
                they are others or more than ``base_url``.
            max_wait_s: Longest pause that a busy server may ask for, as ``harden``.

        """
        self._base = base_url
        self._homes = homes or (base_url,)
        self._server = FHIRServer(None, base_uri=base_url)
        self._session: requests.Session = self._server.session
        self._session.auth = auth
        harden(self._session, timeout_s, max_wait_s=max_wait_s)

    def read(self, resource_type: str, resource_id: str) -> Resource:
        """Read one resource by its id.

        Raises:
            EhrError: The server fails or sends something else.

        """
        resource = self._get(f"{resource_type}/{resource_id}")
        asked = (resource_type, resource_id)
        if (resource.get("resourceType"), resource.get("id")) != asked:
            raise EhrError(f"reading {resource_type}: another resource came")
        if _is_modified(resource) or not _is_valid(resource):
            raise EhrError(f"reading {resource_type}: no valid resource")
        return resource

    def search(
        self,
        resource_type: str,
        params: Mapping[str, str],
        *,
        patient_id: str,
        otherwise: Sequence[Mapping[str, str]] = (),
    ) -> Found:
        """Search resources of one patient, all pages.

        Args:
            resource_type: Type that is searched for.
            params: Search parameters, one value each.
            patient_id: Whose resources they must be.
            otherwise: Parameters that bring as much or more, tried one after the other
                where the server does not understand the ones before (status 400).

        Raises:
            EhrError: The server fails at the first page; one unreadable entry is only
                counted, and a page that is missing makes the rest incomplete.

        """
        *attempts, last = (params, *otherwise)
        for attempt in attempts:
            try:
                return self._search(resource_type, attempt, patient_id)
            except EhrError as error:
                if error.status != HTTP_BAD_REQUEST:
                    raise
                logger.warning("search of %s not understood", resource_type)
        return self._search(resource_type, last, patient_id)

    def _search(
        self, resource_type: str, params: Mapping[str, str], patient_id: str
    ) -> Found:
        found: list[Resource] = []
        included: list[Resource] = []
        unreadable, is_complete, total = 0, True, 0
        for bundle in self._pages(f"{resource_type}?{urlencode(params)}"):
            if bundle is None:
                logger.warning("search of %s ended early", resource_type)
                is_complete = False
                break
            total = max(total, _total(bundle))
            is_complete = is_complete and isinstance(bundle.get("entry", []), list)
            for resource, mode in _resources(bundle):
                if resource.get("resourceType") == "OperationOutcome":
                    is_complete = is_complete and not _tells_of_gap(resource)
                elif mode == "include":
                    included.append(resource)
                elif self._is_usable(resource, resource_type, patient_id):
                    found.append(resource)
                else:
                    unreadable += 1
        if unreadable:
            logger.warning("%s of %s unreadable", unreadable, resource_type)
        return Found(
            resources=tuple(found),
            included=tuple(included),
            unreadable=unreadable,
            is_complete=is_complete and total <= len(found) + unreadable,
        )

    def capabilities(self) -> Capabilities:
        """Return what the server says that it can do.

        Raises:
            EhrError: The server fails.

        """
        return Capabilities.of(self._get("metadata"))

    def write(self, request: WriteRequest) -> Written:
        """Send a request that changes something; a transaction makes no reference.

        Raises:
            EhrError: The server refuses or fails; ``status is None`` tells that its
                answer was lost, perhaps after the work was done.

        """
        answer = self._send(request)
        version = answer.headers.get("ETag", "").removeprefix("W/").strip('"') or None
        if not request.path:
            return Written(status=answer.status_code, reference=None, version=None)
        name = request.path.partition("/")[0]
        reference = self._written(name, answer)
        return Written(status=answer.status_code, reference=reference, version=version)

    def _written(self, name: str, answer: requests.Response) -> str:
        # servers may leave out the body, though never the address of a new resource
        address = answer.headers.get("Location", "")
        if found := re.search(rf"({name}/{FHIR_ID})(?:/_history/[^/]+)?$", address):
            return found[1]
        with translated(EhrError, "EHR"):
            body = json_object(answer)
        if body.get("resourceType") != name or not body.get("id"):
            raise EhrError(f"writing {name}: the answer names no resource")
        return f"{name}/{body['id']}"

    def _pages(self, url: str) -> Iterator[Resource | None]:
        # None instead of a page that would be one too many, too late, a loop or broken
        give_up_at = time.monotonic() + MAX_SEARCH_S
        seen: set[str] = set()
        following: str | None = url
        while following:
            is_over = len(seen) == MAX_PAGES or time.monotonic() > give_up_at
            if is_over or following in seen:
                yield None
                return
            seen.add(following)
            try:
                bundle = self._page(following)
            except (SessionEndedError, ForeignAddressError):
                raise
            except EhrError as error:
                if len(seen) == 1:
                    raise
                logger.warning("page %s not read: %s", len(seen), error)
                yield None
                return
            yield bundle
            following = self._next(bundle)

    def _page(self, url: str) -> Resource:
        bundle = self._get(url)
        if bundle.get("resourceType") != "Bundle":
            raise EhrError("EHR: the answer to a search is no Bundle")
        return bundle

    def _get(self, path: str) -> Resource:
        with translated(EhrError, "EHR"):
            try:
                body = self._server.request_json(path)
            except FHIRUnauthorizedException as error:
                raise SessionEndedError("EHR: status 401", status=401) from error
            except FHIRPermissionDeniedException as error:
                raise EhrError("EHR: status 403", status=403) from error
            except FHIRNotFoundException as error:
                raise EhrError("EHR: status 404", status=404) from error
            except requests.TooManyRedirects as error:
                raise ForeignAddressError("EHR: redirect") from error
        if not isinstance(body, dict):
            raise EhrError("EHR: the body is no JSON object")
        return body

    def _send(self, request: WriteRequest) -> requests.Response:
        url = address(self._base, request)
        with translated(EhrError, "EHR"):
            response = self._session.request(
                request.method, url, json=request.body, headers=dict(request.headers)
            )
            if response.status_code == HTTP_UNAUTHORIZED:
                raise SessionEndedError("EHR: status 401", status=401)
            if not response.ok:
                logger.warning("EHR refused a write: %s", _issue_codes(response))
            response.raise_for_status()
            return response

    def _next(self, bundle: Resource) -> str | None:
        links = [link for link in _list(bundle, "link") if isinstance(link, dict)]
        urls = [str(x.get("url")) for x in links if x.get("relation") == "next"]
        if not urls:
            return None
        absolute = self._here(urljoin(f"{self._base}/", urls[0]))
        if origin(absolute) != origin(self._base):
            raise ForeignAddressError("a next link leads to another server")
        return absolute

    def _here(self, url: str) -> str:
        """Return a URL as this server is asked, where it uses another of its names."""
        if self._base in self._homes:
            for home in self._homes:
                if re.match(rf"{re.escape(home)}(?=[/?]|$)", url):
                    return self._base + url[len(home) :]
        return url

    def _is_usable(self, resource: Resource, resource_type: str, patient: str) -> bool:
        if resource.get("resourceType") != resource_type or _is_modified(resource):
            return False
        return self._is_of(resource, patient) and _is_valid(resource)

    def _is_of(self, resource: Resource, patient_id: str) -> bool:
        owner = resource.get("subject") or resource.get("patient")
        if owner is None:
            return resource.get("resourceType") in SHARED_TYPES
        reference = owner.get("reference") if isinstance(owner, dict) else None
        return self._reference(str(reference)) == f"Patient/{patient_id}"

    def _reference(self, location: str) -> str:
        for home in self._homes:
            location = location.removeprefix(f"{home}/")
        return location.partition("/_history/")[0].strip("/")


def _is_valid(resource: Resource) -> bool:
    names = resource.keys() - PASSED_OVER
    try:
        read = {name: _plain(resource[name]) for name in names}
        FHIRElementFactory.instantiate(resource["resourceType"], read)
    except (FHIRValidationError, AttributeError, TypeError, ValueError):
        return False  # fhirclient raises all four on other people's data
    except RecursionError:
        return False
    return True


def _plain(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON without extensions: they may be new, or broken, and add no rule."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if isinstance(node, dict):
        return {name: _plain(x) for name, x in node.items() if name != "extension"}
    return node


def _is_modified(resource: Resource) -> bool:
    waiting: list[Any] = [resource]  # no recursion: the data are not ours
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if MODIFIERS & node.keys():
                return True
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return False


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of a URL, which decide who may have a token."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or HTTP_PORTS.get(parts.scheme)


def _total(bundle: Resource) -> int:
    total = bundle.get("total")
    return total if isinstance(total, int) else 0


def _resources(bundle: Resource) -> Iterator[tuple[Resource, str]]:
    """Yield resources and why they are in the Bundle (``match``, ``include``)."""
    for entry in _list(bundle, "entry"):
        # an entry without a resource counts as one unreadable resource
        known = entry if isinstance(entry, dict) else {}
        resource, search = known.get("resource"), known.get("search")
        mode = search.get("mode") if isinstance(search, dict) else None
        yield resource if isinstance(resource, dict) else {}, str(mode)


def _tells_of_gap(outcome: Resource) -> bool:
    severe = {"error", "fatal"} & set(_field(outcome, "severity"))
    details = [item.get("details") for item in _issues(outcome)]
    concepts = [item for item in details if isinstance(item, dict)]
    codings = [coding for item in concepts for coding in _list(item, "coding")]
    codes = {str(coding.get("code")) for coding in codings if isinstance(coding, dict)}
    named = GAP_ISSUES & set(_field(outcome, "code")) or GAP_CODES & codes
    return bool(severe or named)


def _issue_codes(response: requests.Response) -> Sequence[str]:
    # codes only: diagnostics and details may quote the patient
    status = f"status {response.status_code}"
    try:
        outcome = response.json()
    except requests.exceptions.JSONDecodeError:
        return [status, "no OperationOutcome"]
    return [status, *_field(outcome, "code")] if isinstance(outcome, dict) else [status]


def _field(outcome: Resource, name: str) -> list[str]:
    return [str(issue.get(name)) for issue in _issues(outcome)]


def _issues(outcome: Resource) -> list[Resource]:
    return [issue for issue in _list(outcome, "issue") if isinstance(issue, dict)]


def _list(resource: Resource, name: str) -> list[Any]:
    value = resource.get(name)
    return value if isinstance(value, list) else []
