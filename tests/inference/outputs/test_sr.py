"""The measurements are a report that others can read, each with its segment."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from highdicom.sr import Comprehensive3DSR, MeasurementReport, srread
from pydicom import dcmread

from inference.outputs.folder import MEASUREMENTS, SEGMENTATION
from inference.outputs.quantities import SPINE, values
from inference.outputs.sr import Verifier, measurement_object
from inference.results import Level, SpineMeasurement
from tests.inference.outputs.conftest import CREATED, Save, Written
from tests.inference.outputs.readers import complaints, dsrdump, tid1500

Groups = list[dict[str, Any]]


@pytest.fixture(scope="module")
def groups(written: Written, tmp_path_factory: pytest.TempPathFactory) -> Groups:
    """The measurement groups as dcmqi reads them."""
    path = written.folder / MEASUREMENTS
    found: Groups = tid1500(path, tmp_path_factory.mktemp("sr"))["Measurements"]
    return found


def group_of(groups: Groups, name: str) -> dict[str, Any]:
    return next(item for item in groups if item["TrackingIdentifier"] == name)


def test_dicom3tools_has_no_complaint(written: Written) -> None:
    assert complaints(written.folder / MEASUREMENTS) == []


def test_dcmtk_prints_it_whole(written: Written) -> None:
    printed = dsrdump(written.folder / MEASUREMENTS)
    assert '(126000,DCM,"Imaging Measurement Report")' in printed
    assert '(24968-0,LN,"MR Lumbar spine")' in printed
    assert "VERIFIED" in printed


def test_highdicom_reads_it_as_template_1500(written: Written) -> None:
    read = srread(written.folder / MEASUREMENTS)
    assert isinstance(read, Comprehensive3DSR)
    content = read.content
    assert isinstance(content, MeasurementReport)
    found = content.get_volumetric_roi_measurement_groups()
    assert {group.reference_type.meaning for group in found} == {"Referenced Segment"}


def test_every_measured_value_is_in_it_once(written: Written, groups: Groups) -> None:
    expected = Counter(
        (item.value, item.quantity.unit.ucum)
        for item in values(written.report)
        if item.value is not None
    )
    found = Counter(
        (float(item["value"]), item["units"]["CodeValue"])
        for group in groups
        for item in group.get("measurementItems", ())
    )
    assert found == expected


def test_every_group_of_one_structure_refers_to_the_segment_that_it_measures(
    written: Written, groups: Groups
) -> None:
    segmentation = dcmread(written.folder / SEGMENTATION)
    types = {
        item.SegmentNumber: item.SegmentedPropertyTypeCodeSequence[0].CodeValue
        for item in segmentation.SegmentSequence
    }
    for group in groups:
        if group["TrackingIdentifier"] == SPINE:
            continue  # the lordosis is of no single structure
        assert group["segmentationSOPInstanceUID"] == segmentation.SOPInstanceUID
        assert types[group["ReferencedSegment"]] == group["Finding"]["CodeValue"]


def test_no_two_values_of_a_group_have_the_same_name(groups: Groups) -> None:
    for group in groups:
        names = [
            item["quantity"]["CodeValue"] for item in group.get("measurementItems", ())
        ]
        assert len(set(names)) == len(names)


def test_segment_and_group_track_the_same_structure(
    written: Written, groups: Groups
) -> None:
    segmentation = dcmread(written.folder / SEGMENTATION)
    tracked = {
        item.SegmentLabel: item.TrackingUID for item in segmentation.SegmentSequence
    }
    group = next(item for item in groups if item["TrackingIdentifier"] == "L4/L5")
    assert group["TrackingUniqueIdentifier"] == tracked["L4/L5"]


def test_the_canal_is_measured_at_a_level(groups: Groups) -> None:
    group = next(
        item for item in groups if item["TrackingIdentifier"] == "canal at L4/L5"
    )
    assert group["Finding"]["CodeValue"] == "61853006"
    assert group["FindingSite"]["CodeMeaning"] == "Level of L4/L5 intervertebral disc"


def test_grades_are_coded_and_name_their_own_model(
    written: Written, groups: Groups
) -> None:
    grades = {
        group["TrackingIdentifier"]: group["qualitativeEvaluations"][0]["conceptValue"]
        for group in groups
        if group["measurementAlgorithmIdentification"]["AlgorithmName"]
        == written.report.grading_model.name
    }
    assert {level: code["CodeValue"] for level, code in grades.items()} == {
        item.level: f"pfirrmann-{item.pfirrmann}" for item in written.report.gradings
    }


def test_uncertainty_has_the_unit_of_its_value(written: Written) -> None:
    printed = dsrdump(written.folder / MEASUREMENTS)
    assert (
        '"+, range of upper measurement uncertainty")="0.46" (mm,UCUM,"mm")' in printed
    )


def test_our_coding_scheme_is_defined_in_the_object(written: Written) -> None:
    read = dcmread(written.folder / MEASUREMENTS)
    (scheme,) = read.CodingSchemeIdentificationSequence
    assert scheme.CodingSchemeDesignator == "99SPOILS"
    assert scheme.CodingSchemeUID.startswith("2.25.")


def test_the_same_content_gives_the_same_bytes(written: Written, save: Save) -> None:
    again = measurement_object(
        written.report, written.source, written.segmentation, CREATED
    )
    path = save(again, "again.dcm")
    assert path.read_bytes() == (written.folder / MEASUREMENTS).read_bytes()


def test_another_value_gives_another_object(written: Written) -> None:
    first, *others = written.report.levels
    changed = replace(
        written.report, levels=(replace(first, disc_height_mm=9.99), *others)
    )
    again = measurement_object(changed, written.source, written.segmentation, CREATED)
    assert again.SOPInstanceUID != dcmread(written.folder / MEASUREMENTS).SOPInstanceUID


def test_nobody_vouches_for_it_until_somebody_signs(
    written: Written, save: Save
) -> None:
    unsigned = dcmread(written.folder / MEASUREMENTS)
    assert (unsigned.VerificationFlag, unsigned.PreliminaryFlag) == (
        "UNVERIFIED",
        "PRELIMINARY",
    )
    verifier = Verifier(name="Example^Erin", organization="Example clinic")
    signed = measurement_object(
        written.report, written.source, written.segmentation, CREATED, verifier
    )
    path = save(signed, "signed.dcm")
    assert complaints(path) == []
    assert (signed.VerificationFlag, signed.PreliminaryFlag) == ("VERIFIED", "FINAL")
    assert signed.SOPInstanceUID != unsigned.SOPInstanceUID
    observer = dcmread(path).VerifyingObserverSequence[0]
    assert observer.VerificationDateTime == "20260301123000+0000"


def test_values_of_the_whole_spine_have_a_group(
    written: Written, save: Save, tmp_path: Path
) -> None:
    spine = SpineMeasurement(lordosis_degrees=-3.14, smallest_canal_mm=9.5)
    report = replace(written.report, spine=spine)
    made = measurement_object(report, written.source, written.segmentation, CREATED)
    path = save(made, "spine.dcm")
    assert complaints(path) == []
    assert "-3.1" in dsrdump(path)
    found = tid1500(path, tmp_path)["Measurements"]
    names = {group["TrackingIdentifier"] for group in found}
    assert f"canal at {SPINE}" in names


def test_what_was_not_measured_is_not_in_it(written: Written) -> None:
    first, *others = written.report.levels
    lost = replace(first, disc_height_mm=None, calipers=())
    report = replace(written.report, levels=(lost, *others))
    made = measurement_object(report, written.source, written.segmentation, CREATED)
    text = str(made)
    assert text.count("Mean disc height") == len(Level) - 1
