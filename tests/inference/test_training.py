"""A smoke run of training: it learns, resumes after a kill and exports."""

import json
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from inference.phantom.drawing import Phantom
from inference.results import Structure
from inference.segmentation.model import load_segmentation_model
from inference.segmentation.network import CLASSES, ENCODERS, DeepLabV3Plus
from inference.segmentation.preprocessing import normalized
from inference.segmentation.reference_engine import load_reference_model
from inference.training.augmentation import CROP, random_contrast, random_crops
from inference.training.cross_validation import cross_validate
from inference.training.data import LabeledSlice, split_by_patient
from inference.training.evaluation import overlap, reference_segmentation
from inference.training.export import export
from inference.training.segmentation import (
    Pools,
    Recipe,
    load_averaged,
    moving_average,
    train,
)

RECIPE = Recipe(steps=2, batch=2, phantom_share=1.0)


@pytest.fixture(scope="module")
def slices(phantom: Phantom) -> list[LabeledSlice]:
    return [
        LabeledSlice(
            patient="1",
            image=normalized(phantom.volume.voxels[index]),
            labels=phantom.labels[index],
            spacing_mm=(0.75, 0.75),
        )
        for index in (3, 4, 5)
    ]


@pytest.fixture(scope="module")
def run(slices: list[LabeledSlice], tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("run")
    train(RECIPE, Pools(phantoms=slices), directory=directory)
    return directory


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_scores_every_pixel(encoder: str) -> None:
    scores = DeepLabV3Plus(encoder).eval()(torch.zeros(1, 1, 64, 48))
    assert scores.shape == (1, CLASSES, 64, 48)


def test_crops_keep_image_and_labels_together(slices: list[LabeledSlice]) -> None:
    """An image that shows its own labels still does after every deformation."""
    drawn = replace(slices[1], image=slices[1].labels.astype(np.float32))
    images, labels = random_crops([drawn] * 4, np.random.default_rng(5))
    assert images.shape == (4, 1, *CROP)
    agreement = (images[:, 0].round() == labels).float().mean()
    assert agreement > 0.97


def test_contrast_changes_the_image_and_keeps_it_finite(
    slices: list[LabeledSlice],
) -> None:
    rng = np.random.default_rng(6)
    images, labels = random_crops(slices, rng)
    changed = random_contrast(images, labels, rng)
    assert torch.isfinite(changed).all()
    assert not torch.equal(changed, images)


def test_a_finished_run_is_not_trained_again(
    run: Path, slices: list[LabeledSlice]
) -> None:
    log = (run / "log.jsonl").read_text()
    train(RECIPE, Pools(phantoms=slices), directory=run)
    assert (run / "log.jsonl").read_text() == log
    assert json.loads(log)["step"] == RECIPE.steps


def test_a_checkpoint_of_another_recipe_is_refused(
    run: Path, slices: list[LabeledSlice]
) -> None:
    other = replace(RECIPE, seed=8)
    with pytest.raises(ValueError, match="another recipe"):
        train(other, Pools(phantoms=slices), directory=run)


def test_the_average_of_a_short_run_forgets_its_random_start() -> None:
    network = nn.Linear(1, 1)
    averaged = moving_average(network)
    for weight in [0.0] + 300 * [1.0]:
        nn.init.constant_(network.weight, weight)
        averaged.update_parameters(network)
    assert next(averaged.parameters()) > 0.99


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch on itself
def test_the_exported_network_is_the_trained_one(run: Path, tmp_path: Path) -> None:
    recipe, network = load_averaged(run)
    export(network, encoder=recipe.encoder, version="0", directory=tmp_path)
    images = np.random.default_rng(0).random((1, 64, 64), dtype=np.float32)
    with torch.inference_mode():
        scores = network(torch.from_numpy(images[:, None]))
    expected = torch.softmax(scores, dim=1).numpy()
    for model in (load_segmentation_model(tmp_path), load_reference_model(tmp_path)):
        np.testing.assert_allclose(model.probabilities(images), expected, atol=1e-4)


def test_cross_validation_measures_every_patient_once(
    slices: list[LabeledSlice], tmp_path: Path
) -> None:
    both = [replace(item, patient=name) for name in ("1", "2") for item in slices]
    results = cross_validate(RECIPE, both, slices, folds=2, directory=tmp_path)
    assert sorted(item.patient for item in results) == ["1", "2"]
    assert {path.name for path in tmp_path.iterdir()} == {"fold0", "fold1"}


def test_overlap_tells_what_is_too_much_from_what_is_missing(
    slices: list[LabeledSlice],
) -> None:
    truth = reference_segmentation(slices)
    same = overlap(truth, truth, Structure.DISC)
    assert set(astuple(same)) == {1.0, 0.0}
    assert same.hd95_mm == 0.0
    no_labels = np.zeros_like(slices[2].labels)
    cut = reference_segmentation([*slices[:2], replace(slices[2], labels=no_labels)])
    less = overlap(cut, truth, Structure.DISC)
    more = overlap(truth, cut, Structure.DISC)
    assert less.precision == more.recall == 1.0
    assert less.recall == more.precision < 1.0
    assert less.dice == more.dice < 1.0


def test_no_patient_is_on_both_sides_of_the_split(slices: list[LabeledSlice]) -> None:
    many = [
        replace(item, patient=str(patient))
        for patient in range(1, 11)
        for item in slices
    ]
    train_on, held_out = split_by_patient(many)
    assert held_out
    assert not {s.patient for s in train_on} & {s.patient for s in held_out}
