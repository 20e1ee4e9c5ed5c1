"""A disc is graded by what it looks like, as far as the contrast allows."""

from dataclasses import replace

import numpy as np
import pytest

from inference.geometry.midsagittal import MidSagittal
from inference.grading.crops import CENTER, CROP, level_crops, network_input
from inference.grading.features import disc_features
from inference.grading.model import (
    CUTS,
    QUESTIONS,
    Assessment,
    GradingModel,
    GradingParts,
    Joining,
    in_order,
    load_grading_model,
)
from inference.grading.outline import DiscOutline
from inference.levels.naming import NamedSpine
from inference.measurements.shapes import shapes_of
from inference.results import DiscGrading, FindingKind, Level, Weighting


@pytest.fixture(scope="module")
def model() -> GradingModel:
    return load_grading_model()


def assessed(
    model: GradingModel,
    plane: MidSagittal,
    spine: NamedSpine,
    weighting: Weighting = Weighting.T2,
) -> Assessment:
    shapes = shapes_of(plane, spine)
    return model.assess(level_crops(plane, spine, shapes), shapes, weighting)


def with_disc_signal(
    plane: MidSagittal, spine: NamedSpine, level: Level, factor: float
) -> MidSagittal:
    signal = plane.signal.copy()
    signal[spine.discs[level]] *= factor
    return replace(plane, signal=signal)


def test_every_disc_has_a_grade_and_all_findings(
    model: GradingModel, plane: MidSagittal, spine: NamedSpine
) -> None:
    found = assessed(model, plane, spine)
    assert [item.level for item in found.gradings] == list(Level)
    assert [item.level for item in found.findings] == list(Level)
    for grading in found.gradings:
        assert min(grading.probabilities) >= 0
        assert sum(grading.probabilities) == pytest.approx(1)
    for disc in found.findings:
        assert all(disc.probability(kind) is not None for kind in FindingKind)


def test_a_disc_that_loses_its_water_gets_a_worse_grade(
    model: GradingModel, plane: MidSagittal, spine: NamedSpine
) -> None:
    bright = with_disc_signal(plane, spine, Level.L3_L4, 2.0)
    black = with_disc_signal(plane, spine, Level.L3_L4, 0.3)
    before, after = (
        {item.level: item.pfirrmann for item in assessed(model, image, spine).gradings}
        for image in (bright, black)
    )
    assert after[Level.L3_L4] > before[Level.L3_L4]


@pytest.mark.parametrize("weighting", [Weighting.FAT_SUPPRESSED, Weighting.UNKNOWN])
def test_a_contrast_that_was_not_trained_on_is_not_assessed(
    model: GradingModel,
    plane: MidSagittal,
    spine: NamedSpine,
    weighting: Weighting,
) -> None:
    assert assessed(model, plane, spine, weighting) == Assessment()


def test_on_t1_there_are_findings_and_no_grade(
    model: GradingModel, plane: MidSagittal, spine: NamedSpine
) -> None:
    found = assessed(model, plane, spine, Weighting.T1)
    assert found.gradings == ()
    assert [item.level for item in found.findings] == list(Level)


def test_no_disc_gives_no_grade(
    model: GradingModel, plane: MidSagittal, spine: NamedSpine
) -> None:
    assert model.assess({}, shapes_of(plane, spine), Weighting.T2) == Assessment()


def test_nothing_depends_on_the_scale_of_the_gray_values(
    model: GradingModel, plane: MidSagittal, spine: NamedSpine
) -> None:
    brighter = replace(plane, signal=plane.signal * 3)
    before, after = (assessed(model, image, spine) for image in (plane, brighter))
    for one, other in zip(before.gradings, after.gradings, strict=True):
        assert other.probabilities == pytest.approx(one.probabilities, abs=1e-3)


def test_a_disc_lies_in_the_middle_of_its_crop(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    for crop in level_crops(plane, spine, shapes_of(plane, spine)).values():
        outline = DiscOutline.of(crop.disc)
        assert outline is not None
        middle = np.argwhere(outline.inside).mean(axis=0)
        assert middle == pytest.approx(CENTER, abs=5)  # pixels; a wedge is off


def test_a_disc_that_was_not_found_is_not_described(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    others = dict(spine.discs)
    del others[Level.L2_L3]
    without = replace(spine, discs=others)
    shapes = shapes_of(plane, without)
    found = disc_features(level_crops(plane, without, shapes), shapes)
    assert Level.L2_L3 not in found
    assert np.isnan(found[Level.L3_L4]["signal_above"])


def test_the_network_is_told_that_it_sees_t1(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    crops = level_crops(plane, spine, shapes_of(plane, spine))
    t2, t1 = (
        network_input(crops[Level.L4_L5], name) for name in (Weighting.T2, Weighting.T1)
    )
    assert (t2[-1].max(), t1[-1].min()) == (0, 1)
    bone = crops[Level.L4_L5].vertebra >= 0.8
    assert np.median(t1[0][bone]) == pytest.approx(0.5, abs=0.01)


JOINING = Joining(
    features=("signal",),
    on_t2=((0.0, 1.0, 0.0),) * len(QUESTIONS),
    on_t1=((0.0, 1.0),) * len(FindingKind),
    limits=(1.5, 2.5, 3.5, 4.5),
)


@pytest.mark.parametrize(
    ("above", "grade"),
    [
        ((0, 0, 0, 0), 1),
        ((1, 0.4, 0, 0), 2),
        ((1, 1, 0.6, 0.1), 4),
        ((1, 1, 1, 1), 5),
    ],
)
def test_the_grade_is_the_expected_one(above: tuple[float, ...], grade: int) -> None:
    assert JOINING.grade(np.array(above)) == grade


def test_no_grade_is_less_likely_than_none() -> None:
    above = in_order(np.array([[0.9, 0.3, 0.5, 0.1]]))
    assert above.tolist() == [[0.9, 0.3, 0.3, 0.1]]
    assert len(CUTS) == above.shape[1]


def test_a_model_file_is_read_as_it_was_written() -> None:
    parts = GradingParts(
        trees=tuple(str(index) for index in range(len(QUESTIONS))),
        network=b"graph",
        joining=JOINING,
    )
    again = GradingParts.unpacked(parts.packed())
    assert (again.trees, again.network, again.joining) == (
        parts.trees,
        parts.network,
        parts.joining,
    )
    assert again.packed() == parts.packed()


def test_a_crop_without_a_disc_has_no_outline() -> None:
    assert DiscOutline.of(np.zeros(CROP, np.float32)) is None


def test_a_grade_that_is_not_on_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="no Pfirrmann grade: 6"):
        DiscGrading(level=Level.L1_L2, pfirrmann=6, probabilities=(0, 0, 0, 0, 1))
