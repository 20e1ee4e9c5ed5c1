"""What is no lumbar spine is refused, and a bad outline is known to be bad."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from scipy.stats import spearmanr

from inference.errors import (
    MetalError,
    ModelError,
    OtherImagesError,
    SpineNotFoundError,
    TooLittleSpineError,
    UnlikeSpineError,
    UnsuitableStudyError,
)
from inference.geometry.midsagittal import MidSagittal
from inference.levels.naming import NamedSpine
from inference.manifest import WEIGHTS
from inference.phantom.drawing import Phantom
from inference.pipeline import Models, load_models, outline_warnings, run
from inference.quality.headers import refuse_other_images
from inference.quality.likeness import refuse_sizes
from inference.quality.metal import MAX_VOID_MM, widest_void_mm
from inference.quality.model import load_quality_model
from inference.quality.traits import traits_of
from inference.results import (
    CaseReport,
    ClinicalFeatures,
    Level,
    OutlineConfidence,
    Stage,
    Vertebra,
)
from inference.segmentation.model import load_segmentation_model
from inference.training import others
from inference.training.confidence import outlines_of
from inference.training.data import LabeledSlice
from inference.training.likeness import real_spines, refusal_of
from inference.volume import Volume
from tests.inference.series import phantom_series

SPIDER = Path(__file__).parents[3] / "shared" / "data" / "spider"


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models()


@pytest.fixture(scope="module")
def report(phantom: Phantom, models: Models) -> CaseReport:
    return analyzed(phantom_series(phantom.volume), models)


def analyzed(datasets: list[Dataset], models: Models) -> CaseReport:
    def quiet(_stage: Stage, _part: float) -> None:
        """Progress that nobody watches."""

    return run(datasets, features=ClinicalFeatures(), models=models, progress=quiet)


def header(**attributes: str) -> list[Dataset]:
    dataset = Dataset()
    for name, value in {"Modality": "MR", **attributes}.items():
        setattr(dataset, name, value)
    return [dataset]


def test_another_modality_is_refused() -> None:
    with pytest.raises(OtherImagesError, match="is 'CT', not 'MR'"):
        refuse_other_images([*header(), *header(Modality="CT")])


@pytest.mark.parametrize(
    ("body_part", "words"),
    [
        ("KNEE", "T2 sag knee left"),
        ("HEAD", "MR Brain without contrast"),
        ("CSPINE", "Cervical spine sag T2"),
        ("TSPINE", "t2_tse_sag BWS"),
    ],
)
def test_a_header_that_twice_names_another_part_is_refused(
    body_part: str, words: str
) -> None:
    with pytest.raises(OtherImagesError, match="both name the"):
        refuse_other_images(header(BodyPartExamined=body_part, StudyDescription=words))


def test_one_wrong_word_is_a_warning_and_not_a_refusal() -> None:
    (warning,) = refuse_other_images(
        header(BodyPartExamined="KNEE", SeriesDescription="t2_tse_sag")
    )
    assert "another part of the body (leg)" in warning


@pytest.mark.parametrize(
    ("body_part", "words"),
    [
        ("KNEE", "MRI lumbar spine"),
        ("CSPINE", "t2_tse_sag LWS"),
        ("LSPINE", ""),
        ("", "brain"),
        ("SPINE", "sag T2"),
        ("PELVIS", "L-spine and sacrum"),
    ],
)
def test_a_header_that_may_be_lumbar_says_nothing(body_part: str, words: str) -> None:
    found = header(BodyPartExamined=body_part, SeriesDescription=words)
    assert refuse_other_images(found) == ()


def plain_images() -> Iterator[tuple[str, others.Image]]:
    yield from others.drawn(np.random.default_rng(3))
    yield from others.pictures()
    yield from others.dicom_files()


@pytest.mark.parametrize(
    "image", [pytest.param(image, id=name) for name, image in plain_images()]
)
def test_what_is_no_lumbar_spine_is_refused(
    image: others.Image, models: Models
) -> None:
    volume = others.volume_of(image)
    assert refusal_of(volume, models.segmentation, models.quality.likeness) is not None


@pytest.mark.skipif(not SPIDER.exists(), reason="no ../shared with SPIDER slices")
def test_real_spines_are_not_refused(models: Models) -> None:
    spines = [item for item, _ in zip(real_spines(SPIDER), range(12), strict=False)]
    for item in spines:
        refusal = refusal_of(item.volume, models.segmentation, models.quality.likeness)
        assert refusal is None, item.name


def test_a_spine_of_impossible_size_is_refused(
    phantom: Phantom, models: Models
) -> None:
    small = others.volume_of(phantom.volume.voxels, (0.35, 0.35))
    with pytest.raises(SpineNotFoundError):
        analyzed(phantom_series(small), models)


def test_sizes_are_named_with_what_was_expected(
    plane: MidSagittal, spine: NamedSpine
) -> None:
    traits = traits_of(plane, spine)
    refuse_sizes(traits)
    with pytest.raises(UnlikeSpineError, match="bodies of 13 mm, expected 18 to 44 mm"):
        refuse_sizes(replace(traits, body_mm=13.0))
    with pytest.raises(TooLittleSpineError, match="2 vertebral bodies, at least 3"):
        refuse_sizes(replace(traits, bodies=2))


def test_two_vertebrae_are_too_little(phantom: Phantom, models: Models) -> None:
    cut = phantom.volume.voxels[:, 130:215]
    with pytest.raises(SpineNotFoundError):
        analyzed(phantom_series(others.volume_of(cut, (0.75, 0.75))), models)


def test_traits_are_those_of_the_drawn_spine(
    plane: MidSagittal, spine: NamedSpine, phantom: Phantom
) -> None:
    traits = traits_of(plane, spine)
    areas = [body.height_mm * body.width_mm for body in phantom.vertebrae]
    assert traits.bodies >= len(Vertebra)
    assert traits.body_mm == pytest.approx(np.sqrt(np.median(areas)), abs=1.5)
    assert traits.bend_mm < 3
    assert traits.certainty > 0.9


def voided(volume: Volume, plane: MidSagittal, spine: NamedSpine) -> Volume:
    rows, columns = np.nonzero(spine.bodies[Vertebra.L3])
    center = np.array([rows.mean(), columns.mean() + 62]) * plane.pixel_mm
    return others.with_void(
        volume, (float(center[0]), float(center[1])), np.random.default_rng(0)
    )


def test_a_void_as_of_a_screw_is_metal(
    phantom: Phantom, plane: MidSagittal, spine: NamedSpine
) -> None:
    volume = phantom.volume.sagittal()
    assert widest_void_mm(volume, plane, spine) < MAX_VOID_MM * 0.6
    with_screw = voided(volume, plane, spine)
    assert widest_void_mm(with_screw, plane, spine) == pytest.approx(12, abs=2.5)


def test_a_spine_with_a_screw_is_refused(
    phantom: Phantom, models: Models, plane: MidSagittal, spine: NamedSpine
) -> None:
    with_screw = voided(phantom.volume.sagittal(), plane, spine)
    with pytest.raises((MetalError, UnlikeSpineError)):
        analyzed(phantom_series(with_screw), models)


def test_every_structure_of_the_report_has_a_confidence(report: CaseReport) -> None:
    found = {item.name: item.dice for item in report.confidences}
    assert set(found) == {
        *Vertebra,
        *Level,
        *(f"canal {level}" for level in Level),
    }
    assert min(found.values()) > 0.7
    assert report.quality_model is not None
    assert len(report.quality_model.sha256) == 64


def test_confidence_falls_with_the_true_dice(phantom: Phantom, models: Models) -> None:
    middle = len(phantom.labels) // 2
    drawn = LabeledSlice(
        patient="1",
        image=phantom.volume.voxels[middle] / phantom.volume.voxels.max(),
        labels=phantom.labels[middle],
        spacing_mm=(0.75, 0.75),
    )
    found = list(outlines_of([drawn], models.segmentation))
    predicted = [
        models.quality.calibrations[item.structure].dice(item.expected)
        for item in found
    ]
    assert spearmanr(predicted, [item.dice for item in found]).statistic > 0.5


def test_a_low_confidence_is_a_warning() -> None:
    names = [("L3", 0.79), ("L4", 0.81), ("canal L4/L5", 0.5)]
    found = [OutlineConfidence(name=name, dice=dice) for name, dice in names]
    (warning,) = outline_warnings(found)
    assert "check L3, canal L4/L5 on the picture" in warning
    assert list(outline_warnings(found[1:2])) == []


def test_an_impossible_confidence_is_no_value() -> None:
    with pytest.raises(ValueError, match="impossible Dice of L3"):
        OutlineConfidence(name="L3", dice=1.2)


def test_a_quality_model_of_another_network_is_refused(tmp_path: Path) -> None:
    copied = Path(shutil.copytree(WEIGHTS, tmp_path / "weights"))
    other = replace(load_segmentation_model().version, sha256="0" * 64)
    with pytest.raises(ModelError, match="fit it again"):
        load_quality_model(other, copied)
    manifest = json.loads((copied / "quality.json").read_text())
    (copied / manifest["file"]).write_text("{}")
    with pytest.raises(ModelError, match="weights have SHA-256"):
        load_quality_model(other, copied)


def test_refusals_tell_the_clinician_what_to_do() -> None:
    for error in (OtherImagesError, TooLittleSpineError, UnlikeSpineError, MetalError):
        assert issubclass(error, UnsuitableStudyError)
        assert "Nothing was" in error.advice
