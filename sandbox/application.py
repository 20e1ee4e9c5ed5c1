"""The application under test or on show: gunicorn and a worker, as in production."""

import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from sandbox.archive import Archive
from sandbox.ehr_server import Ehr
from sandbox.processes import answers, running

ROOT = Path(__file__).parents[1]
CLIENT_ID = "spoils"
PASSWORD_VARIABLE = "SPOILS_DICOMWEB_PASSWORD"  # noqa: S105 - the name of a variable
WORKER_IS_READY = "spoils worker ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A running application."""

    url: str


def app_url(port: int) -> str:
    """Return the address of the application on a port of loopback."""
    return f"http://127.0.0.1:{port}"


def public_client(*ports: int) -> dict[str, object]:
    """Return how the EHR registers the application: a public client with PKCE."""
    return {
        "client_id": CLIENT_ID,
        "redirect_uris": [f"{app_url(port)}/callback" for port in ports],
        "token_endpoint_auth_method": "none",
    }


@contextmanager
def app(  # noqa: PLR0913 - what differs between the demo and the tests
    directory: Path,
    *,
    port: int,
    ehr: Ehr,
    archive: Archive,
    env: Mapping[str, str] | None = None,
    has_worker: bool = True,
) -> Iterator[App]:
    """Run the web process and, unless told otherwise, the worker.

    Args:
        directory: Folder of the logs, the settings and the application's own data.
        port: Port on loopback; the EHR knows its redirect address already.
        ehr: The one EHR that the application is allowed to be launched from.
        archive: Where the images are.
        env: More settings, such as ``SPOILS_LEASE_S``.
        has_worker: False leaves the worker to ``worker()``.

    """
    variables = {**_environment(directory, port, ehr, archive), **(env or {})}
    start_worker = worker(directory, variables) if has_worker else nullcontext()
    command = [
        *_script("gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{port}"),
        *("--workers", "2", "--worker-class", "gthread", "--threads", "4"),
        # its control socket has one address for all programs of a user
        *("--timeout", "120", "--chdir", str(ROOT), "--no-control-socket"),
    ]
    web = running(command, name="web", directory=directory, env=variables)
    with web as child, start_worker:
        child.wait_until(lambda: answers(f"{app_url(port)}/healthz"))
        yield App(url=app_url(port))


@contextmanager
def worker(directory: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Run one worker until exit."""
    command = [
        *_script("celery", "--workdir", str(ROOT), "-A", "smart_app.worker", "worker"),
        *("--pool", "solo", "--without-gossip", "--without-mingle"),
        *("--without-heartbeat", "--loglevel", "INFO"),
    ]
    started = running(command, name="worker", directory=directory, env=env)
    with started as child:
        child.wait_until(lambda: WORKER_IS_READY in child.log.read_text())
        yield


def _script(name: str, *arguments: str) -> list[str]:
    return [str(Path(sys.executable).parent / name), *arguments]


def _environment(
    directory: Path, port: int, ehr: Ehr, archive: Archive
) -> dict[str, str]:
    issuers = directory / "issuers.json"
    issuer = {
        "issuer": ehr.fhir_base,
        "name": "Sandbox EHR",
        "client_id": CLIENT_ID,
        "dicomweb_url": archive.dicomweb_url,
        "dicomweb_user": archive.user,
        "dicomweb_password_env": PASSWORD_VARIABLE,
    }
    issuers.write_text(json.dumps([issuer]))
    return {
        "SPOILS_SECRET_KEY": secrets.token_urlsafe(48),
        "SPOILS_ISSUERS": str(issuers),
        "SPOILS_DATA_DIR": str(directory / "app"),
        "SPOILS_BASE_URL": app_url(port),
        PASSWORD_VARIABLE: archive.password,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
