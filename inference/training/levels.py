"""How often the names of the levels are right, and what their confidence is worth.

Measured on the mid-sagittal T2 slices of SPIDER that have landmarks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.model_selection import KFold
from tqdm import tqdm

from inference.errors import SpineNotFoundError
from inference.geometry.column import Column, column_of
from inference.geometry.midsagittal import CHANNEL, MidSagittal, mid_sagittal
from inference.geometry.pieces import Mask, Point
from inference.levels.lumbosacral import evidence, rows
from inference.levels.naming import NamedSpine, name_levels
from inference.results import SURE_OF_LEVELS, Level, Structure
from inference.segmentation.model import SegmentationModel
from inference.segmentation.preprocessing import NETWORK_SPACING_MM, normalized
from inference.segmentation.segment import segment
from inference.training.graded import GradedSlice
from inference.volume import SpineSegmentation

FOLDS: Final = 8  # as the paper's protocol
#: Farthest from its disc that a landmark may lie. Our choice: the length of a disc, of
#: which only the front was recognized.
REACH_MM: Final = 30.0
#: Strength of the prior that keeps the weights near zero. Our choice: without one,
#: evidence that is never wrong gets a weight without limit. Of 0.03, 0.1, 0.3 and 1 the
#: one that cross-validation finds likeliest.
PRIOR: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What was made of one slice.

    Attributes:
        patient: SPIDER patient number.
        is_right: Every landmark lies at the disc of its name.
        confidence: Of the names, 0 when no spine was found.
        warnings: What the clinician reads about the names.
        evidence: One row per segment, ``None`` when no spine was found.
        truth: Segment at whose disc the landmark of L5/S1 lies, ``None`` when the
            landmarks do not lie at neighboring discs.

    """

    patient: str
    is_right: bool
    confidence: float
    warnings: tuple[str, ...]
    evidence: NDArray[np.float64] | None
    truth: int | None


def readings(
    slices: Sequence[GradedSlice], model: SegmentationModel, directory: Path
) -> list[Reading]:
    """Name the levels of every slice with landmarks.

    Args:
        slices: Some of them have landmarks.
        model: The network.
        directory: Keeps what the network said, and receives a picture per failure.

    """
    cache = directory / model.version.sha256[:8]
    cache.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.png"):
        old.unlink()
    with_landmarks = [item for item in slices if item.landmarks_px]
    return [
        _reading(item, _plane(item, model, cache), directory)
        for item in tqdm(with_landmarks, mininterval=5)
    ]


def levels_are_right(item: GradedSlice, plane: MidSagittal, spine: NamedSpine) -> bool:
    """Tell whether at every landmark the nearest disc is the one of its name."""
    points = _landmarks(item, plane)
    discs = spine.instances(Structure.DISC)
    return bool(points) and all(
        level in spine.discs
        and _away(spine.discs[level], point)
        <= min(REACH_MM / plane.pixel_mm, *(_away(mask, point) for mask in discs))
        for level, point in points.items()
    )


def fit(known: Sequence[Reading]) -> NDArray[np.float64]:
    """Return the weights under which the true segments are most probable."""

    def cost(weights: NDArray[np.float64]) -> float:
        likely = sum(log_softmax(table @ weights)[at] for table, at in _pairs(known))
        return float(PRIOR / 2 * weights @ weights - likely)

    count = next(table.shape[1] for table, _ in _pairs(known))
    found: NDArray[np.float64] = minimize(cost, np.zeros(count)).x
    return found


def summary(
    found: Sequence[Reading], *, held_out: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return counts, the weights fitted anew, and how well confidence is calibrated.

    Args:
        found: What was made of each slice.
        held_out: Patients of whom no image was trained on.

    """
    known = [item for item in found if item.truth is not None]
    return {
        "all": counts(found),
        "never_trained_on": counts([r for r in found if r.patient in held_out]),
        "fitted_weights": fit(known).round(2).tolist(),
        "fitted_weights_unnamed": fit(_unnamed(known)).round(2).tolist(),
        "cross_validation": calibration(known),
        "failures": {
            item.patient: {
                "never_trained_on": item.patient in held_out,
                "confidence": round(item.confidence, 3),
                "warnings": list(item.warnings),
            }
            for item in found
            if not item.is_right
        },
    }


def counts(found: Sequence[Reading]) -> dict[str, Any]:
    """Count what is right, and what the clinician is told of it."""
    right = [item for item in found if item.is_right]
    wrong = [item for item in found if not item.is_right]
    return {
        "patients": len(found),
        "all_levels_right": len(right),
        "wrong_with_warning": sum(bool(item.warnings) for item in wrong),
        "right_with_warning": sum(bool(item.warnings) for item in right),
        "wrong_and_unsure": sum(item.confidence < SURE_OF_LEVELS for item in wrong),
        "right_and_unsure": sum(item.confidence < SURE_OF_LEVELS for item in right),
    }


def calibration(known: Sequence[Reading]) -> dict[str, Any]:
    """Check the probabilities with weights that were fitted on other patients."""
    chances, hits = [], []
    for train, check in KFold(FOLDS, shuffle=True, random_state=7).split(known):
        weights = fit([known[index] for index in train])
        for table, truth in _pairs([known[index] for index in check]):
            probability = softmax(table @ weights)
            chances.append(float(probability.max()))
            hits.append(int(probability.argmax()) == truth)
    bins = zip((0.0, 0.7, 0.9, 0.97), (0.7, 0.9, 0.97, 1.01), strict=True)
    return {
        "patients": len(known),
        "right": sum(hits),
        "brier": round(float(np.mean((np.array(chances) - np.array(hits)) ** 2)), 4),
        "reliability": [
            _reliability(chances, hits, low=low, high=high) for low, high in bins
        ],
    }


def _reliability(
    chances: Sequence[float], hits: Sequence[bool], *, low: float, high: float
) -> dict[str, float]:
    within = [(c, h) for c, h in zip(chances, hits, strict=True) if low <= c < high]
    return {
        "from": low,
        "patients": len(within),
        "expected": round(sum(chance for chance, _ in within), 1),
        "right": sum(hit for _, hit in within),
    }


def _unnamed(known: Sequence[Reading]) -> list[Reading]:
    """The same, as if the network did not know L5/S1, which is the first evidence."""
    return [
        replace(item, evidence=table * (np.arange(table.shape[1]) > 0))
        for item, (table, _) in zip(known, _pairs(known), strict=True)
    ]


def _pairs(known: Sequence[Reading]) -> Iterator[tuple[NDArray[np.float64], int]]:
    for item in known:
        if item.evidence is not None and item.truth is not None:
            yield item.evidence, item.truth


def _plane(item: GradedSlice, model: SegmentationModel, cache: Path) -> MidSagittal:
    """Segment a slice, or read what the network said of it before."""
    volume = item.volume.resampled_in_plane(NETWORK_SPACING_MM)
    path = cache / f"{item.patient}.npz"
    if not path.exists():
        said = segment(volume, model, lambda _: None)
        np.savez_compressed(
            path,
            probabilities=said.probabilities.astype(np.float16),
            lumbosacral=said.lumbosacral.astype(np.float16),
        )
    with np.load(path) as kept:
        segmentation = SpineSegmentation(
            probabilities=kept["probabilities"].astype(np.float32),
            lumbosacral=kept["lumbosacral"].astype(np.float32),
            geometry=volume.geometry,
        )
    return mid_sagittal(volume, segmentation)


def _reading(item: GradedSlice, plane: MidSagittal, directory: Path) -> Reading:
    try:
        spine, column = name_levels(plane), column_of(plane)
    except SpineNotFoundError as error:
        _picture(item, plane, None).save(directory / f"{item.patient}.png")
        return Reading(
            patient=item.patient,
            is_right=False,
            confidence=0.0,
            warnings=(str(error),),
            evidence=None,
            truth=None,
        )
    is_right = levels_are_right(item, plane, spine)
    if not is_right:
        _picture(item, plane, spine).save(directory / f"{item.patient}.png")
    return Reading(
        patient=item.patient,
        is_right=is_right,
        confidence=spine.confidence,
        warnings=spine.warnings,
        evidence=rows(evidence(plane, column)),
        truth=_truth(column, _landmarks(item, plane)),
    )


def _truth(column: Column, points: dict[Level, Point]) -> int | None:
    """Segment of the landmark of L5/S1, if those above lie at the segments above."""
    places = [_nearest(column, points[name]) for name in Level if name in points]
    lowest = places[-1]
    expected = [lowest + above for above in reversed(range(len(places)))]
    return lowest if places == expected else None


def _nearest(column: Column, point_px: Point) -> int:
    return int(
        np.argmin(
            [
                float(np.linalg.norm(part.disc_px - point_px))
                if part.disc is None
                else _away(part.disc, point_px)
                for part in column.segments
            ]
        )
    )


def _landmarks(item: GradedSlice, plane: MidSagittal) -> dict[Level, Point]:
    """Landmarks as (row, column) of the plane."""
    scale = item.volume.geometry.spacing_mm[1:] / plane.pixel_mm
    return {level: np.array(at) * scale for level, at in item.landmarks_px.items()}


def _away(mask: Mask, point_px: Point) -> float:
    return float(np.linalg.norm(np.argwhere(mask) - point_px, axis=1).min())


def _picture(
    item: GradedSlice, plane: MidSagittal, spine: NamedSpine | None
) -> Image.Image:
    """Draw what the network saw, our names (cyan) and the landmarks (yellow)."""
    gray = normalized(plane.signal).clip(0, 1)[..., None] * np.full(3, 255.0)
    colors = {Structure.VERTEBRA: (255, 80, 80), Structure.DISC: (80, 255, 80)}
    for structure, color in {**colors, Structure.CANAL: (80, 80, 255)}.items():
        seen = plane.probabilities[CHANNEL[structure], ..., None] * 0.35
        gray = gray * (1 - seen) + seen * np.array(color)
    seen = plane.lumbosacral[..., None] * 0.6
    picture = Image.fromarray((gray * (1 - seen) + seen * [255, 0, 255]).astype("u1"))
    draw = ImageDraw.Draw(picture)
    for level, (row, column) in _landmarks(item, plane).items():
        draw.ellipse((column - 4, row - 4, column + 4, row + 4), fill="yellow")
        draw.text((column + 8, row - 5), level, fill="yellow")
    named = (*spine.bodies.items(), *spine.discs.items()) if spine else ()
    for name, mask in named:
        row, column = np.argwhere(mask).mean(axis=0)
        draw.text((column - 12, row - 5), name, fill="cyan")
    words = f"{spine.confidence:.2f}" if spine else "no spine"
    draw.text((5, 5), f"{item.patient}: {words}", fill="white")
    return picture
