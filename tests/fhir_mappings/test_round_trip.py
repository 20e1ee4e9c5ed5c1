"""What is written to a real FHIR server is there, whole, and is found again."""

from dataclasses import replace
from datetime import date

import pytest

from fhir_mappings.bundle import (
    full_url,
    key,
    report_resources,
    resolve,
    transaction,
)
from fhir_mappings.comparison import differences
from fhir_mappings.gather import clinical_features
from fhir_mappings.write_context import NEEDED_TYPES, OPTIONAL_TYPES
from inference.results import TreatmentKind
from sandbox.charts import chart
from sandbox.people import PEOPLE, Person
from sandbox.services import Ehr
from tests.fhir_mappings.charts import Resource
from tests.fhir_mappings.reports import ANSWERS, CONTEXT, REPORT
from tests.validation import errors

RESOURCES = report_resources(replace(REPORT, answers=ANSWERS), CONTEXT)
TYPES = (*NEEDED_TYPES, *OPTIONAL_TYPES)


def stored(ehr: Ehr) -> dict[str, Resource]:
    """Return what we wrote, by key."""
    return {key(r): r for kind in TYPES for r in ehr.resources(kind)}


def test_a_transaction_is_stored_whole(ehr: Ehr) -> None:
    ehr.load(transaction(RESOURCES, existing={}))
    found = stored(ehr)
    ids = {k: f"{r['resourceType']}/{r['id']}" for k, r in found.items()}
    references = {full_url(r): ids[key(r)] for r in RESOURCES}
    for resource in RESOURCES:
        assert not differences(resolve(resource, references), found[key(resource)])
    assert not errors(*found.values())


def test_what_is_stored_is_not_sent_again(ehr: Ehr) -> None:
    ehr.load(transaction(RESOURCES[:4], existing={}))
    ids = {k: f"{r['resourceType']}/{r['id']}" for k, r in stored(ehr).items()}
    ehr.load(transaction(RESOURCES, existing=ids))
    assert stored(ehr).keys() == {key(resource) for resource in RESOURCES}
    assert sum(len(ehr.resources(kind)) for kind in TYPES) == len(RESOURCES)


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.key)
def test_the_charts_of_the_demo_are_read_without_loss(person: Person) -> None:
    today = date(2026, 3, 31)
    resources = [e["resource"] for e in chart(person, today=today)["entry"]]
    patient = next(r for r in resources if r["resourceType"] == "Patient")
    features = clinical_features(patient, resources, today=today)
    values = (
        *(features.pain_nrs, features.odi_percent),
        *(features.bmi_kg_m2, features.egfr_ml_min),
    )
    assert [value.value for value in values if value] == [
        *(person.pain_nrs, person.odi_percent),
        *(person.bmi_kg_m2, person.egfr_ml_min),
    ]
    assert (features.age_years, features.sex) == (person.age_years, person.gender)
    assert len(features.conditions) == len(person.problems)
    tried = features.weeks_tried(TreatmentKind.EXERCISE)
    assert tried == (person.therapy_weeks or None)
    assert features.unreadable == 0
