"""What is measured on a drawn spine is what was drawn, however it was imaged."""

from dataclasses import replace

import numpy as np
import pytest

from inference.errors import SpineNotFoundError
from inference.geometry.midsagittal import CHANNEL, mid_sagittal
from inference.levels.naming import name_levels
from inference.measurements.measure import Measurements, measure
from inference.phantom.drawing import Phantom, draw_phantom
from inference.phantom.spec import BODY_WEDGE_DEGREES, PhantomSpec, random_spec
from inference.results import (
    Caliper,
    Level,
    LevelMeasurement,
    Structure,
    Vertebra,
    VertebraMeasurement,
)
from inference.segmentation.preprocessing import NETWORK_SPACING_MM
from inference.segmentation.segment import segmentation_of
from inference.training.geometry import (
    KnownLength,
    known_lengths,
    measured,
    random_grid,
    true_segmentation,
)
from inference.volume import Geometry, Volume


def worst(found: list[KnownLength]) -> float:
    """Largest error in mm; what was not measured is infinitely wrong."""
    return max(
        np.inf if item.measured is None else abs(item.measured - item.truth)
        for item in found
        if item.quantity.endswith("_mm")
    )


@pytest.fixture(scope="module")
def found(phantom: Phantom) -> Measurements:
    return measured(phantom)


def test_every_length_is_near_the_drawn_one(
    phantom: Phantom, found: Measurements
) -> None:
    assert worst(known_lengths(phantom, found)) < 0.8


def test_wedges_and_lordosis_are_near_the_drawn_ones(spec: PhantomSpec) -> None:
    bodies = tuple(
        replace(body, wedge_degrees=wedge)
        for body, wedge in zip(spec.bodies, BODY_WEDGE_DEGREES, strict=True)
    )
    wedged = draw_phantom(replace(spec, bodies=bodies))
    angles = [
        (item.measured, item.truth)
        for item in known_lengths(wedged, measured(wedged))
        if item.quantity.endswith("_degrees")
    ]
    assert len(angles) == len(Vertebra) + 1
    for value, truth in angles:
        assert value == pytest.approx(truth, abs=1.5)


@pytest.mark.parametrize("seed", range(3))
def test_random_spines_are_measured_on_oblique_anisotropic_grids(seed: int) -> None:
    """A smoke run of ``python -m inference.training geometry``."""
    rng = np.random.default_rng(seed)
    phantom = draw_phantom(random_grid(random_spec(rng), rng))
    lengths = [
        item
        for item in known_lengths(phantom, measured(phantom))
        if item.quantity.endswith("_mm")
    ]
    errors = [
        np.inf if item.measured is None else abs(item.measured - item.truth)
        for item in lengths
    ]
    assert np.median(errors) < 0.3
    assert np.percentile(errors, 95) < 1.0


def test_a_slip_is_measured_with_its_sign_and_grade(spec: PhantomSpec) -> None:
    discs = list(spec.discs)
    discs[1] = replace(discs[1], slip_mm=6.0)
    discs[2] = replace(discs[2], slip_mm=-4.0)
    drawn = draw_phantom(replace(spec, discs=tuple(discs)))
    forward, backward = measured(drawn).levels[3], measured(drawn).levels[2]
    assert forward.slip_mm == pytest.approx(drawn.levels[3].slip_mm, abs=0.6)
    assert backward.slip_mm == pytest.approx(drawn.levels[2].slip_mm, abs=0.6)
    assert forward.meyerding_grade == 1
    assert forward.slip_percent is not None
    assert forward.slip_percent == pytest.approx(100 * 6 / 34, abs=4)


def test_no_slip_is_measured_between_endplates_that_cannot_face_each_other(
    spec: PhantomSpec,
) -> None:
    bodies = list(spec.bodies)
    bodies[2] = replace(bodies[2], width_mm=bodies[2].width_mm * 0.6)
    levels = {
        item.level: item
        for item in measured(draw_phantom(replace(spec, bodies=tuple(bodies)))).levels
    }
    for between in (Level.L2_L3, Level.L3_L4):
        assert levels[between].disc_height_mm is not None
        assert levels[between].slip_percent is None
        assert levels[between].meyerding_grade is None
    assert levels[Level.L4_L5].slip_percent is not None


def test_a_scoliotic_spine_is_followed_from_slice_to_slice(spec: PhantomSpec) -> None:
    bent = draw_phantom(replace(spec, scoliosis_degrees=35.0, shape=(17, 340, 256)))
    volume = bent.volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    plane = mid_sagittal(volume, true_segmentation(bent, volume))
    assert np.ptp(plane.slice_position) > 2
    assert worst(known_lengths(bent, measured(bent))) < 1.0


def test_a_straight_spine_is_read_on_one_slice(phantom: Phantom) -> None:
    volume = phantom.volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    plane = mid_sagittal(volume, true_segmentation(phantom, volume))
    assert set(plane.slice_position) == {plane.slice_index}
    assert plane.slice_index == volume.geometry.shape[0] // 2


def test_a_volume_of_one_slice_is_measured(phantom: Phantom) -> None:
    index = phantom.volume.geometry.shape[0] // 2
    affine = phantom.volume.geometry.affine_mm.copy()
    affine[:3, 3] += index * affine[:3, 0]
    rows, columns = phantom.volume.geometry.shape[1:]
    single = replace(
        phantom,
        volume=Volume(
            voxels=phantom.volume.voxels[[index]],
            geometry=Geometry(affine_mm=affine, shape=(1, rows, columns)),
        ),
        labels=phantom.labels[[index]],
    )
    assert worst(known_lengths(single, measured(single))) < 0.8


def calipers_of(found: Measurements) -> list[tuple[Caliper, float]]:
    """All calipers of levels and vertebrae with the values of their fields."""
    items: list[LevelMeasurement | VertebraMeasurement] = [
        *found.levels,
        *found.vertebrae,
    ]
    return [
        (caliper, getattr(item, caliper.quantity))
        for item in items
        for caliper in item.calipers
    ]


def lengths_of(found: Measurements) -> np.ndarray:
    return np.array([value for _, value in calipers_of(found)])


def reimaged(phantom: Phantom, order: list[int], flips: tuple[int, ...]) -> Phantom:
    """The same voxels at the same places, stored in another order of axes."""
    voxels = np.flip(phantom.volume.voxels.transpose(order), flips)
    labels = np.flip(phantom.labels.transpose(order), flips)
    affine = phantom.volume.geometry.affine_mm[:, [*order, 3]].copy()
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
        affine[:3, axis] *= -1
    geometry = Geometry(affine_mm=affine, shape=voxels.shape)
    volume = Volume(voxels=np.ascontiguousarray(voxels), geometry=geometry)
    return replace(phantom, volume=volume, labels=np.ascontiguousarray(labels))


@pytest.mark.parametrize(
    ("order", "flips"),
    [
        ([0, 1, 2], (0,)),
        ([0, 1, 2], (1,)),
        ([0, 2, 1], ()),
        ([0, 2, 1], (0, 1, 2)),
    ],
)
def test_the_order_of_slices_rows_and_columns_changes_nothing(
    phantom: Phantom, found: Measurements, order: list[int], flips: tuple[int, ...]
) -> None:
    other = measured(reimaged(phantom, order, flips))
    assert lengths_of(other) == pytest.approx(lengths_of(found), abs=0.02)
    for before, after in zip(found.levels, other.levels, strict=True):
        assert after.disc_signal_ratio == pytest.approx(before.disc_signal_ratio)
        for one, two in zip(before.calipers, after.calipers, strict=True):
            assert two.start_mm == pytest.approx(one.start_mm, abs=0.05)


@pytest.mark.parametrize(
    "change",
    [
        {"rotation_degrees": (12.0, 0.0, 0.0)},
        {"rotation_degrees": (-4.0, 5.0, 5.0)},
        {"spacing_mm": (4.5, 0.5, 1.1), "shape": (9, 510, 175)},
        {"spacing_mm": (3.0, 0.6, 0.6), "shape": (13, 425, 320)},
    ],
)
def test_turning_and_resampling_change_no_length(
    spec: PhantomSpec, found: Measurements, change: dict[str, object]
) -> None:
    drawn = draw_phantom(replace(spec, **change))  # type: ignore[arg-type]
    differences = np.abs(lengths_of(measured(drawn)) - lengths_of(found))
    assert np.median(differences) < 0.2
    assert np.percentile(differences, 95) < 1.0


def test_calipers_are_as_long_as_the_lengths_they_show(found: Measurements) -> None:
    def distance_mm(caliper: Caliper) -> float:
        return float(np.linalg.norm(np.subtract(caliper.end_mm, caliper.start_mm)))

    pairs = calipers_of(found)
    assert len(pairs) == len(Level) * 7 + len(Vertebra) * 6
    for caliper, value_mm in pairs:
        assert distance_mm(caliper) == pytest.approx(abs(value_mm), abs=0.05)
        assert caliper.uncertainty_mm is not None


def test_calipers_lie_on_their_structure_in_the_patient(
    phantom: Phantom, found: Measurements
) -> None:
    """The middle of a disc's height is a voxel of the disc."""
    affine = np.linalg.inv(phantom.volume.geometry.affine_mm)
    for level in found.levels:
        [caliper] = [x for x in level.calipers if x.quantity == "disc_height_mm"]
        middle = (np.array(caliper.start_mm) + caliper.end_mm) / 2
        index = np.round(affine[:3, :3] @ middle + affine[:3, 3]).astype(int)
        assert phantom.labels[tuple(index)] == CHANNEL[Structure.DISC]
        assert caliper.start_mm[2] > caliper.end_mm[2]  # from the head downward


def test_volume_is_that_of_the_disc_voxels(
    phantom: Phantom, found: Measurements
) -> None:
    total = sum(level.disc_volume_mm3 or 0 for level in found.levels)
    drawn = (
        np.count_nonzero(phantom.labels == 2) * phantom.volume.geometry.voxel_volume_mm3
    )
    assert 0.6 * drawn < total < drawn  # thoracic discs are drawn too


def test_a_degenerated_disc_has_less_signal(spec: PhantomSpec) -> None:
    discs = list(spec.discs)
    discs[0], discs[1] = (
        replace(discs[0], degeneration=0.0),
        replace(discs[1], degeneration=1.0),
    )
    levels = measured(draw_phantom(replace(spec, discs=tuple(discs)))).levels
    for name in ("disc_signal_ratio", "nucleus_signal_ratio"):
        bright, black = getattr(levels[-1], name), getattr(levels[-2], name)
        assert bright > 2 * black


def test_height_indices_follow_their_definitions(
    phantom: Phantom, found: Measurements
) -> None:
    bodies = {item.vertebra: item.height_mm for item in phantom.vertebrae}
    level, truth = found.levels[3], phantom.levels[3]
    neighbors = (bodies[Vertebra.L4] + bodies[Vertebra.L5]) / 2
    ends = truth.disc_height_anterior_mm + truth.disc_height_posterior_mm
    assert level.level is Level.L4_L5
    assert level.disc_height_index_ratio == pytest.approx(
        truth.disc_height_mm / neighbors, rel=0.05
    )
    assert level.disc_height_to_width_ratio == pytest.approx(
        ends / truth.disc_width_mm, rel=0.05
    )


def test_a_canal_that_ends_behind_a_disc_is_not_measured_there(
    phantom: Phantom,
) -> None:
    volume = phantom.volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    masks = true_segmentation(phantom, volume)
    plane = mid_sagittal(volume, masks)
    spine = name_levels(plane)
    row = int(np.argwhere(spine.discs[Level.L4_L5]).mean(axis=0)[0])
    broken = plane.probabilities.copy()
    broken[CHANNEL[Structure.CANAL], row - 20 : row + 20] = 0
    found = measure(replace(plane, probabilities=broken), spine, masks)
    assert found.levels[3].canal_diameter_mm is None
    assert found.levels[3].disc_height_mm is not None
    assert found.levels[1].canal_diameter_mm is not None
    assert found.spine.smallest_canal_mm is None


def test_a_vertebra_that_the_image_cuts_is_partial(phantom: Phantom) -> None:
    center = phantom.volume.geometry.shape[1] // 2
    cut = replace(
        phantom,
        volume=Volume(
            voxels=phantom.volume.voxels[:, center:],
            geometry=Geometry(
                affine_mm=shifted_rows(phantom.volume.geometry.affine_mm, center),
                shape=phantom.volume.voxels[:, center:].shape,
            ),
        ),
        labels=phantom.labels[:, center:],
    )
    partial = [item for item in measured(cut).vertebrae if item.is_partial]
    assert len(partial) == 1
    assert partial[0].height_mm is None


def shifted_rows(affine_mm: np.ndarray, rows: int) -> np.ndarray:
    shifted = affine_mm.copy()
    shifted[:3, 3] += rows * shifted[:3, 1]
    return shifted


def test_an_image_without_a_canal_is_no_spine(phantom: Phantom) -> None:
    volume = phantom.volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    empty = true_segmentation(phantom, volume).probabilities.copy()
    empty[0] = 2.0
    with pytest.raises(SpineNotFoundError, match="0 mm2 of canal"):
        mid_sagittal(volume, segmentation_of(empty, volume.geometry))


def test_zero_is_never_a_length() -> None:
    with pytest.raises(ValueError, match="impossible height_mm: 0"):
        VertebraMeasurement(vertebra=Vertebra.L1, height_mm=0, width_mm=None)
