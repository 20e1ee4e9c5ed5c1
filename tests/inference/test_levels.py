"""Vertebrae and discs are named from the sacrum upward, and doubt is said."""

from dataclasses import replace

import numpy as np
import pytest

from inference.errors import SpineNotFoundError
from inference.levels import NamedSpine, centroid, name_levels
from inference.midsagittal import CHANNEL, MidSagittal
from inference.results import Level, Structure, Vertebra


def without(plane: MidSagittal, mask: np.ndarray) -> MidSagittal:
    """The same slice with a part turned into background."""
    probabilities = plane.probabilities.copy()
    probabilities[:, mask] = 0
    probabilities[0, mask] = 1
    return replace(plane, probabilities=probabilities)


def test_five_vertebrae_and_five_discs_are_named(spine: NamedSpine) -> None:
    assert set(spine.bodies) == set(Vertebra)
    assert set(spine.discs) == set(Level)
    assert spine.warnings == ()


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


def test_vertebrae_above_l1_have_no_name(spine: NamedSpine) -> None:
    assert [structure for structure, _ in spine.unnamed].count(Structure.VERTEBRA) >= 1


def test_touching_vertebrae_are_told_apart(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    """A bridge of bone across L3/L4, as an osteophyte makes it."""
    probabilities = plane.probabilities.copy()
    row, column = centroid(spine.discs[Level.L3_L4]).astype(int)
    bridge = (slice(row - 25, row + 25), slice(column - 1, column + 1))
    probabilities[:, *bridge] = 0
    probabilities[CHANNEL[Structure.VERTEBRA], *bridge] = 1
    bridged = name_levels(replace(plane, probabilities=probabilities))
    assert set(bridged.bodies) == set(Vertebra)
    assert bridged.warnings == ()


def test_a_missing_lowest_disc_is_a_warning(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    found = name_levels(without(plane, spine.discs[Level.L5_S1]))
    assert any("every name may be too low" in text for text in found.warnings)
    assert Level.L5_S1 not in found.discs


def test_a_missed_disc_is_a_warning_that_names_it(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    found = name_levels(without(plane, spine.discs[Level.L2_L3]))
    assert any("No disc was found at L2/L3" in text for text in found.warnings)


def test_a_missed_vertebra_is_a_warning(plane: MidSagittal, spine: NamedSpine) -> None:
    found = name_levels(without(plane, spine.bodies[Vertebra.L3]))
    assert any("uneven" in text for text in found.warnings)


def test_a_sacrum_out_of_view_is_a_warning(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    bottom = int(centroid(spine.bodies[Vertebra.L4])[0])
    cut = replace(
        plane,
        probabilities=plane.probabilities[:, :bottom],
        signal=plane.signal[:bottom],
    )
    found = name_levels(cut)
    assert any("not in view" in text for text in found.warnings)


def test_a_single_vertebra_is_no_spine(plane: MidSagittal, spine: NamedSpine) -> None:
    others = ~spine.bodies[Vertebra.L3] & ~spine.canal
    with pytest.raises(SpineNotFoundError, match="1 vertebral bodies"):
        name_levels(without(plane, others))
