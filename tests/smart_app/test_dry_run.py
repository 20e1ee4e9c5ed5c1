"""What a signature would send is shown before, letter by letter, and is not sent."""

import json
import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.services import Ehr, app_url
from tests.smart_app.clinic import Browser, Clinic, settings_in
from tests.smart_app.test_ladder import DOCUMENTS_ONLY
from tests.smart_app.test_undo import signed_anew

Sent = list[tuple[str, str, Any]]


@pytest.fixture
def clinic(tmp_path: Path, issuers: Path, clinic_port: int) -> Clinic:
    """The application at one moment, so that two signatures have the same time."""
    address = app_url(clinic_port)
    now = datetime.now(UTC)
    settings = settings_in(tmp_path / "data", issuers=issuers, base_url=address)
    return Clinic(settings, clock=lambda: now)


def changes(ehr: Ehr) -> Sent:
    """Take what changed something at the FHIR server."""
    return [
        (entry["method"], urlsplit(entry["url"]).path, json.loads(entry["body"]))
        for entry in ehr.log()
        if entry["method"] in {"POST", "PUT"} and "/fhir/R4" in entry["url"]
    ]


def shown(page: str) -> Sent:
    """Read the page as a person would."""
    found = re.findall(
        r"<summary><code>(\w+) ([^<]+)</code>.*?<pre[^>]*>(.*?)</pre>", page, re.DOTALL
    )
    return [
        (method, urlsplit(url).path, json.loads(unescape(body)))
        for method, url, body in found
    ]


@pytest.mark.parametrize("style", [{}, {"types": DOCUMENTS_ONLY}])
def test_the_page_shows_what_is_sent_then_what_is_replaced_too(
    hospital: Ehr, browser: Browser, clinic: Clinic, style: dict[str, Any]
) -> None:
    hospital.play("open", **style)
    signed_anew(clinic, hospital)
    case = browser.open(patient="ada", encounter="visit")
    clinic.work()
    hospital.log()
    assert f'href="{case}dry-run"' in browser.client.get(case).text
    page = browser.client.get(f"{case}dry-run").text
    assert changes(hospital) == []
    assert "If-Match: W/" in unescape(page)
    assert "Authorization" not in page
    assert browser.sign(case)["state"] == "written"
    sent = changes(hospital)
    assert {method for method, _, _ in sent} == {"POST", "PUT"}
    assert shown(page) == sent
    assert "No requests" in browser.client.get(f"{case}dry-run").text


def test_the_command_prints_single_requests_in_their_order(
    hospital: Ehr, browser: Browser, clinic: Clinic
) -> None:
    hospital.play("open", transactions=False)
    case = browser.open(patient="ada")
    run = case.split("/")[2]
    commands = clinic.app.test_cli_runner()
    early = commands.invoke(args=["dry-run", run])
    assert (early.exit_code, "Traceback" in early.output) == (1, False)
    clinic.work()
    hospital.log()
    printed = commands.invoke(args=["dry-run", run])
    assert printed.exit_code == 0, printed.output
    assert changes(hospital) == []
    assert "If-None-Exist: identifier=" in printed.output
    browser.sign(case)
    asked = re.findall(r"^(POST|PUT) (\S+)$", printed.output, re.MULTILINE)
    sent = [(method, path) for method, path, _ in changes(hospital)]
    assert [(method, urlsplit(url).path) for method, url in asked] == sent
    assert commands.invoke(args=["dry-run", "nothing"]).exit_code == 1
