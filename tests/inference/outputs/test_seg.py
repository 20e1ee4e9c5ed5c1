"""The segmentation is an object that others can read, on the images of the series."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from highdicom.seg import Segmentation, segread
from pydicom import Dataset, dcmread

from inference.errors import UnsuitableStudyError
from inference.levels.named_voxels import NAMES, name_voxels
from inference.outputs.codes import ANATOMICAL_STRUCTURE, STRUCTURES
from inference.outputs.folder import SEGMENTATION
from inference.outputs.seg import segmentation_object
from inference.outputs.source import source_series
from inference.phantom.drawing import Phantom
from inference.pipeline import Analysis
from inference.results import Structure
from tests.inference.outputs.conftest import CREATED, Save, Written
from tests.inference.outputs.readers import complaints, segments, voxel_count
from tests.inference.series import enhanced_series


@pytest.fixture(scope="module")
def read(written: Written) -> Segmentation:
    return segread(written.folder / SEGMENTATION)


def test_dicom3tools_has_no_complaint(written: Written) -> None:
    assert complaints(written.folder / SEGMENTATION) == []


def test_every_structure_is_a_segment_with_its_snomed_code(read: Segmentation) -> None:
    described = [read.get_segment_description(n + 1) for n in range(len(NAMES))]
    assert [item.segment_label for item in described] == [str(name) for name in NAMES]
    for item, name in zip(described, NAMES, strict=True):
        assert item.segmented_property_type == STRUCTURES[name]
        assert item.segmented_property_type.scheme_designator == "SCT"
        assert item.segmented_property_category == ANATOMICAL_STRUCTURE


def test_the_algorithm_is_named_with_version_and_hash(
    read: Segmentation, written: Written
) -> None:
    model = written.report.model
    algorithm = read.get_segment_description(1).algorithm_identification
    assert algorithm is not None
    assert (algorithm.name, algorithm.version) == (model.name, model.version)
    assert algorithm.parameters == {"sha256": model.sha256}


def test_every_frame_lies_on_the_image_that_it_names(
    read: Segmentation, written: Written
) -> None:
    images = {item.SOPInstanceUID: item for item in written.datasets}
    for frame in read.PerFrameFunctionalGroupsSequence:
        derivation = frame.DerivationImageSequence[0].SourceImageSequence[0]
        image = images[derivation.ReferencedSOPInstanceUID]
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert position == image.ImagePositionPatient
    shared = read.SharedFunctionalGroupsSequence[0]
    first = written.datasets[0]
    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    assert orientation == first.ImageOrientationPatient
    assert shared.PixelMeasuresSequence[0].PixelSpacing == first.PixelSpacing
    assert (read.Rows, read.Columns) == (first.Rows, first.Columns)
    assert read.FrameOfReferenceUID == first.FrameOfReferenceUID


def test_dcmqi_reads_the_voxels_of_every_segment(
    written: Written, tmp_path: Path
) -> None:
    said = segments(written.folder / SEGMENTATION, tmp_path)
    labels = [item[0]["SegmentLabel"] for item in said["segmentAttributes"]]
    assert labels == [str(name) for name in NAMES]
    for number, name in enumerate(NAMES, start=1):
        mine = np.count_nonzero(written.voxels.mask(name))
        assert voxel_count(tmp_path / f"{number}.nii.gz") == mine


def test_the_same_content_gives_the_same_bytes(written: Written, save: Save) -> None:
    again = segmentation_object(
        written.voxels, written.source, written.report.model, CREATED
    )
    path = save(again, "again.dcm")
    assert path.read_bytes() == (written.folder / SEGMENTATION).read_bytes()


def test_another_model_or_content_gives_another_object(written: Written) -> None:
    other_model = replace(written.report.model, sha256="0" * 64)
    labels = written.voxels.labels.copy()
    labels[labels == 1] = 0
    others = [
        segmentation_object(written.voxels, written.source, other_model, CREATED),
        segmentation_object(
            replace(written.voxels, labels=labels),
            written.source,
            written.report.model,
            CREATED,
        ),
    ]
    uids = {written.segmentation.SOPInstanceUID, *(o.SOPInstanceUID for o in others)}
    assert len(uids) == 3
    assert others[1].SegmentSequence[0].SegmentLabel == "L2"


def test_the_order_of_the_files_does_not_matter(written: Written) -> None:
    source = source_series(written.datasets[::-1])
    again = segmentation_object(written.voxels, source, written.report.model, CREATED)
    assert again.PixelData == written.segmentation.PixelData
    assert again.SOPInstanceUID == written.segmentation.SOPInstanceUID


def bare(dataset: Dataset) -> Dataset:
    """Return the same image with little said of patient and study."""
    copy = shallow_copy(dataset)
    for name in ("PatientBirthDate", "StudyID", "StudyTime", "SliceThickness"):
        del copy[name]
    del copy.FrameOfReferenceUID
    copy.PatientSex = "W"
    copy.PatientComments = "not for others"
    return copy


def shallow_copy(dataset: Dataset) -> Dataset:
    copy = Dataset()
    copy.update(dataset)
    return copy


def test_a_source_that_says_little_still_gives_a_valid_object(
    written: Written, save: Save
) -> None:
    source = source_series([bare(item) for item in written.datasets])
    made = segmentation_object(written.voxels, source, written.report.model, CREATED)
    path = save(made, "bare.dcm")
    assert not [line for line in complaints(path) if line.startswith("Error")]
    read = dcmread(path)
    assert read.PatientSex == ""
    assert "PatientComments" not in read
    measures = read.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert measures.SliceThickness == pytest.approx(4.5)
    assert read.FrameOfReferenceUID.startswith("2.25.")


def test_the_grid_is_that_of_the_source_and_not_of_the_network(
    written: Written, analysis: Analysis
) -> None:
    voxels = name_voxels(
        analysis.segmentation, analysis.plane, analysis.spine, analysis.source_geometry
    )
    first = written.datasets[0]
    slices = len(written.datasets)
    assert voxels.labels.shape == (slices, first.Rows, first.Columns)
    assert voxels.mask(Structure.CANAL).any(axis=(1, 2)).sum() >= 2


@pytest.fixture
def enhanced(phantom: Phantom) -> Dataset:
    """The same images in one object, the last slice first."""
    instance = enhanced_series(phantom.volume)
    groups = instance.PerFrameFunctionalGroupsSequence
    instance.PerFrameFunctionalGroupsSequence = list(groups)[::-1]
    return instance


def test_frames_of_an_enhanced_object_are_named_by_their_number(
    written: Written, enhanced: Dataset, save: Save
) -> None:
    source = source_series([enhanced])
    made = segmentation_object(written.voxels, source, written.report.model, CREATED)
    assert complaints(save(made, "enhanced.dcm")) == []
    positions = [
        list(group.PlanePositionSequence[0].ImagePositionPatient)
        for group in enhanced.PerFrameFunctionalGroupsSequence
    ]
    for frame in made.PerFrameFunctionalGroupsSequence:
        image = frame.DerivationImageSequence[0].SourceImageSequence[0]
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert image.ReferencedSOPInstanceUID == enhanced.SOPInstanceUID
        assert list(position) == positions[image.ReferencedFrameNumber - 1]
    assert voxels_of(made) == voxels_of(written.segmentation)


def voxels_of(segmentation: Segmentation) -> list[int]:
    """Return how large each segment is, slice by slice of the patient."""
    rows = [
        (
            int(frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber),
            float(frame.PlanePositionSequence[0].ImagePositionPatient[0]),
            int(np.count_nonzero(pixels)),
        )
        for frame, pixels in zip(
            segmentation.PerFrameFunctionalGroupsSequence,
            segmentation.pixel_array,
            strict=True,
        )
    ]
    return [count for _, _, count in sorted(rows)]


def test_slices_of_several_multi_frame_objects_are_refused(enhanced: Dataset) -> None:
    other = deepcopy(enhanced)
    other.SOPInstanceUID = "1.2.3"
    halves = []
    for instance, part in ((enhanced, slice(None, 5)), (other, slice(5, None))):
        groups = list(instance.PerFrameFunctionalGroupsSequence)[part]
        instance.PerFrameFunctionalGroupsSequence = groups
        instance.NumberOfFrames = len(groups)
        halves.append(instance)
    with pytest.raises(UnsuitableStudyError, match="several multi-frame instances"):
        source_series(halves)
