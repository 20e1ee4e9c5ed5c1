"""A DICOM series becomes the volume that it shows, or a refusal that says why."""

from collections.abc import Callable
from copy import deepcopy
from datetime import date

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.tag import Tag
from pydicom.uid import generate_uid

from inference.dicom import identity_of, read_volume, slice_frames, study_of
from inference.errors import IrregularVolumeError, UnsuitableStudyError
from inference.phantom.drawing import Phantom, draw_phantom
from inference.phantom.spec import PhantomSpec, with_grid
from inference.results import Weighting
from inference.volume import Volume
from tests.inference.series import (
    all_changed,
    changed,
    enhanced_series,
    phantom_series,
    small_series,
    small_volume,
)


@pytest.fixture(scope="module")
def series() -> list[Dataset]:
    return small_series()


def test_what_is_written_is_read_back(phantom: Phantom) -> None:
    volume = read_volume(phantom_series(phantom.volume)).sagittal()
    affine = phantom.volume.geometry.affine_mm
    np.testing.assert_allclose(volume.geometry.affine_mm, affine, atol=1e-4)
    scale = 4095 / phantom.volume.voxels.max()
    np.testing.assert_allclose(volume.voxels, phantom.volume.voxels * scale, atol=1)


def test_the_order_of_files_and_instance_numbers_does_not_matter(
    series: list[Dataset],
) -> None:
    shuffled = deepcopy(series)
    for number, item in enumerate(shuffled):
        item.InstanceNumber = 99 - number
    shuffled = shuffled[1::2] + shuffled[::2]
    assert_same(read_volume(shuffled), read_volume(series))


def test_an_oblique_series_keeps_its_place(spec: PhantomSpec) -> None:
    oblique = with_grid(
        spec, shape=(5, 64, 48), spacing_mm=(5, 2, 2.5), rotation_degrees=(4, 7, -6)
    )
    drawn = draw_phantom(oblique).volume
    for written in (phantom_series(drawn), [enhanced_series(drawn)]):
        volume = read_volume(written).sagittal()
        np.testing.assert_allclose(
            volume.geometry.affine_mm, drawn.geometry.affine_mm, atol=1e-3
        )


def test_pixels_need_not_be_square(series: list[Dataset]) -> None:
    spacing_mm = read_volume(series).geometry.spacing_mm
    assert spacing_mm == pytest.approx([4.5, 2.5, 2.0])


def test_monochrome1_is_turned_bright_side_up_for_all_slices_alike(
    series: list[Dataset],
) -> None:
    inverted = read_volume(all_changed(series, PhotometricInterpretation="MONOCHROME1"))
    plain = read_volume(series)
    np.testing.assert_array_equal(inverted.voxels, 4095 - plain.voxels)


def test_a_rescale_is_applied_to_each_slice(series: list[Dataset]) -> None:
    rescaled = deepcopy(series)
    for number, item in enumerate(rescaled):
        item.RescaleSlope, item.RescaleIntercept = 1 + number, -number
    factors = np.arange(len(series), 0, -1)[:, None, None]  # first is leftmost
    expected = read_volume(series).voxels * factors - (factors - 1)
    np.testing.assert_array_equal(read_volume(rescaled).voxels, expected)


@pytest.mark.parametrize("keeps_sign", [True, False])
def test_signed_values_are_negative_with_and_without_their_upper_bits(
    series: list[Dataset], *, keeps_sign: bool
) -> None:
    signed = deepcopy(series)
    for item in signed:
        values = np.frombuffer(item.PixelData, "<u2").astype("<i2") - 2048
        values = values if keeps_sign else values & 0x0FFF
        item.PixelData, item.PixelRepresentation = values.tobytes(), 1
    expected = read_volume(series).voxels - 2048
    np.testing.assert_array_equal(read_volume(signed).voxels, expected)


def test_an_overlay_in_the_upper_bits_is_no_signal(series: list[Dataset]) -> None:
    drawn = deepcopy(series)
    for item in drawn:
        values = np.frombuffer(item.PixelData, "<u2").copy()
        values[::7] |= 1 << 14
        item.PixelData = values.tobytes()
        item.add_new(0x60000102, "US", 14)
    assert_same(read_volume(drawn), read_volume(series))


@pytest.mark.parametrize("bits", [8, 32])
def test_pixels_of_other_widths_are_read(series: list[Dataset], bits: int) -> None:
    other = deepcopy(series)
    for item in other:
        values = np.frombuffer(item.PixelData, "<u2") >> 4
        item.PixelData = values.astype(f"<u{bits // 8}").tobytes()
        item.BitsAllocated, item.BitsStored, item.HighBit = bits, 8, 7
    expected = np.floor(read_volume(series).voxels / 16)
    np.testing.assert_array_equal(read_volume(other).voxels, expected)


def test_an_attribute_with_another_vr_is_understood(series: list[Dataset]) -> None:
    odd = deepcopy(series)
    for item in odd:
        position = [float(value) for value in item.ImagePositionPatient]
        del item.ImagePositionPatient
        item.add_new(0x00200032, "FD", position)
        spacing = "\\".join(str(value) for value in item.PixelSpacing)
        item.add_new(0x00280030, "LO", spacing)
    assert_same(read_volume(odd), read_volume(series))


def test_an_instance_that_came_twice_counts_once(series: list[Dataset]) -> None:
    assert_same(read_volume([*series, deepcopy(series[2])]), read_volume(series))


def test_a_copy_under_another_uid_counts_once(series: list[Dataset]) -> None:
    copy = changed(series[2], SOPInstanceUID=generate_uid(), InstanceNumber=77)
    assert_same(read_volume([copy, *series]), read_volume(series))


def test_slices_know_their_frames(series: list[Dataset]) -> None:
    frames = slice_frames([*series[::-1], deepcopy(series[2])])
    uids = [frame.header.instance.SOPInstanceUID for frame in frames]
    assert uids == [item.SOPInstanceUID for item in series[::-1]]


Damage = Callable[[list[Dataset]], object]


def without(name: str) -> Damage:
    return lambda items: delattr(items[3], name)


def with_value(name: str, value: object) -> Damage:
    return lambda items: setattr(items[3], name, value)


def everywhere(**values: object) -> Damage:
    def damage(items: list[Dataset]) -> None:
        for item in items:
            for name, value in values.items():
                setattr(item, name, value)

    return damage


def wrong_vr(tag: int, vr: str, value: object) -> Damage:
    return lambda items: items[3].add_new(tag, vr, value)


def another_image(items: list[Dataset]) -> None:
    twin = changed(items[2], SOPInstanceUID=generate_uid())
    twin.PixelData = items[3].PixelData
    items.append(twin)


DAMAGES: list[tuple[Damage, str]] = [
    (without("ImagePositionPatient"), r"no ImagePositionPatient \(0020,0032\)"),
    (without("ImageOrientationPatient"), r"no ImageOrientationPatient \(0020,0037\)"),
    (without("PixelSpacing"), r"no PixelSpacing \(0028,0030\)"),
    (without("Rows"), r"no Rows \(0028,0010\)"),
    (without("PixelData"), r"no PixelData \(7FE0,0010\)"),
    (without("BitsAllocated"), r"no BitsAllocated \(0028,0100\)"),
    (
        with_value("PixelSpacing", [0.75, 1.5]),
        r"from 4.50 to 9.00 mm.*1 more differ in PixelSpacing \(0028,0030\)",
    ),
    (
        everywhere(PixelSpacing=[0, 0]),
        r"PixelSpacing \(0028,0030\) has to be 0.05 to 10.0 mm, got \[0.0, 0.0\]",
    ),
    (
        everywhere(PixelSpacing=[0.1, 0.1]),
        r"PixelSpacing \(0028,0030\) \[0.1, 0.1\]: the field of view",
    ),
    (
        wrong_vr(0x00280030, "LO", "wide\\wide"),
        r"PixelSpacing \(0028,0030\) is not numeric: \['wide', 'wide'\]",
    ),
    (
        wrong_vr(0x00200032, "OB", b"\x01\x02"),
        r"ImagePositionPatient \(0020,0032\) has to be 3 numbers, got b",
    ),
    (
        with_value("ImagePositionPatient", [0, 0, 1e9]),
        r"ImagePositionPatient \(0020,0032\) is beyond 10000 mm",
    ),
    (
        with_value("ImageOrientationPatient", [1, 0, 0, 0, 0.5, 0]),
        r"ImageOrientationPatient \(0020,0037\) is no pair of orthogonal directions",
    ),
    (
        with_value("ImageOrientationPatient", [1, 0, 0, 0, 1, 0]),
        r"1 more differ in ImageOrientationPatient \(0020,0037\)",
    ),
    (
        with_value("PixelData", b"\0" * 1000),
        r"PixelData \(7FE0,0010\) has 1000 bytes, 2560 are announced",
    ),
    (
        with_value("PixelData", b"\0" * 5120),
        r"PixelData \(7FE0,0010\) has 5120 bytes, 2560 are announced",
    ),
    (
        everywhere(Rows=60000, Columns=60000),
        r"Rows \(0028,0010\) 60000, Columns \(0028,0011\) 60000, 6 slices: too large",
    ),
    (everywhere(NumberOfFrames=1_000_000), r"NumberOfFrames \(0028,0008\) is 1000000"),
    (everywhere(NumberOfFrames=6), "describes 0 frames, NumberOfFrames"),
    (everywhere(SamplesPerPixel=3), r"SamplesPerPixel \(0028,0002\) is '3'"),
    (
        everywhere(PhotometricInterpretation="PALETTE COLOR"),
        r"PhotometricInterpretation \(0028,0004\) is 'PALETTE COLOR'",
    ),
    (
        with_value("PhotometricInterpretation", "MONOCHROME1"),
        r"differ in PhotometricInterpretation \(0028,0004\)",
    ),
    (everywhere(BitsAllocated=12), r"BitsAllocated \(0028,0100\) is '12'"),
    (everywhere(BitsStored=17), r"BitsStored \(0028,0101\) is 17"),
    (
        everywhere(BitsStored=10, HighBit=9),
        r"BitsStored \(0028,0101\) is 10, but values go from 503 to 3847",
    ),
    (everywhere(RescaleSlope=0), r"RescaleSlope \(0028,1053\) is 0"),
    (everywhere(RescaleSlope=1e39), r"RescaleSlope \(0028,1053\) 1e\+39"),
    (lambda items: items.pop(4), r"varies from 4.50 to 9.00 mm.*\(0020,0032\)"),
    (lambda items: items.__delitem__(slice(4, None)), "4 slices form a stack"),
    (list.clear, "no sagittal frame: none at all"),
    (another_image, "two different slices lie at the same place"),
    (with_value("SeriesInstanceUID", "1.2"), r"SeriesInstanceUID \(0020,000E\) has 2"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_series_is_refused_with_the_tag_and_the_value(
    series: list[Dataset], damage: Damage, message: str
) -> None:
    broken = deepcopy(series)
    damage(broken)
    with pytest.raises(UnsuitableStudyError, match=message):
        read_volume(broken)


def test_sheared_slices_are_refused(series: list[Dataset]) -> None:
    sheared = deepcopy(series)
    for number, item in enumerate(sheared):
        x, y, z = item.ImagePositionPatient
        item.ImagePositionPatient = [x, y + 5 * number, z]
    with pytest.raises(IrregularVolumeError, match=r"in plane by 25\.0 mm"):
        read_volume(sheared)


def test_a_slice_of_somebody_else_is_refused_without_a_name(
    series: list[Dataset],
) -> None:
    mixed = [*series[:-1], changed(series[-1], PatientName="Secret^Sam")]
    with pytest.raises(UnsuitableStudyError, match="of 2 persons: PatientID") as caught:
        read_volume(mixed)
    assert "Secret" not in str(caught.value)
    assert "Example" not in str(caught.value)


@pytest.mark.parametrize(
    "tag", [0x00280010, 0x00200032, 0x00280030, 0x00180081, 0x00280008, 0x7FE00010]
)
def test_a_sequence_in_the_place_of_a_value_is_refused(
    series: list[Dataset], tag: int
) -> None:
    with pytest.raises(
        UnsuitableStudyError, match=str(Tag(tag)).replace(", ", ",")[1:-1]
    ):
        read_volume([_with_sequence(item, tag) for item in series])


def _with_sequence(item: Dataset, tag: int) -> Dataset:
    copy = deepcopy(item)
    copy.add_new(tag, "SQ", [Dataset()])
    return copy


def test_the_identity_comes_from_the_images(series: list[Dataset]) -> None:
    identity = identity_of(series[0])
    assert (identity.identifiers, identity.family) == (
        frozenset({"MRN-0001"}),
        "Example",
    )
    assert (identity.birth_date, identity.sex) == (date(1970, 3, 31), "female")


def test_an_anonymous_image_says_nothing_about_the_person() -> None:
    identity = identity_of(Dataset())
    assert identity.identifiers == frozenset()
    known = {identity.family, identity.given, identity.birth_date, identity.sex}
    assert known == {None}


def test_the_study_is_described(series: list[Dataset]) -> None:
    study = study_of(series)
    assert (study.acquired_on, study.slice_count) == (date(2026, 2, 28), 6)
    assert study.weighting is Weighting.T2


def test_an_impossible_study_date_is_unknown(series: list[Dataset]) -> None:
    assert study_of(all_changed(series, StudyDate="")).acquired_on is None


def test_a_study_without_a_uid_is_refused(series: list[Dataset]) -> None:
    nameless = all_changed(series, StudyInstanceUID="")
    with pytest.raises(UnsuitableStudyError, match=r"\(0020,000D\) is no UID"):
        study_of(nameless)


def test_an_enhanced_object_is_the_same_volume_as_the_classic_series(
    series: list[Dataset],
) -> None:
    enhanced = [enhanced_series(small_volume())]
    assert_same(read_volume(enhanced), read_volume(series))
    assert study_of(enhanced).slice_count == 6


def assert_same(first: Volume, second: Volume) -> None:
    np.testing.assert_array_equal(first.voxels, second.voxels)
    np.testing.assert_array_equal(first.geometry.affine_mm, second.geometry.affine_mm)
