"""What goes where: as much as an EHR takes, shown before, and the same plan for all."""

import io
import re
from base64 import b64decode
from html import unescape
from typing import Any

import pytest
from pypdf import PdfReader

from fhir_mappings.plan_document import NO_OWNER, Step, plan_steps
from sandbox.services import Ehr
from smart_app.ehrs.writable import DOCUMENT, REPORT_TYPES, TRANSACTION, Rung
from smart_app.fhir_server.capabilities import Capabilities
from smart_app.writing.ladder import WritePlan
from tests.smart_app.charts import BOB, load
from tests.smart_app.clinic import Browser, Clinic

ALL = frozenset({*REPORT_TYPES, DOCUMENT})


def capable(types: frozenset[str] = ALL, *, transactions: bool = True) -> Capabilities:
    interactions = {name: frozenset({"create", "search-type"}) for name in types}
    return Capabilities(
        has_transactions=transactions,
        interactions=interactions,
        conditional_creates=frozenset(),
    )


def granted(types: frozenset[str] = ALL) -> list[str]:
    return [f"patient/{name}.crs" for name in types]


@pytest.mark.parametrize(
    ("capabilities", "scopes", "barred", "rung"),
    [
        (capable(), granted(), set(), Rung.TRANSACTION),
        (capable(), ["patient/*.cruds"], set(), Rung.TRANSACTION),
        (capable(), ["patient/*.read", "patient/*.write"], set(), Rung.TRANSACTION),
        (capable(transactions=False), granted(), set(), Rung.SINGLES),
        (capable(), granted(), {TRANSACTION}, Rung.SINGLES),
        (capable(ALL - {"Device", "Provenance"}), granted(), set(), Rung.TRANSACTION),
        (capable(ALL - {"CarePlan"}), granted(), set(), Rung.FINDINGS),
        (capable(), granted(ALL - {"CarePlan"}), set(), Rung.FINDINGS),
        (capable(), granted(ALL - {"CarePlan", DOCUMENT}), set(), Rung.FINDINGS),
        (capable(), granted(), {"Observation"}, Rung.DOCUMENT),
        (capable(), granted(ALL - {"Observation"}), set(), Rung.DOCUMENT),
        (capable(), granted(frozenset({"CarePlan"})), set(), Rung.DOWNLOAD),
        (capable(), ["patient/*.rs"], set(), Rung.DOWNLOAD),
        (capable(), [], set(), Rung.DOWNLOAD),
        (Capabilities.of({"rest": 7}), granted(), set(), Rung.DOWNLOAD),
    ],
)
def test_the_rung_is_the_highest_that_server_scopes_and_administrators_allow(
    capabilities: Capabilities, scopes: list[str], barred: set[str], rung: Rung
) -> None:
    by_table = WritePlan.of(capabilities, scopes=scopes, never=barred)
    assert by_table.rung is rung
    assert by_table == WritePlan.of(capabilities, scopes=scopes, refused=barred)
    assert by_table.takes <= {name for name in ALL if name not in barred}
    assert by_table.keeps_plan == (rung in {Rung.FINDINGS, Rung.DOWNLOAD})


def words_of(steps: tuple[Step, ...]) -> list[str]:
    """Return all that must be readable of a plan, in order."""
    return [
        word
        for step in steps
        for word in (step.words, f"Owner: {step.owner}", step.when, *step.reasons)
    ]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def require_same(steps: tuple[Step, ...], text: str) -> None:
    """Check that a text has all words of a plan in their order."""
    at, whole = 0, squeezed(text)
    for word in words_of(steps):
        at = whole.index(squeezed(word), at) + 1


def pdf_text(content: bytes) -> str:
    return "\n".join(
        page.extract_text() for page in PdfReader(io.BytesIO(content)).pages
    )


def xhtml_text(content: str) -> str:
    return unescape(re.sub(r"<[^>]*>", " ", content))


def plan_of(bundle: dict[str, Any]) -> tuple[Step, ...]:
    resources = [entry["resource"] for entry in bundle["entry"]]
    (plan,) = (r for r in resources if r["resourceType"] == "CarePlan")
    return plan_steps(plan, resources)


def open_signed(clinic: Clinic, browser: Browser, **context: Any) -> str:  # noqa: ANN401
    """Launch, analyze and sign; sign again where the EHR turned something away."""
    case = browser.open(patient="ada", encounter="visit", **context)
    clinic.work()
    for _ in range(3):
        if browser.sign(case)["state"] == "written":
            return case
    raise AssertionError(browser.status(case))


def resources(ehr: Ehr, name: str) -> list[dict[str, Any]]:
    """Return what this application wrote."""
    return [r for r in ehr.resources(name) if "SPOILS" in str(r) or "AIAST" in str(r)]


NO_PLAN = [f"patient/CarePlan.{letters}" for letters in ("crs", "crus")]
READ_ONLY = {
    name: ["read", "search-type"]
    for name in ("Patient", "Condition", "Observation", "ImagingStudy", "Practitioner")
}
DOCUMENTS_ONLY = READ_ONLY | {DOCUMENT: ["read", "search-type", "create", "update"]}


@pytest.mark.parametrize(
    ("personality", "context", "rung"),
    [
        ("open", {}, Rung.TRANSACTION),
        ("medplum", {}, Rung.TRANSACTION),
        ("open", {"refuseScopes": NO_PLAN}, Rung.FINDINGS),
        ("epic", {}, Rung.DOCUMENT),
        ("oracle", {}, Rung.DOCUMENT),
    ],
)
def test_on_every_rung_the_coordinator_reads_the_same_plan(
    hospital: Ehr, clinic: Clinic, personality: str, context: dict[str, Any], rung: Rung
) -> None:
    hospital.play(personality)
    browser = Browser(clinic, hospital)
    case = open_signed(clinic, browser, **context)
    page = browser.client.get(case).text
    bundle = browser.client.get(f"{case}signed/Bundle").get_json(force=True)
    steps = plan_of(bundle)
    assert all(step.owner != NO_OWNER and step.when for step in steps)
    require_same(steps, pdf_text(browser.client.get(f"{case}signed/plan.pdf").data))
    require_same(steps, xhtml_text(browser.client.get(f"{case}signed/plan.xhtml").text))
    plans, documents = hospital.resources("CarePlan"), hospital.resources(DOCUMENT)
    assert len(plans) == (rung in {Rung.TRANSACTION, Rung.SINGLES})
    assert len(documents) == (rung in {Rung.FINDINGS, Rung.DOCUMENT})
    for plan in plans:
        assert plan_steps(plan, hospital.resources("ServiceRequest")) == steps
    for document in documents:
        pdf, xhtml = (part["attachment"]["data"] for part in document["content"])
        require_same(steps, pdf_text(b64decode(pdf)))
        require_same(steps, xhtml_text(b64decode(xhtml).decode()))
    assert ('id="kept-plan"' in page) == (rung is Rung.FINDINGS)


def test_what_goes_where_is_said_before_the_signature_and_a_refusal_moves_it_down(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    hospital.play("epic")
    case = browser.open(patient="ada")
    clinic.work()
    assert "takes no care plan: the findings go there" in browser.client.get(case).text
    assert browser.sign(case)["state"] == "failed"
    page = browser.client.get(case).text
    assert "did not take the report in this form" in page
    assert "takes documents only" in page
    assert hospital.resources(DOCUMENT) == []
    write = browser.sign(case)
    assert (write["state"], len(write["written"])) == ("written", 1)
    assert browser.sign(case)["state"] == "written"
    assert len(hospital.resources(DOCUMENT)) == 1


def test_a_signature_counts_only_for_what_was_shown(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    hidden = {"confirm": "yes", "plan": "document True False"}
    answer = browser.post(case, "sign", hidden)
    assert (answer.status_code, "has changed" in answer.text) == (409, True)
    hospital.play("open", transactions=False)  # since the statement was read
    assert browser.status(case)["write"] is None
    write = browser.sign(case)
    assert (write["state"], write["written"]) == ("failed", [])
    assert "takes something else" in write["advice"]
    assert browser.sign(case)["state"] == "written"


def test_a_kept_plan_is_open_to_whoever_opens_the_patient_and_to_nobody_else(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    load(hospital, BOB)
    case = open_signed(clinic, browser, refuseScopes=NO_PLAN)
    (document,) = hospital.resources(DOCUMENT)
    xhtml = b64decode(document["content"][1]["attachment"]["data"]).decode()
    address = re.search(r"http://[^ <]+(/plans/\w+)", xhtml)
    assert address
    coordinator, stranger = Browser(clinic, hospital), Browser(clinic, hospital)
    assert coordinator.client.get(address[1]).status_code == 401
    launched = coordinator.open(patient="ada")
    stranger.open(patient="bob")
    read = coordinator.client.get(address[1], follow_redirects=True)
    assert read.data == browser.client.get(f"{case}signed/plan.xhtml").data
    plan = coordinator.client.get(f"{launched}plans/{address[1][7:]}/CarePlan")
    assert plan.get_json(force=True)["resourceType"] == "CarePlan"
    assert plan.headers["Content-Type"].startswith("application/fhir+json")
    assert stranger.client.get(address[1]).status_code == 404


def test_where_nothing_is_writable_the_signed_plan_is_there_to_be_filed(
    hospital: Ehr, clinic: Clinic, browser: Browser
) -> None:
    hospital.play("open", types=READ_ONLY)
    case = browser.open(patient="ada")
    clinic.work()
    assert "lets nothing be written" in browser.client.get(case).text
    assert browser.client.get(f"{case}signed/plan.pdf").status_code == 409
    hospital.log()
    assert browser.sign(case)["state"] == "written"
    sent = [entry for entry in hospital.log() if entry["method"] != "GET"]
    assert not [entry for entry in sent if "/fhir/" in entry["url"]]
    page = browser.client.get(case).text
    assert "Signed, not in the chart" in page
    assert "is in the chart" not in page
    assert plan_of(browser.client.get(f"{case}signed/Bundle").get_json(force=True))
    assert browser.client.get(f"{case}signed/plan.pdf").data.startswith(b"%PDF")


def test_an_ehr_that_does_not_say_what_it_takes_is_written_nothing(
    hospital: Ehr, browser: Browser, case: str
) -> None:
    hospital.fault(path="/metadata", status=500, times=3)
    assert "Nothing can be signed at the moment" in browser.client.get(case).text
    answer = browser.post(case, "sign", {"confirm": "yes"})
    assert answer.status_code == 502
    assert browser.status(case)["write"] is None
    assert browser.sign(case)["state"] == "written"
