"""The whole product, real in every part: from a click in the EHR to its chart."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from fhir_mappings.codes import PLAN_OF_CARE_NOTE
from inference.geometry.midsagittal import mid_sagittal
from inference.levels.naming import name_levels
from inference.measurements.measure import measure
from inference.results import LevelMeasurement
from inference.training.data import spider_slices
from inference.training.evaluation import patient_volume, reference_segmentation
from sandbox.people import PEOPLE
from sandbox.seed import (
    LENT_IMAGES,
    SHARED,
    has_real_images,
    seed_lent,
    seed_person,
)
from sandbox.services import App, Archive, Ehr
from sandbox.studies import archive_client
from sandbox.walk import Resource, walk
from tests.sandbox.conftest import today

ANALYSIS_TIMEOUT_MS = 180_000
READERS_DIFFER_MM = 2.6  # limit of agreement, doi:10.1186/2045-709X-21-26


def test_a_clinician_clicks_reads_signs_and_finds_it_in_the_chart(
    app: App, ehr: Ehr, archive: Archive, chromium: Browser
) -> None:
    person = PEOPLE[0]
    seed_person(person, ehr, archive, today=today())
    page = chromium.new_page()
    page.goto(ehr.origin)
    page.get_by_role("button", name=f"Launch SPOILS for {person.family}").click()
    page.wait_for_url(f"{app.url}/cases/**")
    report = page.get_by_role("heading", name="Lumbar MRI report")
    expect(report).to_be_visible(timeout=ANALYSIS_TIMEOUT_MS)
    expect(page.get_by_role("row").filter(has_text="L4/L5")).to_have_count(1)
    expect(page.get_by_text("not a cleared device").first).to_be_visible()
    assert ehr.resources("CarePlan") == []
    page.get_by_role("checkbox", name="I have checked").check()
    page.get_by_role("button", name="Sign").click()
    expect(page.get_by_text("Signed and in the chart")).to_be_visible()
    stored = page.get_by_text("are in the image archive, in the same study")
    expect(stored).to_be_visible(timeout=ANALYSIS_TIMEOUT_MS)  # the page follows
    expect(page.get_by_role("link", name="DocumentReference/")).to_have_count(2)
    (study,) = ehr.resources("ImagingStudy")
    study_uid = study["identifier"][0]["value"].removeprefix("urn:oid:")
    series = archive_client(archive).search_for_series(study_uid)
    modalities = {item["00080060"]["Value"][0] for item in series}
    assert modalities >= {"MR", "SEG", "SR"}
    page.goto(f"{ehr.origin}/charts/{person.key}")
    expect(page.get_by_text("Pfirrmann grade").first).to_be_visible()
    assert len(ehr.resources("CarePlan")) == 1
    page.close()


@pytest.mark.parametrize(
    ("personality", "plan", "is_exact"),
    [
        ("medplum", "CarePlan", True),
        ("epic", "DocumentReference", True),
        ("oracle", "DocumentReference", False),
    ],
)
def test_every_documented_ehr_gets_as_much_as_it_takes(  # noqa: PLR0913
    app: App, ehr: Ehr, archive: Archive, personality: str, plan: str, *, is_exact: bool
) -> None:
    person = PEOPLE[0]
    seed_person(person, ehr, archive, today=today())
    ehr.play(personality)
    assert app.url
    outcome = walk(ehr, person.key, say=print)
    assert (outcome.differences == ()) is is_exact
    (held,) = plans(outcome.written, plan)
    assert len(plans(ehr.resources(plan), plan)) == 1
    assert held["subject"]["reference"] == f"Patient/{person.key}"


def plans(resources: Sequence[Resource], resource_type: str) -> list[Resource]:
    """Return the plans as that type; other documents lead to the archive."""
    found = [item for item in resources if item["resourceType"] == resource_type]
    if resource_type == "DocumentReference":
        return [item for item in found if PLAN_OF_CARE_NOTE in item["type"]["coding"]]
    return found


@pytest.mark.skipif(not has_real_images(), reason="no SPIDER slices in ../shared")
@pytest.mark.parametrize("stem", LENT_IMAGES)
def test_a_real_spine_arrives_in_the_chart_as_a_reader_outlined_it(
    app: App, ehr: Ehr, archive: Archive, stem: str
) -> None:
    patient_id = seed_lent(stem, ehr, archive, today=today())
    assert app.url
    outcome = walk(ehr, patient_id, say=print)
    assert outcome.differences == ()
    written = outcome.written
    outlined = reference_levels(SHARED / "data" / "spider", LENT_IMAGES[stem])
    differences = [
        abs(height_mm(written, str(level.level)) - level.disc_height_mm)
        for level in outlined
        if level.disc_height_mm is not None
    ]
    assert len(differences) == len(outlined)
    assert max(differences) < READERS_DIFFER_MM


def reference_levels(spider: Path, patient: str) -> tuple[LevelMeasurement, ...]:
    """What is measured on the reference masks of a SPIDER patient."""
    slices = [
        item for item in spider_slices(spider / "t2space") if item.patient == patient
    ]
    volume, masks = patient_volume(slices), reference_segmentation(slices)
    plane = mid_sagittal(volume, masks)
    return measure(plane, name_levels(plane), masks).levels


def height_mm(written: tuple[Resource, ...], level: str) -> float:
    [value] = [
        float(item["valueQuantity"]["value"])
        for item in written
        if item.get("code", {}).get("text") == "Intervertebral disc height"
        and item["bodySite"]["text"].startswith(level)
    ]
    return value
