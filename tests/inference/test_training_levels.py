"""Names are checked against landmarks, and their confidence on patients left out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.geometry.midsagittal import MidSagittal
from inference.geometry.pieces import centroid
from inference.levels.naming import NamedSpine, name_levels
from inference.phantom.drawing import Phantom
from inference.results import Level
from inference.segmentation.model import load_segmentation_model
from inference.segmentation.preprocessing import NETWORK_SPACING_MM
from inference.training.graded import GradedSlice
from inference.training.levels import (
    Reading,
    calibration,
    fit,
    levels_are_right,
    readings,
    summary,
)

BEHIND_PX = np.array([0, 40])


@pytest.fixture(scope="module")
def item(phantom: Phantom, plane: MidSagittal, spine: NamedSpine) -> GradedSlice:
    """The phantom's middle slice with a landmark behind each disc."""
    volume = phantom.volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    middle = slice(plane.slice_index, plane.slice_index + 1)
    scale = plane.pixel_mm / NETWORK_SPACING_MM
    points = {
        level: tuple((centroid(mask) + BEHIND_PX) * scale)
        for level, mask in spine.discs.items()
    }
    geometry = replace(volume.geometry, shape=(1, *volume.geometry.shape[1:]))
    return GradedSlice(
        patient="1",
        volume=replace(volume, voxels=volume.voxels[middle], geometry=geometry),
        landmarks_px=points,
    )


def test_names_are_right_where_every_landmark_is_at_its_disc(
    item: GradedSlice, plane: MidSagittal, spine: NamedSpine
) -> None:
    assert levels_are_right(item, plane, spine)


def test_names_that_are_moved_by_one_are_wrong(
    item: GradedSlice, plane: MidSagittal
) -> None:
    for shift in (-1, 1):
        assert not levels_are_right(item, plane, name_levels(plane, shift=shift))


def test_a_missing_disc_is_not_right(
    item: GradedSlice, plane: MidSagittal, spine: NamedSpine
) -> None:
    discs = dict(spine.discs)
    del discs[Level.L3_L4]
    assert not levels_are_right(item, plane, replace(spine, discs=discs))


def test_failures_are_pictures_and_the_second_run_reads_what_the_first_kept(
    item: GradedSlice, tmp_path: Path
) -> None:
    model = load_segmentation_model()
    first = readings([item], model, tmp_path)
    assert [reading.is_right for reading in first] == [True]
    assert not list(tmp_path.glob("*.png"))
    upside_down = {
        level: item.landmarks_px[other]
        for level, other in zip(Level, reversed(Level), strict=True)
    }
    second = readings([replace(item, landmarks_px=upside_down)], model, tmp_path)
    assert (second[0].is_right, second[0].truth) == (False, None)
    assert second[0].confidence == first[0].confidence
    assert [path.name for path in tmp_path.glob("*.png")] == ["1.png"]


@pytest.fixture(scope="module")
def known() -> list[Reading]:
    """Three discs each; the second kind of evidence tells the right one, mostly."""
    rng = np.random.default_rng(5)
    found = []
    for patient in range(160):
        evidence = rng.random((3, 2))
        truth = int(rng.integers(3))
        if rng.random() < 0.95:
            evidence[truth, 1] = 2.0
        found.append(
            Reading(
                patient=str(patient),
                is_right=True,
                confidence=0.95,
                warnings=(),
                evidence=evidence,
                truth=truth,
            )
        )
    return found


def test_evidence_that_tells_nothing_gets_no_weight(known: list[Reading]) -> None:
    idle, telling = fit(known)
    assert telling > 2
    assert abs(idle) < telling / 4


def test_probabilities_of_patients_left_out_are_as_often_right_as_they_say(
    known: list[Reading],
) -> None:
    found = calibration(known)
    assert found["patients"] == len(known)
    for part in found["reliability"]:
        assert part["right"] == pytest.approx(part["expected"], abs=6)


def test_the_summary_counts_what_is_wrong_without_a_warning(
    known: list[Reading],
) -> None:
    wrong = replace(known[0], is_right=False, confidence=0.4)
    warned = replace(known[1], is_right=False, warnings=("Check.",))
    found = summary([wrong, warned, *known[2:]], held_out=frozenset({"0", "2"}))
    assert found["all"] == {
        "patients": len(known),
        "all_levels_right": len(known) - 2,
        "wrong_with_warning": 1,
        "right_with_warning": 0,
        "wrong_and_unsure": 1,
        "right_and_unsure": 0,
    }
    assert found["never_trained_on"]["patients"] == 2
    assert found["never_trained_on"]["all_levels_right"] == 1
