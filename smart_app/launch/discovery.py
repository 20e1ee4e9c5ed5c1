"""What ``.well-known/smart-configuration`` says (SMART App Launch 2.2, section 2.0.8).

Pure. It is somebody else's document: what is not understood in it is not there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from smart_app.launch_errors import IdTokenError
from smart_app.settings import is_secure
from smart_app.upstream_errors import DiscoveryError

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
_V2_SCOPE: Final = re.compile(r"(patient|user)/(\*|\w+)\.c?r?u?d?s?(\?.*)?$")

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


def _strings(document: Json, name: str) -> frozenset[str]:
    value = document.get(name)
    return frozenset(map(str, value)) if isinstance(value, list) else frozenset()
