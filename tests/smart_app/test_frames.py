"""In a frame of an EHR of another site, over TLS and in a real browser."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Frame, Page
from werkzeug.wrappers import Request, Response

from sandbox.processes import free_port
from tests.smart_app.clinic import Clinic, settings_in
from tests.smart_app.live import listening
from tests.smart_app.recorder import Recorder, recording

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

WAIT_MS = 20_000
IS_OPEN = "text=The lumbar MRI is being analyzed"


@pytest.fixture
def context(chromium: Chromium) -> Iterator[BrowserContext]:
    """A fresh profile that trusts the certificate."""
    fresh = chromium.new_context(ignore_https_errors=True)
    yield fresh
    fresh.close()


@pytest.fixture
def ehr() -> Iterator[Recorder]:
    """An EHR."""
    with recording() as recorder:
        yield recorder


@dataclass
class Portal:
    """A page of the EHR that shows the application in a frame.

    Attributes:
        context: Profile of the browser.
        url: Address of the page.
        keeps_cookies: False stands for a browser that blocks those of the application.

    """

    context: BrowserContext
    url: str
    keeps_cookies: bool = True

    def open(self, host: str = "localhost") -> tuple[Page, Frame]:
        """Open the page under a name of this machine; the list has ``localhost``."""
        page = self.context.new_page()
        page.goto(self.url.replace("localhost", host))
        return page, page.frames[1]

    def through(self, application: Flask) -> "WSGIApplication":
        """Return the application as this browser sees it."""

        @Request.application
        def answer(request: Request) -> Response:
            response = Response.from_app(application, request.environ)
            if not self.keeps_cookies:
                response.headers.remove("Set-Cookie")
            return response

        return answer


@pytest.fixture
def portal(
    tmp_path: Path, tls: tuple[str, str], context: BrowserContext, ehr: Recorder
) -> Iterator[Portal]:
    """The page and the application, which know each other."""
    port, portal_port = free_port(), free_port()
    app = f"https://127.0.0.1:{port}"
    found = Portal(context, f"https://localhost:{portal_port}")  # another site
    address = f"{app}/launch?iss={ehr.fhir_base}&launch=handle-1"
    page = Response(f'<iframe src="{address}"></iframe>', mimetype="text/html")
    entry = {
        "issuer": ehr.fhir_base,
        "name": "Recorder",
        "client_id": "spoils",
        "dicomweb_url": "http://127.0.0.1:9/dicom-web",
        "frame_ancestors": [found.url],
    }
    listed = tmp_path / "issuers.json"
    listed.write_text(json.dumps([entry]))
    clinic = Clinic(settings_in(tmp_path / "data", issuers=listed, base_url=app))
    with (
        listening(found.through(clinic.app), port, tls=tls),
        listening(page, portal_port, tls=tls),
    ):
        yield found


def test_a_case_opens_in_the_frame_with_a_cookie_of_that_frame_only(
    portal: Portal, ehr: Recorder
) -> None:
    ehr.discovery = {"capabilities": ["launch-ehr", "authorize-post"]}
    _, frame = portal.open()
    frame.wait_for_selector(IS_OPEN, timeout=WAIT_MS)
    assert [request.method for request in ehr.seen("/authorize")] == ["POST"]
    (cookie,) = portal.context.cookies()
    assert cookie["name"] == "__Host-spoils"
    assert (cookie["secure"], cookie["httpOnly"]) == (True, True)
    assert cookie["sameSite"] == "None"
    assert cookie["partitionKey"] == "https://localhost"


def test_a_frame_without_cookies_offers_a_tab_that_goes_on_with_the_launch(
    portal: Portal, ehr: Recorder
) -> None:
    portal.keeps_cookies = False
    _, frame = portal.open()
    frame.wait_for_selector("text=blocks this application", timeout=WAIT_MS)
    assert not ehr.seen("/authorize")
    portal.keeps_cookies = True
    with portal.context.expect_page() as tab:
        frame.click("text=Open in a tab of its own")
    tab.value.wait_for_selector(IS_OPEN, timeout=WAIT_MS)


def test_a_page_that_is_not_listed_cannot_frame_the_application(
    portal: Portal,
) -> None:
    page, frame = portal.open("127.0.0.1")
    page.wait_for_load_state("networkidle")
    assert frame.url.startswith("chrome-error:")
