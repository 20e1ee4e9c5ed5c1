"""A disc gets the grade that its signal and height deserve, with its probability."""

from dataclasses import replace

import pytest

from inference.disc_features import DiscFeatures, disc_features
from inference.grading import GradingModel, load_grading_model, median_grade
from inference.levels import NamedSpine
from inference.midsagittal import MidSagittal
from inference.results import DiscGrading, Level
from inference.shapes import shapes_of

HEALTHY = DiscFeatures(
    level_index=2,
    signal=0.55,
    nucleus_signal=0.7,
    bright_signal=0.85,
    contrast=0.3,
    variation=0.35,
    bone_signal=0.4,
    height_index=0.4,
    signal_in_spine=1.0,
    height_in_spine=1.0,
)
BLACK_AND_COLLAPSED = replace(
    HEALTHY,
    signal=0.1,
    nucleus_signal=0.1,
    bright_signal=0.15,
    contrast=0.0,
    variation=0.3,
    height_index=0.15,
    signal_in_spine=0.2,
    height_in_spine=0.4,
)


@pytest.fixture(scope="module")
def model() -> GradingModel:
    return load_grading_model()


def test_a_black_collapsed_disc_is_worse_than_a_bright_tall_one(
    model: GradingModel,
) -> None:
    discs = {Level.L3_L4: HEALTHY, Level.L4_L5: BLACK_AND_COLLAPSED}
    healthy, collapsed = model.grade(discs)
    assert healthy.pfirrmann <= 2
    assert collapsed.pfirrmann >= 4


def test_no_disc_gives_no_grade(model: GradingModel) -> None:
    assert model.grade({}) == ()


def test_features_do_not_depend_on_the_scale_of_the_gray_values(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    brighter = replace(plane, signal=plane.signal * 3)
    before, after = (
        disc_features(item, spine, shapes_of(item, spine))[Level.L4_L5].row()
        for item in (plane, brighter)
    )
    assert after == pytest.approx(before, rel=1e-4)


def test_a_disc_that_was_not_found_is_not_described(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    others = dict(spine.discs)
    del others[Level.L2_L3]
    without = replace(spine, discs=others)
    found = disc_features(plane, without, shapes_of(plane, without))
    assert Level.L2_L3 not in found
    assert len(found) == 4


@pytest.mark.parametrize(
    ("probabilities", "grade"),
    [
        ([1.0, 0, 0, 0, 0], 1),
        ([0.2, 0.2, 0.2, 0.2, 0.2], 3),
        ([0.4, 0.0, 0.0, 0.3, 0.3], 4),
        ([0, 0, 0, 0, 1.0], 5),
    ],
)
def test_the_grade_is_the_median(probabilities: list[float], grade: int) -> None:
    assert median_grade(probabilities) == grade


def test_a_grade_that_is_not_on_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="no Pfirrmann grade: 6"):
        DiscGrading(level=Level.L1_L2, pfirrmann=6, probabilities=(0, 0, 0, 0, 1))
