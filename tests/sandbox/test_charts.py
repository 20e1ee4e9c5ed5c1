"""The demo's charts are valid R4 and say what the demo needs."""

from datetime import date

import pytest

from sandbox.charts import birth_date, chart
from sandbox.people import PEOPLE, Person
from sandbox.services import Ehr

TODAY = date(2026, 4, 16)


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.key)
def test_ehr_accepts_every_chart(ehr: Ehr, person: Person) -> None:
    bundle = chart(person, today=TODAY)
    ehr.load(bundle)
    stored = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert stored >= {"Patient", "Encounter", "Condition", "Observation"}
    assert len(ehr.resources("Condition")) == len(person.problems)


def test_charts_do_not_share_ids() -> None:
    ids = [
        entry["request"]["url"]
        for person in PEOPLE
        for entry in chart(person, today=TODAY)["entry"]
        if "Practitioner" not in entry["request"]["url"]
    ]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("today", [date(2026, 4, 16), date(2026, 4, 17)])
def test_age_holds_on_both_sides_of_the_birthday(today: date) -> None:
    person = PEOPLE[0]
    born = birth_date(person, today=today)
    had_birthday = (today.month, today.day) >= (born.month, born.day)
    assert today.year - born.year - (not had_birthday) == person.age_years


def test_one_patient_has_no_images() -> None:
    assert [person.key for person in PEOPLE if not person.has_mri] == ["demo-no-images"]
