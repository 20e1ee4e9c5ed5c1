"""A DICOM series becomes the volume that it shows, or a refusal that says why."""

from collections.abc import Callable
from copy import deepcopy
from datetime import date

import numpy as np
import pytest
from pydicom import Dataset

from inference.dicom import identity_of, read_volume, select_series, study_of
from inference.errors import (
    IrregularVolumeError,
    SeriesNotFoundError,
    UnsuitableStudyError,
)
from inference.phantom import Phantom, draw_phantom
from inference.phantom_spec import PhantomSpec, with_grid
from tests.inference.series import phantom_series


@pytest.fixture(scope="module")
def series(phantom: Phantom) -> list[Dataset]:
    return phantom_series(phantom.volume)


def test_what_is_written_is_read_back(series: list[Dataset], phantom: Phantom) -> None:
    volume = read_volume(series).sagittal()
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
    np.testing.assert_array_equal(
        read_volume(shuffled).voxels, read_volume(series).voxels
    )


def test_an_oblique_series_keeps_its_place(spec: PhantomSpec) -> None:
    oblique = with_grid(
        spec, shape=(5, 64, 48), spacing_mm=(5, 2, 2.5), rotation_degrees=(4, 7, -6)
    )
    drawn = draw_phantom(oblique).volume
    volume = read_volume(phantom_series(drawn)).sagittal()
    np.testing.assert_allclose(
        volume.geometry.affine_mm, drawn.geometry.affine_mm, atol=1e-3
    )


def test_monochrome1_is_turned_bright_side_up(series: list[Dataset]) -> None:
    inverted = deepcopy(series)
    for item in inverted:
        item.PhotometricInterpretation = "MONOCHROME1"
    first, plain = read_volume(inverted).voxels[4], read_volume(series).voxels[4]
    assert np.corrcoef(first.ravel(), plain.ravel())[0, 1] == pytest.approx(-1)


def oversized(items: list[Dataset]) -> None:
    for item in items:
        item.Rows = item.Columns = 60000


Damage = Callable[[list[Dataset]], object]
DAMAGES: list[tuple[Damage, type[Exception], str]] = [
    (
        lambda items: items[3].__delattr__("ImagePositionPatient"),
        UnsuitableStudyError,
        "no ImagePositionPatient",
    ),
    (
        lambda items: items[3].__delattr__("PixelSpacing"),
        UnsuitableStudyError,
        "no PixelSpacing",
    ),
    (
        lambda items: setattr(items[3], "PixelSpacing", [0.75, 1.5]),
        IrregularVolumeError,
        "differ in PixelSpacing",
    ),
    (
        lambda items: setattr(items[3], "PixelData", items[3].PixelData[:1000]),
        UnsuitableStudyError,
        "cannot be decoded",
    ),
    (lambda items: items.pop(4), IrregularVolumeError, "spacing varies from 4.50 to 9"),
    (
        lambda items: items.append(items[2]),
        IrregularVolumeError,
        "lie at the same place",
    ),
    (
        lambda items: setattr(items[1], "ImageOrientationPatient", [1, 0, 0, 0, 1, 0]),
        IrregularVolumeError,
        "differ in orientation",
    ),
    (lambda items: items.__delitem__(slice(4, None)), UnsuitableStudyError, "4 slices"),
    (
        oversized,
        UnsuitableStudyError,
        "too large",
    ),
]


@pytest.mark.parametrize(("damage", "error", "message"), DAMAGES)
def test_a_damaged_series_is_refused_with_the_reason(
    series: list[Dataset], damage: Damage, error: type[Exception], message: str
) -> None:
    broken = deepcopy(series)
    damage(broken)
    with pytest.raises(error, match=message):
        read_volume(broken)


def changed(instance: Dataset, **attributes: object) -> Dataset:
    copy = deepcopy(instance)
    for name, value in attributes.items():
        setattr(copy, name, value)
    return copy


def test_the_plain_sagittal_t2_series_is_chosen(series: list[Dataset]) -> None:
    first = series[0]
    choice = select_series(
        {
            "t1": changed(first, EchoTime=10, RepetitionTime=600),
            "localizer": changed(first, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
            "axial": changed(first, ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
            "stir": changed(first, SeriesDescription="T2 STIR sag", InversionTime=150),
            "t2": first,
            "ct": changed(first, Modality="CT"),
        }
    )
    assert choice == "t2"


def test_a_study_without_a_sagittal_t2_series_is_refused(series: list[Dataset]) -> None:
    t1 = changed(series[0], EchoTime=10, RepetitionTime=600)
    with pytest.raises(SeriesNotFoundError, match="none of 1 series"):
        select_series({"t1": t1})


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


def test_an_impossible_study_date_is_unknown(series: list[Dataset]) -> None:
    assert study_of([changed(series[0], StudyDate="")]).acquired_on is None
    assert study_of(series).acquired_on == date(2026, 2, 28)
