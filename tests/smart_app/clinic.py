"""The application in this process, used as a browser would against a real EHR."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from sandbox.services import Ehr
from smart_app import create_app
from smart_app.archive.store import store_objects
from smart_app.cases.store import Case, kept_case
from smart_app.jobs.run import Analysis, run_job
from smart_app.services import current_services
from smart_app.settings import Settings
from tests.smart_app.stub import StubAnalysis

TIMEOUT_S = 10


class Clinic:
    """One installation: application, message queue and any number of browsers."""

    def __init__(
        self,
        settings: Settings,
        *,
        has_celery: bool = False,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.sent: list[str] = []
        self.to_store: list[str] = []
        self.app = create_app(settings, queue=None if has_celery else self, clock=clock)
        with self.app.app_context():
            self.services = current_services()

    def send(self, job_id: str) -> None:
        """Be the queue: remember the message."""
        self.sent.append(job_id)

    def send_archive_write(self, launch_id: str) -> None:
        """Be the queue: remember the message."""
        self.to_store.append(launch_id)

    def store(self) -> None:
        """Be the worker: store the objects of all reports that were sent."""
        while self.to_store:
            store_objects(self.services, self.to_store.pop(0))

    def work(self, analysis: Analysis | None = None) -> None:
        """Be the worker: run all jobs that were sent."""
        while self.sent:
            run_job(self.services, self.sent.pop(0), lambda: analysis or StubAnalysis())

    def kept(self, path: str) -> Case:
        """Return the case behind the path of its page."""
        found = kept_case(self.services, path.strip("/").split("/")[-1])
        assert found
        return found

    def close(self) -> None:
        """Close the connections to the database."""
        with self.services.sessions() as session:
            engine = session.get_bind()
        assert isinstance(engine, Engine)
        engine.dispose()


class Browser:
    """A browser with its cookies; the EHR's pages go over the network."""

    def __init__(self, clinic: Clinic, ehr: Ehr) -> None:
        self.client = clinic.app.test_client()
        self._ehr = ehr
        self._session = requests.Session()

    def launch(self, **context: Any) -> TestResponse:  # noqa: ANN401
        """Press the button in the EHR and follow to the answer of ``/callback``."""
        return self.client.get(self.callback_path(**context))

    def callback_path(self, **context: Any) -> str:  # noqa: ANN401
        """Launch up to the address that the EHR sends the browser back to."""
        handle = self._ehr.launch(user="Practitioner/doc", **context)
        answer = self.client.get("/launch", query_string=handle)
        assert answer.status_code == 302, answer.text
        url = answer.headers["Location"]
        while urlsplit(url).path != "/callback":
            page = self._session.get(url, allow_redirects=False, timeout=TIMEOUT_S)
            url = urljoin(url, page.headers["Location"])
        parts = urlsplit(url)
        return f"{parts.path}?{parts.query}"

    def open(self, **context: Any) -> str:  # noqa: ANN401
        """Launch and return the path of the case."""
        answer = self.launch(**context)
        assert answer.status_code == 303, answer.text
        return urlsplit(answer.headers["Location"]).path

    def status(self, case: str) -> dict[str, Any]:
        """Return what the script of the page reads."""
        document: dict[str, Any] = self.client.get(f"{case}status").get_json()
        return document

    def post(
        self, case: str, action: str, fields: Mapping[str, str] | None = None
    ) -> TestResponse:
        """Send a form of the case's page, with its hidden fields."""
        page = self.client.get(case).text
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page)
        assert hidden, page
        form = {**dict(hidden), **(fields or {})}
        return self.client.post(urljoin(case, action), data=form)

    def sign(self, case: str) -> dict[str, Any]:
        """Sign the report and return what became of it."""
        answer = self.post(case, "sign", {"confirm": "yes"})
        assert answer.status_code == 303, answer.text
        written: dict[str, Any] = self.status(case)["write"]
        return written


def query(path: str) -> dict[str, str]:
    """Return the query parameters of a path."""
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}


def environment(folder: Path, issuers: Path, base_url: str) -> dict[str, str]:
    """Return the variables of an installation whose data lie in a folder."""
    return {
        "SPOILS_SECRET_KEY": "k" * 32,
        "SPOILS_ISSUERS": str(issuers),
        "SPOILS_DATA_DIR": str(folder),
        "SPOILS_BASE_URL": base_url,
        "SPOILS_HTTP_TIMEOUT_S": "5",
    }


def settings_in(folder: Path, *, issuers: Path, base_url: str) -> Settings:
    """Return settings whose data lie in a folder."""
    return Settings.from_env(environment(folder, issuers, base_url))
