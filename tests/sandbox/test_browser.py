"""The patient list in a real browser: Debian's Chromium, without a display."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.charts import chart
from sandbox.people import PEOPLE
from sandbox.services import App, Ehr
from tests.sandbox.conftest import today


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    opened = chromium.new_page()
    yield opened
    opened.close()


def test_button_leads_to_the_case_of_the_patient(
    app: App, ehr: Ehr, page: Page
) -> None:
    for person in PEOPLE:
        ehr.load(chart(person, today=today()))
    page.goto(ehr.origin)
    expect(page.get_by_role("listitem")).to_have_count(len(PEOPLE))
    expect(page.get_by_text("Every person here is synthetic")).to_be_visible()
    page.get_by_role("button", name="Launch SPOILS for Morrow, Edith").click()
    page.wait_for_url(f"{app.url}/cases/**")
    expect(page.locator("body")).to_contain_text("Morrow")


def test_chart_lists_what_is_on_file(ehr: Ehr, page: Page) -> None:
    person = PEOPLE[0]
    ehr.load(chart(person, today=today()))
    page.goto(f"{ehr.origin}/charts/{person.key}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ahlgren, Marta")
    pain = page.get_by_role("row").filter(has_text="Pain, 0 to 10")
    expect(pain.get_by_role("cell").nth(2)).to_have_text("5")
    pain.get_by_role("link").click()
    expect(page.locator("body")).to_contain_text('"resourceType":"Observation"')
