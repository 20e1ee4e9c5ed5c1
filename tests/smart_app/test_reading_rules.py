"""Reading is lenient and bounded, and what is missing is never taken for normal."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.services import Ehr
from smart_app import http
from smart_app.fhir_server.chart import fhir_client
from smart_app.fhir_server.client import FhirClient
from smart_app.launch.launches import launch_of_job
from smart_app.upstream_errors import EhrError, ForeignAddressError
from tests.smart_app.charts import CHART, load, pain
from tests.smart_app.clinic import Browser, Clinic
from tests.smart_app.test_fhir_client import Answers, client, ok, page, server

FIRST = "/fhir/Observation?patient=ada"
ASKED = {"patient": "ada"}
PAINS = 7


@pytest.fixture
def reader(ehr: Ehr, clinic: Clinic, browser: Browser) -> FhirClient:
    """A client with a token of the real EHR, for a chart with seven pain scores."""
    load(ehr, *CHART, *(pain(value) for value in range(PAINS)))
    case = browser.open(patient="ada")
    launch = launch_of_job(clinic.services, case.split("/")[2])
    return fhir_client(clinic.services, launch)


@pytest.fixture
def other(ehr: Ehr) -> Iterator[tuple[str, list[str]]]:
    """Another server, and what was asked of it."""
    del ehr
    with server({}) as started:
        yield started


def found(*resources: object, **bundle: object) -> Any:  # noqa: ANN401
    """Search a server that answers with one page."""
    with server({FIRST: ok(page(*resources) | bundle)}) as (base, _):
        return client(base).search("Observation", ASKED, patient_id="ada")


def outcome(code: str, *, detail: str = "0", severity: str = "warning") -> object:
    details = {"coding": [{"code": detail}]}
    issue = {"severity": severity, "code": code, "details": details}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def test_parameters_that_a_server_does_not_know_are_left_out(
    ehr: Ehr, reader: FhirClient
) -> None:
    ehr.play("medplum")
    asked = ASKED | {"no-such-parameter": "1"}
    with pytest.raises(EhrError, match="400"):
        reader.search("Observation", asked, patient_id="ada")
    answer = reader.search("Observation", asked, patient_id="ada", otherwise=(ASKED,))
    assert (len(answer.resources), answer.is_complete) == (PAINS, True)


def test_epic_is_asked_in_the_way_that_it_understands(
    ehr: Ehr, reader: FhirClient
) -> None:
    ehr.play("epic")
    coded = ASKED | {"code": "http://loinc.org|72514-3"}
    with pytest.raises(EhrError, match="400"):
        reader.search("Observation", ASKED, patient_id="ada")
    answer = reader.search("Observation", ASKED, patient_id="ada", otherwise=(coded,))
    assert (len(answer.resources), answer.is_complete) == (PAINS, True)


def test_a_page_that_fails_makes_the_rest_partial(ehr: Ehr, reader: FhirClient) -> None:
    ehr.fault(path="Observation.*_offset=4", status=500)
    answer = reader.search("Observation", ASKED | {"_count": "2"}, patient_id="ada")
    assert (len(answer.resources), answer.is_complete) == (4, False)


def test_pages_without_an_end_are_left(ehr: Ehr, reader: FhirClient) -> None:
    ehr.play("hostile", trick="endless-paging")
    ehr.log()
    answer = reader.search("Observation", ASKED, patient_id="ada")
    assert not answer.is_complete
    assert len(ehr.log()) == 20


def test_a_page_on_another_server_is_not_asked_for(
    ehr: Ehr, reader: FhirClient, other: tuple[str, list[str]]
) -> None:
    ehr.play("hostile", trick="next-elsewhere", elsewhere=other[0])
    with pytest.raises(ForeignAddressError, match="another server"):
        reader.search("Observation", ASKED, patient_id="ada")
    assert other[1] == []


def test_a_body_beyond_all_measure_is_not_read_to_its_end(
    ehr: Ehr, reader: FhirClient
) -> None:
    ehr.play("hostile", trick="oversized")
    with pytest.raises(EhrError, match="OversizedBody"):
        reader.read("Patient", "ada")


@pytest.mark.parametrize(
    ("status", "said", "least_s"),
    [
        (429, "1", 1),
        (503, "in a moment", 0),
        (503, "Wed, 21 Oct 2015 07:28:00 GMT", 0),
        (429, "Thu, 31 Dec 2099 23:59:59 GMT", 1),
        (503, "86400", 1),
    ],
)
def test_a_busy_server_is_asked_again_when_it_says_so_within_reason(
    ehr: Ehr, reader: FhirClient, *, status: int, said: str, least_s: float
) -> None:
    busy = {"status": status, "headers": {"Retry-After": said}}
    ehr.fault(path="/Patient/ada", **busy)
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http, "MAX_RETRY_AFTER_S", 1)
        http.harden(reader._session, 5)  # noqa: SLF001 - with the shorter limit
    assert reader.read("Patient", "ada")["id"] == "ada"
    assert least_s <= time.monotonic() - began < least_s + 3


def test_a_body_that_never_ends_is_given_up() -> None:
    slow = server({"/fhir/Patient/ada": ok(b" " * 30)}, drop_s=0.1)
    with slow as (base, _), pytest.raises(EhrError, match="SlowBody"):
        client(base, timeout_s=0.2).read("Patient", "ada")


@pytest.mark.parametrize("modifier", ["modifierExtension", "implicitRules"])
def test_what_is_modified_in_an_unknown_way_is_not_used(modifier: str) -> None:
    deep = {**pain(1), "referenceRange": [{modifier: [{"url": "urn:x"}], "text": "x"}]}
    answer = found(pain(2), {**pain(3), modifier: "urn:x"}, deep)
    assert (len(answer.resources), answer.unreadable) == (1, 2)


def test_what_nobody_reads_may_be_broken() -> None:
    broken = {"text": {"status": 7}, "contained": [{}], "extension": "none"}
    value = {**pain(1)["valueQuantity"], "extension": [{"urn": 7}]}
    answer = found({**pain(1), **broken, "valueQuantity": value})
    assert (len(answer.resources), answer.unreadable) == (1, 0)


@pytest.mark.parametrize(
    ("said", "is_complete"),
    [
        (outcome("suppressed"), False),
        (outcome("incomplete", severity="information"), False),
        (outcome("processing", severity="fatal"), False),
        (outcome("informational", detail="4119"), False),
        (outcome("informational", detail="4101"), True),
        (outcome("not-found"), True),
    ],
)
def test_a_server_that_says_that_it_left_something_out_is_believed(
    said: object, *, is_complete: bool
) -> None:
    assert found(pain(1), said).is_complete is is_complete


@pytest.mark.parametrize(("total", "is_complete"), [(2, True), (3, False), ("3", True)])
def test_more_counted_than_sent_is_partial(total: object, *, is_complete: bool) -> None:
    foreign = {**pain(2), "subject": {"reference": "Patient/bob"}}
    assert found(pain(1), foreign, total=total).is_complete is is_complete


def test_an_outcome_in_place_of_a_search_is_no_empty_chart() -> None:
    answers: Answers = {FIRST: ok(outcome("informational"))}
    with server(answers) as (base, _), pytest.raises(EhrError, match="no Bundle"):
        client(base).search("Observation", ASKED, patient_id="ada")


def test_another_resource_than_the_one_that_was_asked_for_is_refused() -> None:
    answers: Answers = {"/fhir/Patient/ada": ok({"resourceType": "Patient", "id": "b"})}
    with server(answers) as (base, _), pytest.raises(EhrError, match="another"):
        client(base).read("Patient", "ada")


def test_the_standard_port_of_an_address_may_be_written_out() -> None:
    answers: Answers = {}
    with server(answers) as (base, _):
        host = base.removeprefix("http://")
        following = f"HTTP://{host}/fhir/Observation?page=2"
        answers[FIRST] = ok(page(pain(1), following=following))
        answers["/fhir/Observation?page=2"] = ok(page(pain(2)))
        answer = client(base).search("Observation", ASKED, patient_id="ada")
    assert len(answer.resources) == 2


@pytest.mark.parametrize("depth", [500, 100_000])
def test_json_without_a_bottom_is_no_answer(depth: int) -> None:
    deep = b'{"resourceType":"Patient","id":"ada","x":' + b"[" * depth + b"]" * depth
    answers: Answers = {"/fhir/Patient/ada": ok(deep + b"}")}
    with server(answers) as (base, _), pytest.raises(EhrError, match=r"EHR|Patient"):
        client(base).read("Patient", "ada")
