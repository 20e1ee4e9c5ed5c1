"""The rules can be read by anybody, every one of them, and no patient is near."""

import pytest
from flask.testing import FlaskClient

from inference.guidelines import TABLE
from smart_app.pages.guidelines import in_words
from tests.smart_app.clinic import Clinic


@pytest.fixture
def client(clinic: Clinic) -> FlaskClient:
    """A browser that never launched anything."""
    return clinic.app.test_client()


def test_every_row_condition_conflict_and_source_is_on_the_page(
    client: FlaskClient,
) -> None:
    answer = client.get("/guidelines")
    assert answer.status_code == 200
    text = answer.text
    assert f"Guideline rules {TABLE.version}" in text
    for rule in TABLE.rules:
        assert f'<tr id="{rule.id}">' in text
        assert rule.text in text
    for conflict in TABLE.conflicts:
        assert conflict.text in text
    for source in TABLE.sources.values():
        assert source.about in text
    for condition in TABLE.conditions.values():
        assert in_words(condition).replace("'", "&#39;") in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kidney", "chronic kidney disease, stage 3 or worse; or eGFR below 60 mL"),
        ("care_not_failed", "without lasting effect: known not to be so"),
        ("no_stenosis", "lumbar spinal stenosis: not recorded; and neurogenic"),
        ("older_or_unknown", "age 65 years or more; or age not recorded"),
        ("chronic", "duration of the back pain above 12 weeks"),
        ("narrow_canal", "a canal on the images that may be below 10 mm"),
        ("radiculopathy", "lumbar radiculopathy or sciatica"),
    ],
)
def test_conditions_are_said_in_words(name: str, words: str) -> None:
    assert words in in_words(TABLE.conditions[name])
