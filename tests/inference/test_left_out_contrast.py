"""What helps on a contrast without masks is measured on that contrast alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from inference.geometry.midsagittal import CHANNEL
from inference.phantom.drawing import Phantom
from inference.results import Structure
from inference.segmentation.model import load_segmentation_model
from inference.segmentation.preprocessing import normalized
from inference.training.data import LabeledSlice
from inference.training.evaluation import dice
from inference.training.left_out_contrast import (
    LEFT_OUT,
    WAYS,
    Asked,
    compare,
    to_ask,
)
from inference.training.pseudo_labels import UnlabeledSlice, read, write
from inference.training.segmentation import Pools


@pytest.fixture(scope="module")
def t2(phantom: Phantom) -> UnlabeledSlice:
    return UnlabeledSlice(
        file="1_t2.png",
        patient="1",
        contrast="t2",
        image=phantom.volume.voxels[len(phantom.labels) // 2],
        pixel_mm=0.75,
        landmarks_px={},
    )


@pytest.fixture(scope="module")
def asked(t2: UnlabeledSlice) -> list[Asked]:
    other = replace(t2, patient="2", contrast=LEFT_OUT)
    inverted = replace(t2, contrast=LEFT_OUT, image=t2.image.max() - t2.image)
    return to_ask([t2, other, inverted], load_segmentation_model())


def test_what_a_slice_of_t1_shows_is_told_by_the_t2_slice_of_the_patient(
    asked: list[Asked], phantom: Phantom
) -> None:
    (one,) = asked
    assert (one.item.patient, one.item.contrast) == ("1", LEFT_OUT)
    truth = phantom.labels[len(phantom.labels) // 2]
    disc = CHANNEL[Structure.DISC]
    assert dice(one.labels == disc, truth == disc) > 0.7


def test_only_the_last_way_sees_the_contrast_that_is_left_out() -> None:
    *ways, last = WAYS.values()
    assert LEFT_OUT in last.pseudo
    assert not any(LEFT_OUT in way.pseudo for way in ways)


def test_every_way_is_trained_and_asked(
    asked: list[Asked], t2: UnlabeledSlice, phantom: Phantom, tmp_path: Path
) -> None:
    labels = phantom.labels[len(phantom.labels) // 2]
    drawn = LabeledSlice(
        patient="3",
        image=normalized(t2.image),
        labels=labels,
        spacing_mm=(0.75, 0.75),
    )
    labeled = [replace(t2, patient="3", contrast=name) for name in ("t2", LEFT_OUT)]
    named = [replace(item, file=f"3_{item.contrast}.png") for item in labeled]
    write([(item, labels) for item in named], tmp_path / "labels")
    pools = Pools(phantoms=[drawn], patients=[drawn], pseudo=read(tmp_path / "labels"))
    assert {item.contrast for item in pools.pseudo} == {"t2", LEFT_OUT}
    found = compare(asked, pools, steps=1, directory=tmp_path / "runs")
    assert found["patients"] == 1
    assert list(found["dice"]) == list(WAYS)
    for way in found["dice"].values():
        assert all(0 <= score["value"] <= 1 for score in way.values())
    assert len(list((tmp_path / "runs").iterdir())) == len(WAYS)
