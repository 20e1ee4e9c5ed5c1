"""Which series of a study, which stack of a series, and which contrast it shows."""

from copy import deepcopy

import numpy as np
import pytest
from pydicom import Dataset

from inference.dicom import read_volume, select_series, study_of
from inference.dicom.header import Header
from inference.dicom.weighting import weighting_of
from inference.errors import (
    IrregularVolumeError,
    SeriesNotFoundError,
    UnsuitableStudyError,
)
from inference.results import Weighting
from tests.inference.series import (
    all_changed,
    changed,
    enhanced_series,
    small_series,
    small_volume,
)

AXIAL = [1, 0, 0, 0, 1, 0]
CORONAL = [1, 0, 0, 0, 0, -1]
T1 = {"EchoTime": 10, "RepetitionTime": 600, "SeriesDescription": "T1 TSE sag"}
STIR = {"InversionTime": 160, "SeriesDescription": "STIR sag"}
PROTON_DENSITY = {"EchoTime": 15, "RepetitionTime": 3000, "SeriesDescription": "PD"}


@pytest.fixture(scope="module")
def series() -> list[Dataset]:
    return small_series()


@pytest.fixture(scope="module")
def other() -> list[Dataset]:
    """The same places with another picture."""
    return all_changed(small_series(seed=1))


@pytest.fixture(scope="module")
def first(series: list[Dataset]) -> Dataset:
    return series[0]


def test_t2_is_chosen_before_every_other_contrast(first: Dataset) -> None:
    study = {
        "unknown": changed(first, **PROTON_DENSITY),
        "t1": changed(first, **T1),
        "stir": changed(first, **STIR),
        "t2": changed(first, PixelSpacing=[3, 3]),
    }
    for expected in ("t2", "stir", "t1", "unknown"):
        assert select_series(study) == expected
        del study[expected]


def test_of_equals_the_series_with_the_smaller_pixels_is_chosen(first: Dataset) -> None:
    fine = changed(first, PixelSpacing=[1, 1])
    assert select_series({"coarse": first, "fine": fine}) == "fine"


def test_an_original_is_chosen_before_a_reformatted_series(first: Dataset) -> None:
    reformatted = changed(
        first, ImageType=["DERIVED", "PRIMARY", "MPR"], PixelSpacing=[1, 1]
    )
    study = {"reformatted": reformatted, "original": first}
    assert select_series(study) == "original"
    assert select_series({"reformatted": reformatted}) == "reformatted"


def test_in_phase_is_chosen_before_opposed_phase(first: Dataset) -> None:
    opposed = changed(first, ImageType=["ORIGINAL", "PRIMARY", "M", "OPP_PHASE"])
    in_phase = changed(first, ImageType=["ORIGINAL", "PRIMARY", "M", "IN_PHASE"])
    assert select_series({"opposed": opposed, "in": in_phase}) == "in"


UNSUITABLE = {
    "Modality CT": {"Modality": "CT"},
    "not sagittal": {"ImageOrientationPatient": AXIAL},
    "localizer image": {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
    "derived image": {"ImageType": ["DERIVED", "SECONDARY", "OTHER"]},
    "projection image": {"ImageType": ["DERIVED", "PRIMARY", "PROJECTION IMAGE"]},
    "fat image": {"ImageType": ["DERIVED", "PRIMARY", "M", "FAT"]},
    "1: no sagittal frame: 1 x fat image": {"SeriesDescription": "t2_dixon_sag_F"},
    "adc image": {"ImageType": ["DERIVED", "PRIMARY", "ADC"]},
    "phase map image": {"ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP"]},
    "echo-planar image": {"ScanningSequence": ["EP", "SE"]},
    r"no ImageOrientationPatient \(0020,0037\)": {"ImageOrientationPatient": None},
    r"no PixelSpacing \(0028,0030\)": {"PixelSpacing": None},
}


@pytest.mark.parametrize(("reason", "values"), UNSUITABLE.items())
def test_an_unsuitable_series_is_refused_with_its_reason(
    first: Dataset, reason: str, values: dict[str, object]
) -> None:
    with pytest.raises(SeriesNotFoundError, match=f"none of 1 series.*{reason}"):
        select_series({"only": changed(first, **values)})


def test_a_survey_is_a_localizer_by_its_name(first: Dataset) -> None:
    survey = changed(first, SeriesDescription="Survey_L-spine")
    with pytest.raises(SeriesNotFoundError, match="localizer"):
        select_series({"survey": survey})


def test_a_study_without_series_is_refused() -> None:
    with pytest.raises(SeriesNotFoundError, match="none of 0 series"):
        select_series({})


def test_one_broken_header_does_not_hide_the_good_series(first: Dataset) -> None:
    broken = deepcopy(first)
    broken.add_new(0x00180081, "LO", "long")
    assert select_series({"broken": broken, "good": first}) == "good"


WEIGHTINGS: list[tuple[Weighting, dict[str, object]]] = [
    (Weighting.T2, {}),
    (Weighting.T2, {"EchoTime": 50, "RepetitionTime": 1000}),
    (Weighting.T1, T1),
    (Weighting.T1, {"EchoTime": 12, "RepetitionTime": 2500, "InversionTime": 860}),
    (Weighting.T1, {**T1, "InversionTime": 0}),
    (Weighting.UNKNOWN, PROTON_DENSITY),
    (Weighting.UNKNOWN, {"InversionTime": 2200}),
    (Weighting.UNKNOWN, {"EchoTime": 15, "ScanningSequence": "GR"}),
    (
        Weighting.T1,
        {"EchoTime": 4, "ScanningSequence": "GR", "SeriesDescription": "t1_vibe"},
    ),
    (Weighting.FAT_SUPPRESSED, {"InversionTime": 160}),
    (Weighting.FAT_SUPPRESSED, {**T1, "ScanOptions": ["SAT1", "FS"]}),
    (Weighting.FAT_SUPPRESSED, {"SequenceName": "*tir2d1_16"}),
    (Weighting.FAT_SUPPRESSED, {"ImageType": ["ORIGINAL", "PRIMARY", "M", "WATER"]}),
    (Weighting.T2, {"EchoTime": None}),
    (Weighting.T1, {"EchoTime": None, "SeriesDescription": "Sag T1 FSE"}),
    (Weighting.UNKNOWN, {"EchoTime": None, "SeriesDescription": "sag"}),
    (Weighting.UNKNOWN, {"EchoTime": None, "SeriesDescription": "T2* me2d"}),
    (Weighting.UNKNOWN, {"EchoTime": None, "SeriesDescription": "T1 or T2"}),
    (Weighting.T2, {"SeriesDescription": "T2 offset stirring waterloo"}),
]


SAY_SUPPRESSED = (
    "SAG STIR",
    "t2_tirm_sag",
    "T2fs sag",
    "T2 Fat Sat",
    "t2_fatsat",
    "T2 SPAIR",
    "T2W_mDIXON_W",
    "T2 water",
    "t2_tse_dixon_sag_W",
)


@pytest.mark.parametrize("text", SAY_SUPPRESSED)
def test_a_description_can_say_that_fat_is_suppressed(
    first: Dataset, text: str
) -> None:
    header = Header(instance=changed(first, SeriesDescription=text))
    assert weighting_of(header) is Weighting.FAT_SUPPRESSED


@pytest.mark.parametrize(("weighting", "values"), WEIGHTINGS)
def test_the_contrast_follows_from_the_header(
    first: Dataset, weighting: Weighting, values: dict[str, object]
) -> None:
    assert weighting_of(Header(instance=changed(first, **values))) is weighting


def test_the_contrast_of_an_enhanced_object_is_in_its_groups() -> None:
    enhanced = enhanced_series(small_volume())
    assert study_of([enhanced]).weighting is Weighting.T2
    shared = enhanced.SharedFunctionalGroupsSequence[0]
    shared.MREchoSequence[0].EffectiveEchoTime = 10.0
    shared.MRTimingAndRelatedParametersSequence[0].RepetitionTime = 600
    assert study_of([enhanced]).weighting is Weighting.T1
    modifier = Dataset()
    modifier.SpectrallySelectedSuppression = "FAT"
    shared.MRModifierSequence = [modifier]
    assert study_of([enhanced]).weighting is Weighting.FAT_SUPPRESSED
    assert select_series({"enhanced": enhanced}) == "enhanced"


@pytest.mark.parametrize("is_enhanced", [True, False])
def test_the_metadata_of_an_archive_is_enough_to_choose(
    first: Dataset, *, is_enhanced: bool
) -> None:
    instance = enhanced_series(small_volume()) if is_enhanced else deepcopy(first)
    del instance.PixelData
    metadata = Dataset.from_json(instance.to_json())
    axial = changed(first, ImageOrientationPatient=AXIAL)
    assert select_series({"axial": axial, "sagittal": metadata}) == "sagittal"


def assert_shows(mixed: list[Dataset], wanted: list[Dataset]) -> None:
    np.testing.assert_array_equal(read_volume(mixed).voxels, read_volume(wanted).voxels)


def test_the_t2_echo_of_a_double_echo_is_measured(
    series: list[Dataset], other: list[Dataset]
) -> None:
    early = all_changed(other, EchoTime=15)
    assert_shows([*early, *series], series)


def test_of_many_echoes_the_one_nearest_to_a_usual_t2_is_measured(
    series: list[Dataset], other: list[Dataset]
) -> None:
    trains = [
        item for time in (60, 80, 160) for item in all_changed(other, EchoTime=time)
    ]
    assert_shows([*trains, *series], series)


@pytest.mark.parametrize(
    "name", ["TemporalPositionIdentifier", "AcquisitionNumber", "TriggerTime"]
)
def test_the_first_of_several_repeats_is_measured(
    series: list[Dataset], other: list[Dataset], name: str
) -> None:
    repeats = [
        *all_changed(other, **{name: 10}),
        *all_changed(series, **{name: 9}),
    ]
    assert_shows(repeats, series)


def test_a_repeat_that_was_stopped_is_left_out(
    series: list[Dataset], other: list[Dataset]
) -> None:
    stopped = all_changed(other[:3], AcquisitionNumber=2)
    assert_shows([*stopped, *all_changed(series, AcquisitionNumber=1)], series)


def test_interleaved_acquisitions_are_one_stack(series: list[Dataset]) -> None:
    interleaved = [
        changed(item, AcquisitionNumber=1 + number % 2)
        for number, item in enumerate(series)
    ]
    assert_shows(interleaved, series)


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL])
def test_other_orientations_in_the_series_are_left_out(
    series: list[Dataset], other: list[Dataset], orientation: list[int]
) -> None:
    turned = all_changed(other, ImageOrientationPatient=orientation)
    assert_shows([*turned, *series], series)


def test_water_and_fat_of_one_series_are_told_apart(
    series: list[Dataset], other: list[Dataset]
) -> None:
    others = [
        item
        for kind in ("FAT", "WATER", "OPP_PHASE")
        for item in all_changed(other, ImageType=["DERIVED", "PRIMARY", "M", kind])
    ]
    in_phase = all_changed(series, ImageType=["DERIVED", "PRIMARY", "M", "IN_PHASE"])
    mixed = [*others, *in_phase]
    assert_shows(mixed, series)
    assert study_of(mixed).weighting is Weighting.T2


def test_the_lower_of_two_equal_stacks_is_measured(
    series: list[Dataset], other: list[Dataset]
) -> None:
    thoracic = deepcopy(other)
    for item in thoracic:
        x, y, z = item.ImagePositionPatient
        item.ImagePositionPatient = [x, y, z + 250]
        item.FrameOfReferenceUID = "1.2.3"
    assert_shows([*thoracic, *series], series)


def test_the_stack_with_more_slices_is_measured(
    series: list[Dataset], other: list[Dataset]
) -> None:
    fewer = all_changed(other[:5], FrameOfReferenceUID="1.2.3", EchoTime=99)
    assert_shows([*fewer, *series], series)


def test_slices_enough_of_t1_are_better_than_too_few_of_t2(
    series: list[Dataset],
) -> None:
    mixed = [*series[:2], *all_changed(series, **T1)]
    study = study_of(mixed)
    assert (study.slice_count, study.weighting) == (6, Weighting.T1)


def test_different_slices_at_one_place_are_refused(
    series: list[Dataset], other: list[Dataset]
) -> None:
    with pytest.raises(IrregularVolumeError, match="two different slices"):
        read_volume([*series, *other])


def repeated(first: Dataset, second: Dataset) -> Dataset:
    """Return both as the repeats of one Enhanced object, the second one first."""
    both = deepcopy(first)
    both.NumberOfFrames = 2 * first.NumberOfFrames
    both.PixelData = second.PixelData + first.PixelData
    both.PerFrameFunctionalGroupsSequence = [
        *deepcopy(second.PerFrameFunctionalGroupsSequence),
        *deepcopy(first.PerFrameFunctionalGroupsSequence),
    ]
    return both


@pytest.fixture
def two_repeats() -> Dataset:
    return repeated(
        enhanced_series(small_volume()), enhanced_series(small_volume(seed=1))
    )


def contents(enhanced: Dataset) -> list[Dataset]:
    groups = enhanced.PerFrameFunctionalGroupsSequence
    return [group.FrameContentSequence[0] for group in groups]


def test_temporal_positions_of_an_enhanced_object_are_told_apart(
    two_repeats: Dataset, series: list[Dataset]
) -> None:
    for number, content in enumerate(contents(two_repeats)):
        content.TemporalPositionIndex = 2 if number < 6 else 1
    assert_shows([two_repeats], series)


def test_any_dimension_of_an_enhanced_object_tells_its_stacks_apart(
    two_repeats: Dataset, series: list[Dataset]
) -> None:
    dimension = Dataset()
    dimension.DimensionIndexPointer = 0x00189087  # diffusion b-value
    two_repeats.DimensionIndexSequence.append(dimension)
    for number, content in enumerate(contents(two_repeats)):
        content.DimensionIndexValues = [1, 1 + number % 6, 2 if number < 6 else 1]
    assert_shows([two_repeats], series)


def test_stacks_of_an_enhanced_object_are_told_apart(
    two_repeats: Dataset, series: list[Dataset]
) -> None:
    groups = two_repeats.PerFrameFunctionalGroupsSequence
    for group in groups[:6]:
        group.FrameContentSequence[0].StackID = "2"
        x, y, z = group.PlanePositionSequence[0].ImagePositionPatient
        group.PlanePositionSequence[0].ImagePositionPatient = [x, y, z + 250]
    assert_shows([two_repeats], series)


def test_a_concatenation_is_one_stack(series: list[Dataset]) -> None:
    whole = enhanced_series(small_volume())
    parts = []
    for start, stop in ((0, 2), (2, 6)):
        part = changed(
            whole, SOPInstanceUID=f"1.2.{start}", NumberOfFrames=stop - start
        )
        groups = whole.PerFrameFunctionalGroupsSequence[start:stop]
        part.PerFrameFunctionalGroupsSequence = groups
        part.PixelData = whole.PixelData[start * 2560 : stop * 2560]
        parts.append(part)
    assert_shows(parts[::-1], series)


def test_an_enhanced_object_has_to_describe_each_frame() -> None:
    enhanced = enhanced_series(small_volume())
    del enhanced.PerFrameFunctionalGroupsSequence[5]
    with pytest.raises(
        UnsuitableStudyError,
        match=r"PerFrameFunctionalGroupsSequence \(5200,9230\) describes 5 frames",
    ):
        read_volume([enhanced])


def test_more_frames_than_the_limit_are_refused() -> None:
    enhanced = enhanced_series(small_volume())
    enhanced.NumberOfFrames = 5000
    with pytest.raises(UnsuitableStudyError, match="is 5000, at most 4096 are read"):
        read_volume([enhanced])
