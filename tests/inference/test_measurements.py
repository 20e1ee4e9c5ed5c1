"""What is measured on a drawn spine is what was drawn."""

from dataclasses import replace

import numpy as np
import pytest

from inference.boxes import box_of
from inference.errors import SpineNotFoundError, UnmeasurableError
from inference.levels import NamedSpine, name_levels
from inference.measurements import measure_levels, measure_vertebrae
from inference.midsagittal import MidSagittal, mid_sagittal
from inference.phantom import Phantom, draw_phantom
from inference.phantom_spec import PhantomSpec, random_spec, with_grid
from inference.preprocessing import NETWORK_SPACING_MM
from inference.results import Level, LevelMeasurement, Vertebra, VertebraMeasurement
from inference.segmentation import segmentation_of
from inference.volume import SpineSegmentation
from tests.inference.conftest import true_segmentation

TOLERANCE_MM = 1.0  # two readers differ by up to 2.6 mm (doi:10.1186/2045-709X-21-26)


def near(length_mm: float | None) -> object:
    """Within a pixel and a bit: drawn labels end at pixel borders."""
    return pytest.approx(length_mm, abs=TOLERANCE_MM)


def analyzed(
    phantom: Phantom,
) -> tuple[MidSagittal, NamedSpine, SpineSegmentation]:
    volume = phantom.volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    segmentation = true_segmentation(phantom, volume)
    plane = mid_sagittal(volume, segmentation)
    return plane, name_levels(plane), segmentation


@pytest.fixture(scope="module")
def levels(phantom: Phantom) -> tuple[LevelMeasurement, ...]:
    return measure_levels(*analyzed(phantom))


def differences_mm(phantom: Phantom) -> dict[str, list[float]]:
    """Measured minus drawn, per quantity; a missing value is infinitely wrong."""
    plane, spine, segmentation = analyzed(phantom)
    wrong: dict[str, list[float]] = {}
    pairs: list[tuple[object, object]] = [
        *zip(measure_levels(plane, spine, segmentation), phantom.levels, strict=True),
        *zip(measure_vertebrae(plane, spine), phantom.vertebrae, strict=True),
    ]
    for measured, truth in pairs:
        for name in (item for item in dir(truth) if item.endswith("_mm")):
            value = getattr(measured, name)
            error = np.inf if value is None else value - getattr(truth, name)
            wrong.setdefault(name, []).append(error)
    return wrong


def test_every_length_is_near_the_drawn_one(phantom: Phantom) -> None:
    for name, errors in differences_mm(phantom).items():
        assert np.abs(errors).max() < TOLERANCE_MM, name


@pytest.mark.parametrize("seed", range(4))
def test_random_spines_are_measured_on_oblique_anisotropic_grids(seed: int) -> None:
    rng = np.random.default_rng(seed)
    row_mm, column_mm = rng.uniform(0.45, 1.2, 2)
    spec = with_grid(
        random_spec(rng),
        shape=(9, round(255 / row_mm), round(190 / column_mm)),
        spacing_mm=(rng.uniform(3, 5), row_mm, column_mm),
        rotation_degrees=tuple(rng.normal(scale=3, size=3)),
    )
    errors = np.abs(np.concatenate(list(differences_mm(draw_phantom(spec)).values())))
    assert np.median(errors) < 0.5
    assert (errors < 2.0).mean() > 0.9


def test_turning_the_patient_changes_no_length(spec: PhantomSpec) -> None:
    straight, turned = (
        measure_levels(*analyzed(draw_phantom(replace(spec, rotation_degrees=turn))))
        for turn in ((0.0, 0.0, 0.0), (12.0, 0.0, 0.0))
    )
    for before, after in zip(straight, turned, strict=True):
        assert after.disc_height_mm == near(before.disc_height_mm)
        assert after.disc_width_mm == near(before.disc_width_mm)


def test_pixel_shape_changes_no_length(spec: PhantomSpec) -> None:
    wide = with_grid(spec, shape=(9, 510, 170), spacing_mm=(4.5, 0.5, 1.1))
    square = measure_levels(*analyzed(draw_phantom(spec)))
    for before, after in zip(
        square, measure_levels(*analyzed(draw_phantom(wide))), strict=True
    ):
        assert after.disc_height_mm == near(before.disc_height_mm)


def test_volume_is_that_of_the_disc_voxels(
    phantom: Phantom, levels: tuple[LevelMeasurement, ...]
) -> None:
    measured = sum(level.disc_volume_mm3 or 0 for level in levels)
    drawn = (
        np.count_nonzero(phantom.labels == 2) * phantom.volume.geometry.voxel_volume_mm3
    )
    assert 0.6 * drawn < measured < drawn  # thoracic discs are drawn too


def test_a_degenerated_disc_has_less_signal(spec: PhantomSpec) -> None:
    discs = list(spec.discs)
    discs[0], discs[1] = (
        replace(discs[0], degeneration=0.0),
        replace(discs[1], degeneration=1.0),
    )
    levels = measure_levels(*analyzed(draw_phantom(replace(spec, discs=tuple(discs)))))
    bright, black = levels[-1].disc_signal_ratio, levels[-2].disc_signal_ratio
    assert bright is not None
    assert black is not None
    assert bright > 2 * black


def test_height_index_is_height_over_the_neighbors(
    phantom: Phantom, levels: tuple[LevelMeasurement, ...]
) -> None:
    bodies = {item.vertebra: item.height_mm for item in phantom.vertebrae}
    truth = (
        phantom.levels[3].disc_height_mm
        * 2
        / (bodies[Vertebra.L4] + bodies[Vertebra.L5])
    )
    assert levels[3].level is Level.L4_L5
    assert levels[3].disc_height_index_ratio == pytest.approx(truth, rel=0.1)


def test_a_thin_leak_of_the_mask_does_not_lengthen_the_disc() -> None:
    mask = np.zeros((80, 200), dtype=bool)
    mask[30:50, 50:130] = True
    mask[38:41, 130:170] = True
    assert box_of(mask, 0.4).width_mm == pytest.approx(32, abs=0.5)


def test_a_structure_cut_by_the_image_is_not_measured() -> None:
    mask = np.zeros((50, 50), dtype=bool)
    mask[:20, 10:40] = True
    with pytest.raises(UnmeasurableError, match="edge of the image"):
        box_of(mask, 1.0)


@pytest.mark.parametrize("degrees", [0, 15, 30, 45])
def test_a_tilted_bar_keeps_its_size(degrees: int) -> None:
    rows, columns = np.indices((400, 400)) * 0.2 - 40
    angle = np.radians(degrees)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    across = -columns * np.sin(angle) + rows * np.cos(angle)
    box = box_of((np.abs(along) < 17) & (np.abs(across) < 4), 0.2)
    assert box.height_mm == pytest.approx(8, abs=0.3)
    assert box.width_mm == pytest.approx(34, abs=0.6)


def test_a_canal_that_ends_behind_a_disc_is_not_measured_there(
    phantom: Phantom,
) -> None:
    plane, spine, segmentation = analyzed(phantom)
    row = int(np.argwhere(spine.discs[Level.L4_L5]).mean(axis=0)[0])
    broken = plane.probabilities.copy()
    broken[3, row - 20 : row + 20] = 0
    found = measure_levels(replace(plane, probabilities=broken), spine, segmentation)
    assert found[3].canal_diameter_mm is None
    assert found[3].disc_height_mm is not None
    assert found[1].canal_diameter_mm is not None


def test_an_image_without_a_canal_is_no_spine(phantom: Phantom) -> None:
    volume = phantom.volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    empty = true_segmentation(phantom, volume).probabilities.copy()
    empty[0] = 2.0
    with pytest.raises(SpineNotFoundError, match="0 mm2 of canal"):
        mid_sagittal(volume, segmentation_of(empty, volume.geometry))


def test_zero_is_never_a_measurement() -> None:
    with pytest.raises(ValueError, match="impossible height_mm: 0"):
        VertebraMeasurement(vertebra=Vertebra.L1, height_mm=0, width_mm=None)
