"""The images of the demo: phantoms of invented people, and lent real slices."""

from pathlib import Path

import numpy as np
import pytest

from inference.phantom.spec import with_grid
from sandbox.people import PEOPLE
from sandbox.phantoms import phantom_volume
from sandbox.seed import LENT_IMAGES, SHARED, has_real_images
from sandbox.spider import spider_volume
from sandbox.spines import WORN, spine

needs_spider = pytest.mark.skipif(
    not has_real_images(), reason="no ../shared with SPIDER slices and Synthea charts"
)


def test_every_person_with_images_has_a_spine() -> None:
    assert {person.key for person in PEOPLE if person.has_mri} == set(WORN)


def test_narrow_canal_belongs_to_the_patient_with_claudication() -> None:
    narrowest = {key: min(d.canal_mm for d in spine(key).discs) for key in WORN}
    assert min(narrowest, key=lambda key: narrowest[key]) == "demo-claudication"


def test_phantom_is_drawn_once(tmp_path: Path) -> None:
    healthy = spine("demo-axial")
    spec = with_grid(healthy, shape=(3, 48, 40), spacing_mm=(8.0, 6.0, 6.0))
    drawn = phantom_volume(spec, cache=tmp_path)
    [stored] = tmp_path.iterdir()
    changed = stored.stat().st_mtime_ns
    again = phantom_volume(spec, cache=tmp_path)
    assert stored.stat().st_mtime_ns == changed
    np.testing.assert_array_equal(again.voxels, drawn.voxels)
    np.testing.assert_array_equal(again.geometry.affine_mm, drawn.geometry.affine_mm)


@needs_spider
@pytest.mark.parametrize("patient", LENT_IMAGES.values())
def test_real_slices_keep_their_spacing_and_are_sagittal(patient: str) -> None:
    volume = spider_volume(SHARED / "data" / "spider" / "t2space", patient)
    assert volume.geometry.spacing_mm == pytest.approx([0.9, 0.46875, 0.46875])
    np.testing.assert_array_equal(volume.sagittal().voxels, volume.voxels)


@needs_spider
def test_lent_images_were_never_trained_on() -> None:
    data = pytest.importorskip("inference.training.data")
    slices = data.spider_slices(SHARED / "data" / "spider" / "t2space")
    _, held_out = data.split_by_patient(slices)
    assert set(LENT_IMAGES.values()) <= {item.patient for item in held_out}
