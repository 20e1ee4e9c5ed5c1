"""Only an adult with a lumbar MRI and low back pain is a reason for a card."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings import cds_cards
from fhir_mappings.site_codes import site_codes
from inference.results import Flag
from tests.fhir_mappings.charts import (
    PATIENT,
    Resource,
    condition,
    imaging_study,
    status,
)

TODAY = date(2026, 3, 31)
PAIN = condition("279039007")


def searchset(*resources: Any) -> Resource:  # noqa: ANN401
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


def prefetch(**changes: Any) -> Resource:  # noqa: ANN401
    usual = {
        "patient": PATIENT,
        "conditions": searchset(PAIN),
        "imagingStudies": searchset(imaging_study()),
    }
    return {**usual, **changes}


def has_reason(answers: Resource, patient_id: str = "1") -> bool:
    return cds_cards.has_reason(answers, patient_id=patient_id, today=TODAY)


def test_an_mri_and_back_pain_are_a_reason() -> None:
    assert has_reason(prefetch())


@pytest.mark.parametrize(
    "pain",
    [
        condition("278860009"),
        condition("M54.50", system="http://hl7.org/fhir/sid/icd-10-cm"),
        {k: v for k, v in PAIN.items() if k != "clinicalStatus"},
    ],
)
def test_back_pain_is_what_the_app_takes_for_it(pain: Resource) -> None:
    assert has_reason(prefetch(conditions=searchset(pain)))


@pytest.mark.parametrize(
    "changes",
    [
        {"patient": None},
        {"conditions": None},
        {"imagingStudies": None},
        {"conditions": searchset()},
        {"imagingStudies": searchset()},
        {"conditions": {"resourceType": "OperationOutcome"}},
        {"conditions": searchset(condition("73211009"))},  # diabetes
        {"conditions": searchset(condition("279039007", subject={"reference": "x/2"}))},
        {
            "conditions": searchset(
                condition("279039007", verificationStatus=status("entered-in-error"))
            )
        },
        {
            "conditions": searchset(
                condition("279039007", verificationStatus=status("refuted"))
            )
        },
        {
            "conditions": searchset(
                condition("279039007", clinicalStatus=status("resolved"))
            )
        },
        {"imagingStudies": searchset(imaging_study(status="entered-in-error"))},
        {"imagingStudies": searchset(imaging_study(modality=[{"code": "CT"}]))},
        {
            "imagingStudies": searchset(
                imaging_study(procedureCode=[{"text": "MRI brain"}])
            )
        },
        {
            "imagingStudies": searchset(
                imaging_study(subject={"reference": "Patient/2"})
            )
        },
        {"patient": {**PATIENT, "id": "2"}},
        {"patient": {**PATIENT, "birthDate": "2010-01-01"}},  # 16 years
        {"patient": {**PATIENT, "birthDate": "nonsense"}},
    ],
)
def test_without_one_of_them_there_is_no_reason(changes: Resource) -> None:
    assert not has_reason(prefetch(**changes))


def test_a_chart_of_another_patient_than_the_open_one_is_no_reason() -> None:
    assert not has_reason(prefetch(), patient_id="2")


def test_a_site_s_own_code_for_back_pain_counts() -> None:
    site = site_codes(
        {"flags": {"urn:site|LBP": Flag.LOW_BACK_PAIN.value}}, fields=frozenset()
    )
    local = prefetch(conditions=searchset(condition("LBP", system="urn:site")))
    assert not has_reason(local)
    assert cds_cards.has_reason(local, patient_id="1", today=TODAY, site=site)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["entry", "resource", "resourceType", "id", "code", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(answer=JSON, key=st.sampled_from(["conditions", "imagingStudies"]))
def test_no_answer_of_a_client_breaks_the_reading(answer: Any, key: str) -> None:  # noqa: ANN401
    assert not has_reason(prefetch(**{key: answer}))


@given(
    st.permutations(
        [PAIN, condition("73211009", id="32"), {"resourceType": ["x"]}, None]
    )
)
def test_the_order_and_other_entries_change_nothing(resources: list[Any]) -> None:
    assert has_reason(prefetch(conditions=searchset(*resources)))


def test_the_card_says_that_it_is_research_software_and_opens_the_app() -> None:
    card = cds_cards.card(
        card_id="c-1", launch_url="https://a.example/launch", home_url="https://a"
    )
    (link,) = card["links"]
    assert (link["type"], link["url"]) == ("smart", "https://a.example/launch")
    assert card["indicator"] == "info"
    assert len(card["summary"]) < 140
    for text in (card["summary"], card["detail"], link["label"]):
        assert "research software" in text.lower()


def test_a_card_says_nothing_of_the_chart() -> None:
    card = cds_cards.card(card_id="c-1", launch_url="https://a", home_url="https://a")
    assert not any(
        value in json.dumps(card) for value in ("Nowak", "MRN-7", "1961", "ImagingSt")
    )


def test_only_the_patient_and_two_searches_are_asked_for() -> None:
    assert cds_cards.service()["prefetch"] == {
        "patient": "Patient/{{context.patientId}}",
        "conditions": "Condition?patient={{context.patientId}}&_count=100",
        "imagingStudies": "ImagingStudy?patient={{context.patientId}}&_count=100",
    }
