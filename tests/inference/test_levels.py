"""Vertebrae and discs are named from the sacrum upward, and doubt is said."""

from dataclasses import replace

import numpy as np
import pytest

from inference.errors import SpineNotFoundError
from inference.geometry.midsagittal import CHANNEL, MidSagittal
from inference.geometry.pieces import centroid
from inference.levels.naming import NamedSpine, name_levels
from inference.phantom.drawing import draw_phantom
from inference.phantom.spec import BodySpec, DiscSpec, PhantomSpec, with_grid
from inference.results import (
    MAX_LEVEL_SHIFT,
    SURE_OF_LEVELS,
    Level,
    Structure,
    Vertebra,
)
from tests.inference.conftest import seen

THIN = (3, 340, 256)  # the middle slices are enough here


@pytest.fixture
def thin(spec: PhantomSpec) -> PhantomSpec:
    """The plain spine on three slices."""
    return replace(spec, shape=THIN)


def without(plane: MidSagittal, mask: np.ndarray) -> MidSagittal:
    """The same slice with a part turned into background."""
    probabilities = plane.probabilities.copy()
    probabilities[:, mask] = 0
    probabilities[0, mask] = 1
    return replace(plane, probabilities=probabilities)


def as_vertebra(plane: MidSagittal, part: np.ndarray) -> MidSagittal:
    """The same slice with a part turned into vertebra."""
    probabilities = plane.probabilities.copy()
    probabilities[:, part] = 0
    probabilities[CHANNEL[Structure.VERTEBRA], part] = 1
    return replace(plane, probabilities=probabilities)


def cut_below(plane: MidSagittal, row: float) -> MidSagittal:
    """The same slice that ends at a row."""
    return replace(
        plane,
        probabilities=plane.probabilities[:, : int(row)],
        lumbosacral=plane.lumbosacral[: int(row)],
        signal=plane.signal[: int(row)],
    )


def knowing(plane: MidSagittal, disc: np.ndarray) -> MidSagittal:
    """The same slice with a network that takes a disc for L5/S1."""
    return replace(plane, lumbosacral=np.where(disc, 0.9, 0).astype(np.float32))


def says(spine: NamedSpine, words: str) -> bool:
    """Whether a warning has these words."""
    return any(words in text for text in spine.warnings)


def rows_of(spine: NamedSpine) -> dict[Vertebra, int]:
    """Row of the middle of each named body."""
    return {name: int(centroid(mask)[0]) for name, mask in spine.bodies.items()}


def test_five_vertebrae_and_five_discs_are_named(spine: NamedSpine) -> None:
    assert set(spine.bodies) == set(Vertebra)
    assert set(spine.discs) == set(Level)
    assert spine.warnings == ()
    assert spine.confidence > SURE_OF_LEVELS


def test_names_rise_from_the_lowest(spine: NamedSpine) -> None:
    rows = [centroid(spine.bodies[name])[0] for name in Vertebra]
    assert rows == sorted(rows)
    for level in Level:
        upper = centroid(spine.bodies[level.upper_vertebra])[0]
        assert upper < centroid(spine.discs[level])[0]


def test_posterior_elements_are_no_bodies(spine: NamedSpine) -> None:
    for body in spine.bodies.values():
        rows, columns = np.nonzero(body)
        assert (columns < spine.center_line[rows]).all()


def test_a_pedicle_on_the_slice_is_not_of_the_body(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    """In a scoliosis the slice leaves the canal, and arch and body hang together."""
    row, column = centroid(spine.bodies[Vertebra.L2]).astype(int)
    pedicle = np.zeros_like(spine.canal)
    pedicle[row - 9 : row + 9, column : column + 150] = True  # 7 x 60 mm
    arched = name_levels(as_vertebra(plane, pedicle & ~spine.canal))
    grown = arched.bodies[Vertebra.L2].sum() / spine.bodies[Vertebra.L2].sum()
    assert grown == pytest.approx(1, abs=0.1)


def test_vertebrae_above_l1_have_no_name(spine: NamedSpine) -> None:
    assert [structure for structure, _ in spine.unnamed].count(Structure.VERTEBRA) >= 1


def test_touching_vertebrae_are_told_apart(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    """A bridge of bone across L3/L4, as an osteophyte makes it."""
    bridge = np.zeros_like(spine.canal)
    row, column = centroid(spine.discs[Level.L3_L4]).astype(int)
    bridge[row - 25 : row + 25, column - 8 : column + 8] = True  # 6 mm thick
    bridged = name_levels(as_vertebra(plane, bridge))
    assert set(bridged.bodies) == set(Vertebra)
    assert rows_of(bridged) == pytest.approx(rows_of(spine), abs=5)


def test_fused_vertebrae_count_as_two(plane: MidSagittal, spine: NamedSpine) -> None:
    """A block: the disc L2/L3 is bone, and nothing shows where it was."""
    block = np.zeros_like(spine.canal)
    upper = centroid(spine.bodies[Vertebra.L2]).astype(int)
    lower = centroid(spine.bodies[Vertebra.L3]).astype(int)
    block[upper[0] : lower[0], upper[1] - 48 : upper[1] + 44] = True
    fused = name_levels(as_vertebra(plane, block))
    assert rows_of(fused) == pytest.approx(rows_of(spine), abs=12)
    assert says(fused, "No disc was found at L2/L3")


def test_crushed_and_fused_vertebrae_are_cut_at_what_is_left_of_their_disc(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    disc = spine.discs[Level.L2_L3]
    column = int(centroid(disc)[1])
    rest = np.zeros_like(disc)
    rest[:, column - 12 : column + 12] = True
    around = np.argwhere(disc)
    block = np.zeros_like(disc)
    top, bottom = around[:, 0].min() - 4, around[:, 0].max() + 4
    block[top:bottom, around[:, 1].min() : around[:, 1].max()] = True
    fused = name_levels(as_vertebra(plane, block & ~(disc & rest) & ~spine.canal))
    assert set(fused.bodies) == set(Vertebra)
    assert rows_of(fused) == pytest.approx(rows_of(spine), abs=12)


def test_pieces_of_a_broken_disc_are_one_disc(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    gap = np.zeros_like(spine.canal)
    column = int(centroid(spine.discs[Level.L5_S1])[1])
    gap[:, column - 6 : column + 6] = True
    broken = name_levels(without(plane, gap & spine.discs[Level.L5_S1]))
    whole = spine.discs[Level.L5_S1].sum()
    assert broken.discs[Level.L5_S1].sum() == pytest.approx(whole, rel=0.3)
    assert broken.discs[Level.L5_S1][:, : column - 6].any()
    assert broken.discs[Level.L5_S1][:, column + 6 :].any()


@pytest.mark.parametrize("degrees", [-25, 25])
def test_a_patient_who_lies_askew_has_the_same_names(
    thin: PhantomSpec, degrees: float
) -> None:
    """The names follow the spine and not the rows of the image."""
    turned = replace(thin, rotation_degrees=(degrees, 0, 0))
    found = name_levels(seen(draw_phantom(turned)))
    assert set(found.bodies) == set(Vertebra)
    assert set(found.discs) == set(Level)
    for upper, lower in zip(Vertebra, list(Vertebra)[1:], strict=False):
        disc = next(d for d in Level if d.vertebrae == (upper, lower))
        middle = (centroid(found.bodies[upper]) + centroid(found.bodies[lower])) / 2
        assert centroid(found.discs[disc]) == pytest.approx(middle, abs=10)


def test_a_scoliosis_keeps_its_names(thin: PhantomSpec) -> None:
    """The slice leaves the canal at both ends, where only bone is seen."""
    curved = replace(thin, rotation_degrees=(0, 7, 0))
    found = name_levels(seen(draw_phantom(curved)))
    assert set(found.bodies) == set(Vertebra)
    assert set(found.discs) == set(Level)


def test_a_steep_lowest_disc_is_still_l5_s1(thin: PhantomSpec) -> None:
    lowest = replace(thin.discs[0], wedge_degrees=24)
    steep = replace(thin, discs=(lowest, *thin.discs[1:]), sacral_slope_degrees=65)
    found = name_levels(seen(draw_phantom(steep)))
    assert set(found.discs) == set(Level)
    assert found.confidence > SURE_OF_LEVELS


def test_a_missing_lowest_disc_is_a_warning(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    found = name_levels(without(plane, spine.discs[Level.L5_S1]))
    assert says(found, "every name may be too low")
    assert Level.L5_S1 not in found.discs
    assert found.confidence < SURE_OF_LEVELS


def test_a_missed_disc_is_a_warning_that_names_it(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    found = name_levels(without(plane, spine.discs[Level.L2_L3]))
    assert says(found, "No disc was found at L2/L3")
    assert rows_of(found) == rows_of(spine)


def test_a_missed_vertebra_is_a_warning_and_moves_no_name(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    found = name_levels(without(plane, spine.bodies[Vertebra.L3]))
    assert says(found, "No vertebra was recognized at L3")
    assert Vertebra.L3 not in found.bodies
    assert rows_of(found) == {
        name: row for name, row in rows_of(spine).items() if name != Vertebra.L3
    }


def test_a_missed_vertebra_with_both_its_discs_moves_no_name(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    gap = spine.bodies[Vertebra.L3] | spine.discs[Level.L2_L3]
    found = name_levels(without(plane, gap | spine.discs[Level.L3_L4]))
    assert says(found, "No vertebra was recognized at L3")
    assert rows_of(found)[Vertebra.L2] == rows_of(spine)[Vertebra.L2]
    assert rows_of(found)[Vertebra.L4] == rows_of(spine)[Vertebra.L4]


def test_a_missed_l5_leaves_its_disc_as_a_doubt(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    """Two discs without a vertebra between them: a missed L5, or S1/S2 is seen."""
    found = name_levels(without(plane, spine.bodies[Vertebra.L5]))
    is_noticed = says(found, "No vertebra was recognized at L5")
    assert is_noticed or found.confidence < SURE_OF_LEVELS


def test_a_sacrum_out_of_view_is_a_warning(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    found = name_levels(cut_below(plane, centroid(spine.bodies[Vertebra.L4])[0]))
    assert says(found, "not in view")
    assert found.confidence <= 0.5


def test_a_vertebra_at_the_edge_is_partial(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    assert spine.partial == frozenset()
    found = name_levels(cut_below(plane, centroid(spine.bodies[Vertebra.L5])[0]))
    assert found.partial == {Vertebra.L5}
    assert rows_of(found)[Vertebra.L4] == rows_of(spine)[Vertebra.L4]


def test_the_network_s_own_l5_s1_counts_most(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    sure = name_levels(knowing(plane, spine.discs[Level.L5_S1]))
    assert sure.confidence > spine.confidence
    torn = name_levels(knowing(plane, spine.discs[Level.L4_L5]))
    assert torn.confidence < SURE_OF_LEVELS
    assert says(torn, "only a proposal")


def test_signs_of_l5_s1_at_a_second_disc_are_said(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    both = np.where(spine.discs[Level.L5_S1], 0.9, 0)
    both = np.where(spine.discs[Level.L4_L5], 0.06, both).astype(np.float32)
    torn = name_levels(replace(plane, lumbosacral=both))
    assert rows_of(torn) == rows_of(spine)
    assert says(torn, "signs of L5/S1 at a second disc")


def test_where_the_network_knows_no_l5_s1_bodies_and_discs_decide(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    nothing = replace(plane, lumbosacral=np.zeros_like(plane.lumbosacral))
    assert rows_of(name_levels(nothing)) == rows_of(spine)


def lumbarized(thin: PhantomSpec) -> PhantomSpec:
    """A spine whose S1 looks like a sixth lumbar vertebra, with a short disc below."""
    disc = DiscSpec(
        height_mm=4, wedge_degrees=4, slip_mm=0, degeneration=0.5, canal_mm=14
    )
    body = BodySpec(height_mm=25, width_mm=21, canal_mm=14)
    return replace(
        thin,
        discs=(disc, *thin.discs),
        bodies=(body, *thin.bodies),
        shape=(3, 420, 256),
    )


def test_a_transitional_vertebra_is_said(thin: PhantomSpec) -> None:
    found = name_levels(seen(draw_phantom(lumbarized(thin))))
    assert says(found, "there may be four or six lumbar ones")


def test_of_six_lumbar_vertebrae_the_sixth_is_said_where_l5_s1_is_known(
    thin: PhantomSpec,
) -> None:
    plane = seen(draw_phantom(lumbarized(thin)))
    lowest = name_levels(plane).discs[Level.L4_L5]
    found = name_levels(knowing(plane, lowest), shift=-1)
    assert says(found, "six lumbar vertebrae")
    assert Structure.VERTEBRA in dict(found.unnamed)


def test_four_lumbar_vertebrae_are_counted_from_the_sacrum_and_moved_in_one_call(
    thin: PhantomSpec,
) -> None:
    """Nothing on the slice tells T12 from L1: the count starts at the sacrum."""
    fifth = replace(thin, discs=thin.discs[1:], bodies=thin.bodies[1:])
    plane = seen(draw_phantom(fifth))
    counted, moved = name_levels(plane), name_levels(plane, shift=1)
    assert rows_of(moved)[Vertebra.L4] == rows_of(counted)[Vertebra.L5]
    assert Vertebra.L5 not in moved.bodies


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_shift_moves_every_name_by_one(
    plane: MidSagittal, spine: NamedSpine, shift: int
) -> None:
    moved = name_levels(plane, shift=shift)
    before, after = list(Vertebra), dict(rows_of(moved))
    for index, name in enumerate(before):
        if 0 <= index - shift < len(before):
            assert after[before[index - shift]] == rows_of(spine)[name]


def test_a_shift_and_its_opposite_are_told_apart(plane: MidSagittal) -> None:
    higher = name_levels(plane, shift=1)
    lower = name_levels(plane, shift=-1)
    assert Vertebra.L5 not in higher.bodies
    assert says(lower, "six lumbar vertebrae")
    assert not says(lower, "only a proposal")


def test_a_shift_beyond_the_spine_names_nothing_and_fails_nowhere(
    plane: MidSagittal,
) -> None:
    for shift in range(-MAX_LEVEL_SHIFT, MAX_LEVEL_SHIFT + 1):
        name_levels(plane, shift=shift)
    with pytest.raises(ValueError, match="at most, got 4"):
        name_levels(plane, shift=4)


def test_a_single_vertebra_is_no_spine(plane: MidSagittal, spine: NamedSpine) -> None:
    others = ~spine.bodies[Vertebra.L3] & ~spine.canal
    with pytest.raises(SpineNotFoundError, match="1 vertebral bodies"):
        name_levels(without(plane, others))


def test_finer_pixels_change_no_name(spec: PhantomSpec, spine: NamedSpine) -> None:
    fine = with_grid(spec, shape=(3, 425, 320), spacing_mm=(4.5, 0.6, 0.6))
    found = name_levels(seen(draw_phantom(fine)))
    assert set(found.bodies) == set(spine.bodies)
    assert found.confidence == pytest.approx(spine.confidence, abs=0.05)
