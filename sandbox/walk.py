"""Walk from the patient list to the chart as a browser would, without a browser."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import requests

from sandbox.ehr_server import Ehr
from sandbox.errors import StepError

Resource = dict[str, Any]
Say = Callable[[str], None]

HTTP_TIMEOUT_S = 30
ANALYSIS_TIMEOUT_S = 300  # our choice: an analysis takes seconds on a free machine
POLL_S = 0.5
HOLDS_THE_PLAN = {"CarePlan", "DocumentReference"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a walk left in the chart.

    Attributes:
        case_url: The page of the report.
        written: The stored resources, as the EHR holds them.
        differences: What the EHR kept otherwise than it was sent.

    """

    case_url: str
    written: tuple[Resource, ...]
    differences: tuple[str, ...]


def walk(ehr: Ehr, patient_id: str, *, say: Say) -> Outcome:
    """Launch, analyze, sign, write and read back for one patient.

    Raises:
        StepError: A step failed; the message names it.

    """
    with requests.Session() as browser:
        say("launch")
        page = _launch(browser, f"{ehr.origin}/charts/{patient_id}/launch")
        say("analyze")
        _analyze(browser, page.url)
        say("sign and write")
        write = _write(browser, page.url, say=say)
        say("read back")
        references = [*write["written"], *write["existing"]]
        return Outcome(
            case_url=page.url,
            written=_read_back(ehr, references),
            differences=tuple(write["differences"]),
        )


def _launch(browser: requests.Session, button: str) -> requests.Response:
    page = browser.post(button, timeout=HTTP_TIMEOUT_S)
    if not page.ok or "/cases/" not in page.url:
        raise StepError(f"launch: the app answers {page.status_code}: {text(page)}")
    return page


def _analyze(browser: requests.Session, case_url: str) -> None:
    status = _poll(browser, case_url, lambda s: s["state"] in {"done", "failed"})
    if status["state"] != "done":
        raise StepError(f"analyze: {status['state']}: {status['advice']}")


def _sign(browser: requests.Session, case_url: str) -> dict[str, str]:
    """Sign what the page shows, and return the hidden fields of its form."""
    page = browser.get(case_url, timeout=HTTP_TIMEOUT_S)
    forms = _Forms()
    forms.feed(page.text)
    action = next((name for name in forms.hidden if name.endswith("/sign")), None)
    if action is None:
        raise StepError(f"sign: the report has no form to sign: {text(page)}")
    fields = forms.hidden[action]
    address = urljoin(page.url, action)
    headers = {"Referer": page.url}  # as a browser sends it, and as CSRF checks want it
    answer = browser.post(
        address, fields | {"confirm": "yes"}, headers=headers, timeout=HTTP_TIMEOUT_S
    )
    if not answer.ok:
        raise StepError(f"sign: the app answers {answer.status_code}: {text(answer)}")
    return fields


def _write(browser: requests.Session, case_url: str, *, say: Say) -> Resource:
    """Sign, and again where the EHR turned down what the page had offered it."""

    def is_over(status: Resource) -> bool:
        return (status["write"] or {}).get("state") in {"written", "failed"}

    offers: list[str | None] = []
    while True:
        offer = _sign(browser, case_url).get("plan")
        status = _poll(browser, case_url, is_over)
        write: Resource = status["write"] or {"state": "not started"}
        if write["state"] == "written":
            return write
        if offer in offers or offer is None:
            raise StepError(f"write: {write['state']}: {write.get('advice')}")
        offers.append(offer)
        say(f"not written, once more: {write['advice']}")


def _read_back(ehr: Ehr, references: list[str]) -> tuple[Resource, ...]:
    stored = {
        f"{kind}/{resource['id']}": resource
        for kind in {reference.split("/")[0] for reference in references}
        for resource in ehr.resources(kind)
    }
    if missing := [reference for reference in references if reference not in stored]:
        raise StepError(f"read back: not in the EHR: {', '.join(missing)}")
    kinds = {reference.split("/")[0] for reference in references}
    if not kinds & HOLDS_THE_PLAN:
        raise StepError("read back: no plan was written")
    return tuple(stored[reference] for reference in references)


def _poll(
    browser: requests.Session, case_url: str, is_over: Callable[[Resource], bool]
) -> Resource:
    deadline = time.monotonic() + ANALYSIS_TIMEOUT_S
    while True:
        answer = browser.get(urljoin(case_url, "status"), timeout=HTTP_TIMEOUT_S)
        status: Resource = answer.json()
        if is_over(status) or time.monotonic() > deadline:
            return status
        time.sleep(POLL_S)


class _Forms(HTMLParser):
    """Collects the hidden fields of every form, by the form's action."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, dict[str, str]] = {}
        self._fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = self.hidden.setdefault(given.get("action", ""), {})
        elif tag == "input" and given.get("type") == "hidden":
            self._fields[given.get("name", "")] = given.get("value", "")


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def text(page: requests.Response, *, length: int = 300) -> str:
    """Return the words of a page, without its tags."""
    reader = _Words()
    reader.feed(page.text)
    return " ".join(reader.words)[:length]
