"""The pages in a real browser: live progress, report, signature, and no script."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from fhir_mappings.bundle import report_resources
from inference.results import ClinicalFeatures
from sandbox.services import Ehr
from tests.fhir_mappings.reports import CONTEXT
from tests.smart_app.reports import REPORT

JUDGED = replace(REPORT, features=ClinicalFeatures())
WRITTEN = Counter(r["resourceType"] for r in report_resources(JUDGED, CONTEXT))
WAIT_MS = 20_000


@pytest.fixture
def page(chromium: Chromium, url: str) -> Iterator[Page]:
    """A page in a fresh profile that must not complain on its console."""
    del url  # the application outlives the page, which may still load something
    context = chromium.new_context()
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def launch(page: Page, ehr: Ehr, url: str, **context: str) -> None:
    handle = ehr.launch(user="Practitioner/doc", **context)
    page.goto(f"{url}/launch?iss={handle['iss']}&launch={handle['launch']}")


def open_report(page: Page, ehr: Ehr, url: str) -> None:
    launch(page, ehr, url, patient="ada")
    page.wait_for_selector(".viewer", timeout=WAIT_MS)


def test_the_progress_page_becomes_the_report_by_itself(
    page: Page, hospital: Ehr, url: str
) -> None:
    hospital.fault(path="/Condition", delay_ms=4000)
    launch(page, hospital, url, patient="ada")
    page.wait_for_selector("li[data-state=current] >> text=Reading the chart")
    assert "Ada Maria Example" in page.inner_text(".patient")
    page.wait_for_selector(".viewer", timeout=WAIT_MS)
    assert "Research use, not a cleared device" in page.inner_text(".research")


def test_structures_can_be_hidden_and_are_named_for_those_who_cannot_see(
    page: Page, hospital: Ehr, url: str
) -> None:
    open_report(page, hospital, url)
    disc = page.get_by_role("img", name="L4/L5 disc, height 7.3 mm")
    assert disc.is_visible()
    page.uncheck("#show-disc")
    assert not disc.is_visible()
    assert page.get_by_role("img", name="L4 vertebra").is_visible()


def test_calipers_are_shown_on_demand_and_all_of_a_level_with_its_row(
    page: Page, hospital: Ehr, url: str
) -> None:
    open_report(page, hospital, url)
    height, front = page.locator(".caliper").all()
    assert height.text_content() == "L4/L5: disc height, mean 7.3 ± 1.2 mm"
    assert not height.is_visible()
    page.check("#show-calipers")
    assert height.is_visible()
    assert not front.is_visible()
    page.hover("tr[data-name='L4/L5'] th")
    assert front.is_visible()


def test_what_was_not_measured_says_so(page: Page, hospital: Ehr, url: str) -> None:
    open_report(page, hospital, url)
    cells = page.locator("tr[data-name='L1/L2'] td").all_inner_texts()
    unmeasured = [*["unknown"] * 6, "not assessed", *["unknown"] * 2]
    assert cells == ["not assessed", "not graded", *unmeasured]
    cells = page.locator("tr[data-name='L4/L5'] td").all_inner_texts()
    values = [cell.split("\n")[0] for cell in cells]
    assert values[:3] == ["mild to severe", "IV (71 %)", "7.3"]
    assert values[3:8] == ["33.0", "12,340", "0.26", "0.50", "9.0"]
    assert values[8:] == ["absolute", "27.4", "35.1"]
    overall = "Spondylosis, worst level: mild to severe, without L1/L2, L2/L3"
    assert overall in page.inner_text(".levels")


def test_a_value_stands_beside_what_is_usual_and_where_that_comes_from(
    page: Page, hospital: Ehr, url: str
) -> None:
    open_report(page, hospital, url)
    row = page.locator("tr[data-name='L4/L5'] td")
    height, signal, canal = (row.nth(index) for index in (2, 6, 7))
    assert "\N{EN DASH}" in height.locator(".usual").inner_text()
    about = height.locator(".usual").get_attribute("title")
    assert about is not None
    assert about.startswith("Percentile ")
    assert "doi:10.1038/s41597-024-03090-w" in about
    assert signal.locator(".usual").count() == 0
    assert canal.locator(".usual").inner_text() == "≥ 10.0 *"
    page.click("text=Who the small numbers are of")
    assert page.is_visible(".levels li >> text=patients seen for low back pain")


def test_grades_say_how_far_to_trust_them_and_which_model_gave_them(
    page: Page, hospital: Ehr, url: str
) -> None:
    open_report(page, hospital, url)
    caption = page.locator(".levels .hint", has_text="Pfirrmann").inner_text()
    assert "trained on SPIDER" in caption
    assert "kappa of about 0.6 (Niemeyer 2021" in caption
    assert "pfirrmann-trees 1.1 (SHA-256 cdcdcd" in page.inner_text(".origin")


def test_findings_of_the_discs_are_folded_away_and_say_what_was_not_assessed(
    page: Page, hospital: Ehr, url: str
) -> None:
    open_report(page, hospital, url)
    table = page.get_by_role("region", name="Findings of the discs")
    assert not table.is_visible()
    page.click("text=Findings of the discs: how likely")
    assert table.locator("th[scope=col]").nth(1).inner_text() == "Narrowing"
    narrowing, bulging, herniation = table.locator("tbody td").all_inner_texts()[:3]
    assert (narrowing, bulging, herniation) == ("93 %", "not assessed", "2 %")


def test_an_uncertain_outline_is_marked_in_the_table_and_on_the_picture(
    page: Page, hospital: Ehr, url: str
) -> None:
    open_report(page, hospital, url)
    assert page.locator("tr .uncertain").all_inner_texts() == [
        "outline uncertain: check disc"
    ]
    marked = page.locator(".shape.uncertain")
    assert marked.get_attribute("data-name") == "L4/L5"
    assert "outline uncertain: check" in (marked.get_attribute("aria-label") or "")


def test_outcomes_stand_apart_with_their_limits(
    page: Page, hospital: Ehr, url: str
) -> None:
    open_report(page, hospital, url)
    page.click("#outcomes-title")
    shown = page.inner_text("#outcomes")
    assert "This does not say whether to operate" in shown
    assert "Satisfied\n72 % average 50 %" in shown
    assert "Pain gone\n21 to 36 % average 50 %" in shown
    assert "Not known, and not filled in: back pain, 0 to 10; unemployed." in shown
    assert "17,645 patients who were operated for lumbar spinal stenosis" in shown
    assert "72 %" not in page.inner_text(".suggestion >> nth=0")


def test_the_treatment_model_stands_apart_folded_and_says_what_it_learned_from(
    page: Page, hospital: Ehr, url: str
) -> None:
    open_report(page, hospital, url)
    folded = page.inner_text("#treatment")
    assert "No single suggestion: at 90 % it could be exercise therapy or" in folded
    assert "Trained on a synthetic cohort." in folded
    assert "leg pain outweighs" not in folded
    page.click("#treatment-title")
    shown = page.inner_text("#treatment")
    assert "It is no order, no part of the plan and no guideline." in shown
    assert "Exercise therapy\n52 % in the set at 90 %; suggested by the" in shown
    assert "leg pain outweighs back pain: lowers exercise therapy" in shown
    assert "The 50 most similar synthetic patients: exercise therapy 60 %." in shown
    assert "leg pain (exercise therapy 31 % to 60 %; could make" in shown


def test_the_rules_can_be_read_from_the_report(
    page: Page, hospital: Ehr, url: str
) -> None:
    open_report(page, hospital, url)
    page.click("text=the guideline rules")
    page.wait_for_selector("h2 >> text=Guideline rules")
    page.set_viewport_size({"width": 320, "height": 640})  # WCAG 2.1, 1.4.10
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_signing_needs_the_checkbox_and_then_shows_what_is_in_the_chart(
    page: Page, hospital: Ehr, url: str
) -> None:
    open_report(page, hospital, url)
    assert f"{WRITTEN['Observation']} Observations" in page.inner_text(".counts")
    page.click(".signature button")
    assert page.locator("input[name=confirm]:invalid").count() == 1  # nothing was sent
    assert not hospital.resources("CarePlan")
    page.check("input[name=confirm]")
    page.click(".signature button")
    page.wait_for_selector("text=The EHR returns exactly what was sent")
    page.click("text=Resources in the chart")
    assert page.locator("a.written").count() == WRITTEN.total()
    assert "is in the chart" in page.inner_text(".research")


def test_everything_works_without_script(
    chromium: Chromium, hospital: Ehr, url: str
) -> None:
    with chromium.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        launch(page, hospital, url, patient="ada")
        page.wait_for_selector(".viewer", timeout=WAIT_MS)
        page.check("input[name=confirm]")
        page.click(".signature button")
        page.wait_for_selector("text=Signed and in the chart")


def test_no_column_is_hidden_on_a_usual_screen(
    page: Page, hospital: Ehr, url: str
) -> None:
    page.set_viewport_size({"width": 1280, "height": 860})
    open_report(page, hospital, url)
    width, shown = page.evaluate(
        "(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])"
        "(document.querySelector('.levels .scroll'))"
    )
    assert width <= shown


def test_a_narrow_window_scrolls_in_one_direction_only(
    page: Page, hospital: Ehr, url: str
) -> None:
    page.set_viewport_size({"width": 320, "height": 640})  # WCAG 2.1, 1.4.10
    open_report(page, hospital, url)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
