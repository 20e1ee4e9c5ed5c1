"""The newest usable lumbar MRI is analyzed, or the one that the EHR has open."""

from datetime import date

import pytest

from fhir_mappings.errors import NoImagingStudyError
from fhir_mappings.imaging import ImagingStudyRef, newest_lumbar_mri
from tests.fhir_mappings.charts import LOINC, PATIENT, SNOMED, Resource, imaging_study


def newest(*studies: Resource, preferred: str | None = None) -> str:
    return newest_lumbar_mri(studies, patient_id="1", preferred=preferred).reference


def said(**elements: object) -> Resource:
    """Return a study that says what it shows only by these elements."""
    silent = imaging_study()
    del silent["procedureCode"]
    return silent | elements


def test_a_study_is_found_with_its_uid_and_day() -> None:
    assert newest_lumbar_mri([imaging_study()], patient_id="1") == ImagingStudyRef(
        reference="ImagingStudy/12", study_uid="1.2.12", started=date(2026, 2, 28)
    )


def test_the_newest_wins_across_zones_and_undated_is_oldest() -> None:
    first = imaging_study("1", started="2026-03-01T01:00:00+05:30")
    second = imaging_study("2", started="2026-02-28T20:00:00Z")
    undated = imaging_study("3")
    del undated["started"]
    assert newest(undated, second, first) == "ImagingStudy/2"
    assert newest_lumbar_mri([undated], patient_id="1").started is None


@pytest.mark.parametrize(
    "evidence",
    [
        {"description": "MRI LUMBAR SPINE WO"},
        {"description": "MR L-Spine"},
        {"description": "MR L spine"},
        {"description": "MR LS-spine"},
        {"description": "MRT LWS nativ"},
        {"procedureCode": [{"text": "Lumbosacral MRI"}]},
        {"procedureCode": [{"coding": [{"code": "x", "display": "MR Lumbar"}]}]},
        {"procedureCode": [{"coding": [{"system": LOINC, "code": "24968-0"}]}]},
        {
            "series": [
                {"uid": "1.2", "modality": {"code": "MR"}, "description": "lumb sag"}
            ]
        },
        {
            "series": [
                {
                    "uid": "1.2",
                    "modality": {"code": "MR"},
                    "bodySite": {"system": SNOMED, "code": "122496007"},
                }
            ]
        },
    ],
)
def test_a_study_may_say_in_many_places_that_it_is_lumbar(evidence: Resource) -> None:
    assert newest(said(**evidence)) == "ImagingStudy/12"


@pytest.mark.parametrize(
    "unusable",
    [
        said(),
        said(description="MRI cervical spine"),
        said(description="MRI knee"),
        said(procedureCode=[{"coding": [{"system": "urn:x", "code": "24968-0"}]}]),
        imaging_study(modality=[{"code": "CT"}]),
        imaging_study(status="cancelled"),
        imaging_study(status="entered-in-error"),
        imaging_study(subject={"reference": "Patient/2"}),
        imaging_study(identifier=[{"value": "1.2.3"}]),
        imaging_study(identifier=[{"system": "urn:dicom:uid", "value": "urn:oid:x"}]),
        imaging_study(id=""),
        imaging_study(modality="MR"),
        PATIENT,
    ],
)
def test_what_cannot_be_used_is_refused_with_advice(unusable: Resource) -> None:
    with pytest.raises(NoImagingStudyError, match="none of 1 studies") as raised:
        newest(unusable)
    assert "Nothing was analyzed" in raised.value.advice


def test_the_modality_may_stand_in_the_series_only() -> None:
    study = imaging_study(series=[{"uid": "1.2", "modality": {"code": "MR"}}])
    del study["modality"]
    assert newest(study) == "ImagingStudy/12"


def test_nulls_in_a_study_are_absent_elements() -> None:
    study = imaging_study(description=None, series=[None], started=None)
    assert newest(study) == "ImagingStudy/12"


def test_a_bare_uid_is_understood() -> None:
    bare = [{"system": "urn:dicom:uid", "value": "1.2.3"}]
    study = imaging_study(identifier=[{"value": "ACC-1"}, *bare])
    assert newest_lumbar_mri([study], patient_id="1").study_uid == "1.2.3"


@pytest.mark.parametrize(
    "preferred", ["ImagingStudy/1", "https://ehr.example/fhir/ImagingStudy/1"]
)
def test_the_open_study_is_taken_before_a_newer_one(preferred: str) -> None:
    opened = imaging_study("1", started="2020-01-01T00:00:00Z")
    assert newest(opened, imaging_study("2"), preferred=preferred) == "ImagingStudy/1"


def test_the_open_study_may_be_silent_on_what_it_shows() -> None:
    assert newest(said(), preferred="ImagingStudy/12") == "ImagingStudy/12"


@pytest.mark.parametrize(
    "opened",
    [said(description="MRI knee", id="1"), imaging_study("1", status="cancelled")],
)
def test_an_open_study_that_cannot_be_used_is_not_exchanged(opened: Resource) -> None:
    with pytest.raises(NoImagingStudyError, match="none of 2 studies"):
        newest(opened, imaging_study("2"), preferred="ImagingStudy/1")
