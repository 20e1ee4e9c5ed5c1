"""Fit, check and write the quality model: refusals and confidences in one go."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference.geometry.pieces import centroid
from inference.quality.model import MANIFEST
from inference.quality.traits import LIKENESS
from inference.results import Structure
from inference.segmentation.model import SegmentationModel
from inference.training import metrics, others
from inference.training.confidence import (
    Outline,
    agreement,
    fit_calibrations,
    outlines_of,
    predicted_in_turn,
    reliability,
)
from inference.training.data import held_out_patients, spider_slices
from inference.training.degraded import AS_IT_IS
from inference.training.finding import found_spine
from inference.training.likeness import (
    RealSpine,
    check_others,
    fit_likeness,
    real_spines,
    strange_in_turn,
    traits_of_real,
)
from inference.training.weights import write_weights
from inference.volume import Volume

COEFFICIENTS: Final = "quality.coefficients.json"
EVERY: Final = 30  # real slices that are turned, shrunk, and given voids


def fit_and_check(
    directory: Path, model: SegmentationModel, *, more: Path | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is written, and what was measured.

    Args:
        directory: The ``spider`` folder.
        model: The segmentation network that the quality model is for.
        more: A folder with one folder of DICOM slices per series that is no lumbar
            spine, ``None`` where there is none.

    """
    spines = list(tqdm(real_spines(directory), desc="read", mininterval=5))
    real = traits_of_real(tqdm(spines, desc="real spines", mininterval=5), model)
    likeness = fit_likeness(real.rows)
    strange = strange_in_turn(real)
    refused = {**dict.fromkeys(strange, "strange"), **real.refused}
    outlines = _outlines(directory, model)
    predicted = predicted_in_turn(outlines)
    some = spines[::EVERY]
    checks = {
        "drawn images, pictures, CT and MRI of other parts": check_others(
            _plain_others(), model, likeness
        ),
        "real spines turned": check_others(_turned(some), model, likeness),
        "real spines of half or double size": check_others(
            _resized(some), model, likeness
        ),
        "real spines with a painted void": check_others(
            _with_voids(some, model), model, likeness
        ),
    }
    if more:
        checks["series of a folder"] = check_others(
            others.folder_of_series(more), model, likeness
        )
    written = {
        "segmentation_sha256": model.version.sha256,
        "likeness": {
            "names": LIKENESS,
            "mean": likeness.mean.tolist(),
            "precision": likeness.precision.tolist(),
            "limit": likeness.limit,
        },
        "calibrations": {
            structure.value: {
                "slope": curve.slope,
                "intercept": curve.intercept,
            }
            for structure, curve in fit_calibrations(outlines).items()
        },
    }
    measured: dict[str, Any] = {
        "real_spines": len(spines),
        "falsely_refused": refused,
        "falsely_refused_part": round(len(refused) / len(spines), 4),
        "widest_void_mm": _spread(real.voids_mm),
        "refusals_of_others": checks,
        **_confidence_numbers(directory, outlines, predicted),
    }
    return written, measured


def write(
    written: dict[str, Any],
    measured: dict[str, Any],
    *,
    version: str,
    directory: Path,
) -> None:
    """Write coefficients, the manifest, and what was measured."""
    content = (json.dumps(written, indent=2) + "\n").encode()
    write_weights(
        content,
        directory / COEFFICIENTS,
        manifest=MANIFEST,
        name="spoils-quality",
        version=version,
        quality=sentence(measured),
    )
    metrics.keep(MANIFEST, "quality", measured, directory=directory)


def sentence(measured: dict[str, Any]) -> str:
    """Return what was measured in a sentence, which is shown with every result."""
    spearman = measured["confidence"]["all"]["spearman"]
    part, spines = measured["falsely_refused_part"], measured["real_spines"]
    return (
        f"Of {spines} real spines {part:.1%} were refused. Predicted and true Dice of "
        f"outlines have a rank correlation of {spearman} (patients left out in turn)."
    )


def _outlines(directory: Path, model: SegmentationModel) -> list[Outline]:
    slices = spider_slices(directory / "t2space")
    patients = sorted({item.patient for item in slices}, key=int)
    return [
        outline
        for patient in tqdm(patients, desc="outlines", mininterval=5)
        for outline in outlines_of(
            [item for item in slices if item.patient == patient], model
        )
    ]


def _confidence_numbers(
    directory: Path, outlines: Sequence[Outline], predicted: NDArray[np.float64]
) -> dict[str, Any]:
    """Agreement by structure, on images as they are, and on patients never trained."""
    unseen = held_out_patients(directory)
    groups = {
        "all": [True for _ in outlines],
        **{
            str(structure): [item.structure is structure for item in outlines]
            for structure in Structure
        },
        "images as they are": [item.version == AS_IT_IS for item in outlines],
        "patients the network never saw": [item.patient in unseen for item in outlines],
    }
    numbers = {}
    for name, is_member in groups.items():
        members = np.flatnonzero(is_member)
        numbers[name] = agreement(
            [outlines[int(i)] for i in members], predicted[members]
        )
    return {"confidence": numbers, "reliability": reliability(outlines, predicted)}


def _plain_others() -> Iterator[tuple[str, Volume]]:
    rng = np.random.default_rng(7)
    for name, image in (*others.drawn(rng), *others.pictures(), *others.dicom_files()):
        yield name, others.volume_of(image)


def _turned(spines: Sequence[RealSpine]) -> Iterator[tuple[str, Volume]]:
    for item in spines:
        pixel_mm = float(item.volume.geometry.spacing_mm[1])
        for way, image in others.turned(item.volume.voxels[0]):
            volume = others.volume_of(image, (pixel_mm, pixel_mm))
            yield f"{item.name} {way}", volume


def _resized(spines: Sequence[RealSpine]) -> Iterator[tuple[str, Volume]]:
    for item in spines:
        pixel_mm = float(item.volume.geometry.spacing_mm[1])
        for factor in (0.5, 2.0):
            wrong_mm = (factor * pixel_mm, factor * pixel_mm)
            yield (
                f"{item.name} times {factor}",
                others.volume_of(item.volume.voxels, wrong_mm),
            )


def _with_voids(
    spines: Sequence[RealSpine], model: SegmentationModel
) -> Iterator[tuple[str, Volume]]:
    """Paint a void of 14 x 45 mm, as of a pedicle screw with its blooming."""
    rng = np.random.default_rng(7)
    for item in spines:
        _, plane, spine = found_spine(item.volume, model)
        bodies = list(spine.bodies.values())
        row, column = centroid(bodies[len(bodies) // 2]) * plane.pixel_mm
        yield item.name, others.with_void(item.volume, (row, column + 25), rng)


def _spread(values: NDArray[np.float64]) -> dict[str, float]:
    names = {"median": 50, "p95": 95, "p99": 99, "largest": 100}
    return {
        name: round(float(np.percentile(values, percent)), 1)
        for name, percent in names.items()
    }
