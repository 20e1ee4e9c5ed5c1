"""What is seeded can be found, chosen and read as the application does it."""

import pytest
from pydicom import Dataset

from fhir_mappings.gather import identity
from inference.dicom import identity_of, read_volume, select_series
from sandbox.people import PEOPLE
from sandbox.seed import LENT_IMAGES, has_real_images, seed_lent, seed_person
from sandbox.services import Archive, Ehr
from sandbox.studies import archive_client
from tests.sandbox.conftest import today

BY_KEY = {person.key: person for person in PEOPLE}


def stored_series(ehr: Ehr, archive: Archive) -> dict[str, list[Dataset]]:
    """Return the series of the only study in the chart, from the archive."""
    [study] = ehr.resources("ImagingStudy")
    study_uid = study["identifier"][0]["value"].removeprefix("urn:oid:")
    client = archive_client(archive)
    return {
        item["uid"]: client.retrieve_series(study_uid, item["uid"])
        for item in study["series"]
    }


def test_t2_series_is_chosen_before_t1(ehr: Ehr, archive: Archive) -> None:
    seed_person(BY_KEY["demo-axial"], ehr, archive, today=today())
    series = stored_series(ehr, archive)
    assert len(series) == 2
    chosen = select_series({uid: items[0] for uid, items in series.items()})
    assert series[chosen][0].SeriesDescription.startswith("T2")


def test_images_and_chart_name_the_same_patient(ehr: Ehr, archive: Archive) -> None:
    seed_person(BY_KEY["demo-radicular"], ehr, archive, today=today())
    [patient] = ehr.resources("Patient")
    [datasets] = stored_series(ehr, archive).values()
    assert identity_of(datasets[0]) == identity(patient)


def test_seeding_twice_changes_nothing(ehr: Ehr, archive: Archive) -> None:
    for _ in range(2):
        seed_person(BY_KEY["demo-red-flag"], ehr, archive, today=today())
    [study] = ehr.resources("ImagingStudy")
    [datasets] = stored_series(ehr, archive).values()
    assert study["numberOfInstances"] == len(datasets)


@pytest.mark.skipif(not has_real_images(), reason="no ../shared with SPIDER slices")
def test_real_slices_come_back_with_their_spacing(ehr: Ehr, archive: Archive) -> None:
    stem = next(iter(LENT_IMAGES))
    patient_id = seed_lent(stem, ehr, archive, today=today())
    [study] = ehr.resources("ImagingStudy")
    assert study["subject"]["reference"] == f"Patient/{patient_id}"
    assert "CC BY 4.0" in study["description"]
    [datasets] = stored_series(ehr, archive).values()
    spacing = read_volume(datasets).sagittal().geometry.spacing_mm
    assert spacing == pytest.approx([0.9, 0.46875, 0.46875])
