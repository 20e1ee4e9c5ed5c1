"""A smoke run of the grading's training, and of the measures that it is judged by."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.geometry.midsagittal import MidSagittal
from inference.grading.crops import CROP, level_crops
from inference.grading.model import CUTS, QUESTIONS, GradingParts, load_grading_model
from inference.levels.naming import NamedSpine
from inference.measurements.shapes import shapes_of
from inference.results import (
    MIN_SLIP_PERCENT,
    FindingKind,
    Level,
    Severity,
    Weighting,
)
from inference.training import grading, grading_metrics, severity
from inference.training.graded_discs import COLUMN_OF, Found, GradedDiscs, table
from inference.training.grading import OutOfFold
from inference.training.grading_network import (
    Seen,
    fit,
    frozen_stages,
    graph,
    look,
)

PATIENTS = 24


@pytest.fixture(scope="module", autouse=True)
def smoke() -> Iterator[None]:
    """Few folds, trees and draws: seconds instead of minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grading, "FOLDS", 3)
        patch.setattr(grading, "ROUNDS", 40)
        patch.setattr(grading_metrics, "BOOTSTRAPS", 5)
        yield


@pytest.fixture(scope="module")
def discs() -> GradedDiscs:
    """Discs whose gray tells their grade, and whose grade tells the findings."""
    rng = np.random.default_rng(3)
    grades = np.tile(np.arange(1, 6), PATIENTS)
    count = len(grades)
    images = np.zeros((count, 5, *CROP), np.float16)
    images[:, 0] = (grades / 4)[:, None, None] + rng.normal(0, 0.02, (count, *CROP))
    images[:, 2, 28:36, 20:60] = 1
    series = np.repeat(["t2", "t2", "t1", "space"], count // 4)
    images[series == "t1", 4] = 1
    features = rng.normal(scale=0.1, size=(count, 8))
    features += grades[:, None]
    above = grades[:, None] > np.array(CUTS)
    findings = np.repeat(grades[:, None] > 3, len(FindingKind), axis=1)
    return GradedDiscs(
        patients=np.repeat(np.arange(PATIENTS), 5),
        series=series,
        levels=np.tile(np.arange(5), PATIENTS),
        sure=np.ones(count, bool),
        grades=grades,
        answers=np.hstack([above, findings]),
        names=np.array([f"feature{index}" for index in range(8)]),
        features=features,
        images=images,
    )


@pytest.fixture(scope="module")
def seen(discs: GradedDiscs) -> Seen:
    return look(frozen_stages(), discs.images, discs.answers, variants=2)


@pytest.fixture(scope="module")
def found(discs: GradedDiscs, seen: Seen) -> OutOfFold:
    return grading.cross_validated(discs, seen, epochs=20)


def test_what_can_be_learned_is_learned_by_trees_and_network(
    discs: GradedDiscs, found: OutOfFold
) -> None:
    results = grading.checked(discs, found)
    for name in ("trees", "network", "joined"):
        kappa = results["models"][name]["pfirrmann"]["quadratic_kappa"]
        assert kappa["low"] <= kappa["value"] <= kappa["high"]
        assert kappa["value"] > 0.8
    assert (
        results["models"]["joined"]["findings"]["herniation"]["auroc"]["value"] > 0.95
    )
    assert set(results["on_t1"]) == set(FindingKind)
    assert results["rule"]["herniation"]["of_those_there"] > 0.9


def test_no_patient_is_in_two_folds(discs: GradedDiscs, found: OutOfFold) -> None:
    pairs = set(zip(discs.patients.tolist(), found.folds.tolist(), strict=True))
    assert len(pairs) == PATIENTS


def test_calibrated_probabilities_are_as_often_right_as_they_say() -> None:
    rng = np.random.default_rng(5)
    truth = rng.random(4000)
    answers = rng.random(4000) < truth
    assert grading_metrics.calibration(truth, answers)["error"] < 0.03
    assert grading_metrics.calibration(truth**3, answers)["error"] > 0.1


@pytest.fixture(scope="module")
def parts(discs: GradedDiscs, seen: Seen, found: OutOfFold) -> GradingParts:
    every = np.arange(len(discs.grades))
    return grading.served(
        discs,
        found,
        trees=[tree.model_to_string() for tree in grading.fit_trees(discs, every)],
        network=graph(frozen_stages(), fit(seen, every, seed=0, epochs=1)),
    )


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch on itself
def test_the_written_model_assesses_a_spine(
    parts: GradingParts, plane: MidSagittal, spine: NamedSpine, tmp_path: Path
) -> None:
    grading.write(parts, version="0", directory=tmp_path, quality="None: a test.")
    model = load_grading_model(tmp_path)
    assert model.version.name == "spoils-grading"
    shapes = shapes_of(plane, spine)
    crops = level_crops(plane, spine, shapes)
    assert len(model.assess(crops, shapes, Weighting.T2).gradings) == len(Level)
    assert len(model.assess(crops, shapes, Weighting.T1).findings) == len(Level)


def test_the_written_network_does_not_tell_where_it_was_trained(
    parts: GradingParts,
) -> None:
    assert str(Path.cwd()).encode() not in parts.network
    assert b"site-packages" not in parts.network


def test_a_crop_turned_upside_down_swaps_the_endplates() -> None:
    images = np.zeros((64, 5, *CROP), np.float16)
    answers = np.zeros((64, len(QUESTIONS)), bool)
    answers[:, QUESTIONS.index(FindingKind.UPPER_ENDPLATE)] = True
    seen = look(frozen_stages(), images, answers, variants=2)
    upper, lower, slip = (
        QUESTIONS.index(kind)
        for kind in (
            FindingKind.UPPER_ENDPLATE,
            FindingKind.LOWER_ENDPLATE,
            FindingKind.SPONDYLOLISTHESIS,
        )
    )
    turned = seen.answers[1, :, lower] > 0
    assert 0 < turned.sum() < len(turned)
    assert (seen.answers[1, :, upper] > 0).equal(~turned)
    assert (seen.weights[1, :, slip] == 0).equal(turned)


def test_a_disc_is_paired_with_the_grades_of_its_own_level(
    plane: MidSagittal, spine: NamedSpine, tmp_path: Path
) -> None:
    """Disc 1 of SPIDER is L5/S1, counting upward."""
    with (tmp_path / "gradings.csv").open("w", newline="") as file:
        names = ["patient", "disc", "pfirrmann", *COLUMN_OF.values()]
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for disc in range(1, 6):
            row = dict.fromkeys(names, 0) | {"modic": 2 if disc == 1 else 0}
            writer.writerow(row | {"patient": 7, "disc": disc, "pfirrmann": disc})

    def spines() -> Iterator[Found]:
        yield 7, "t2", plane, spine, True

    columns = table(spines(), tmp_path)
    paired = dict(
        zip(columns["levels"].tolist(), columns["grades"].tolist(), strict=True)
    )
    assert paired == {4: 1, 3: 2, 2: 3, 1: 4, 0: 5}
    modic = columns["answers"][:, QUESTIONS.index(FindingKind.MODIC)]
    assert columns["levels"][modic].tolist() == [4]


@pytest.fixture(scope="module")
def with_slips(discs: GradedDiscs) -> GradedDiscs:
    """Let one feature be the measured slip: as large as the reader's, or none."""
    slipped = discs.answers[:, QUESTIONS.index(FindingKind.SPONDYLOLISTHESIS)]
    slips = np.where(slipped, MIN_SLIP_PERCENT, 0.0)
    return replace(
        discs,
        names=np.array([*discs.names, "slip"]),
        features=np.column_stack([discs.features, slips]),
    )


def test_what_the_reader_says_gets_the_points_of_the_rule(
    with_slips: GradedDiscs,
) -> None:
    """Up to grade III nothing; then endplates 2, slip 1, narrowing 1 to 2 or 2."""
    found = severity.of_reader(with_slips)[:5]
    none, severe = Severity.NONE, Severity.SEVERE
    assert [item.lowest for item in found] == [
        none,
        none,
        none,
        Severity.MODERATE,
        severe,
    ]
    assert [item.highest for item in found] == [none, none, none, severe, severe]


@pytest.mark.filterwarnings("ignore:y_pred contains classes")  # few discs are drawn
def test_network_and_rule_give_the_severity_of_the_same_discs(
    with_slips: GradedDiscs, seen: Seen, found: OutOfFold
) -> None:
    results = severity.compared(with_slips, seen, found, epochs=20)
    assert results["discs"] == (with_slips.series == "t2").sum()
    for name, metrics in results["ways"].items():
        assert metrics["quadratic_kappa"]["value"] > 0.8
        table = results["confusion"][name].values()
        assert sum(sum(row.values()) for row in table) == results["discs"]
    assert results["shown"]["range_holds"] > 0.8
