"""How exact the measurements are where the truth is known: on phantoms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from tqdm import tqdm

from inference.geometry.midsagittal import mid_sagittal
from inference.levels.naming import name_levels
from inference.measurements.measure import Measurements, measure
from inference.phantom.drawing import Phantom, draw_phantom
from inference.phantom.spec import PhantomSpec, random_spec, with_grid
from inference.phantom.truth import LevelTruth, SpineTruth, VertebraTruth
from inference.results import (
    LevelMeasurement,
    SpineMeasurement,
    Structure,
    VertebraMeasurement,
)
from inference.segmentation.preprocessing import NETWORK_SPACING_MM
from inference.segmentation.segment import segmentation_of
from inference.training.lengths import spread
from inference.volume import SpineSegmentation, Volume

#: Size of the image. Our choice: more than any lumbar spine.
FIELD_MM = (255.0, 190.0)
SLICES = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLength:
    """One quantity of a phantom: measured and drawn."""

    quantity: str
    measured: float | None
    truth: float


def phantom_accuracy(count: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """Measure random spines on oblique, anisotropic grids with their true masks."""
    lengths: list[KnownLength] = []
    for number in tqdm(range(count)):
        rng = np.random.default_rng([seed, number])
        phantom = draw_phantom(random_grid(random_spec(rng), rng))
        lengths += known_lengths(phantom, measured(phantom))
    return _summary(lengths)


def random_grid(spec: PhantomSpec, rng: np.random.Generator) -> PhantomSpec:
    """Return the spine on a grid of 0.4 to 1.2 mm and slices of 3 to 5 mm, oblique."""
    row_mm, column_mm = rng.uniform(0.4, 1.2, 2)
    return with_grid(
        spec,
        shape=(SLICES, round(FIELD_MM[0] / row_mm), round(FIELD_MM[1] / column_mm)),
        spacing_mm=(rng.uniform(3, 5), row_mm, column_mm),
        rotation_degrees=tuple(rng.normal(scale=3.0, size=3)),
    )


def true_segmentation(phantom: Phantom, volume: Volume) -> SpineSegmentation:
    """Return the phantom's own labels on the grid of a volume made from it."""
    spacing_mm = float(volume.geometry.spacing_mm[1])
    classes = [
        Volume(
            voxels=(phantom.labels == label).astype(np.float32),
            geometry=phantom.volume.geometry,
        )
        .sagittal()
        .resampled_in_plane(spacing_mm)
        .voxels
        for label in range(1 + len(Structure))
    ]
    return segmentation_of(np.stack(classes), volume.geometry)


def measured(phantom: Phantom) -> Measurements:
    """Measure a phantom by its true masks, as the pipeline does by predicted ones."""
    volume = phantom.volume.sagittal().resampled_in_plane(NETWORK_SPACING_MM)
    masks = true_segmentation(phantom, volume)
    plane = mid_sagittal(volume, masks)
    return measure(plane, name_levels(plane), masks)


def known_lengths(phantom: Phantom, found: Measurements) -> list[KnownLength]:
    """Pair all that is known of a phantom with what was measured."""
    return [
        *_known(found.levels, phantom.levels, "disc"),
        *_known(found.vertebrae, phantom.vertebrae, "body"),
        *_known([found.spine], [phantom.spine], "spine"),
    ]


def _known(
    found: Sequence[LevelMeasurement | VertebraMeasurement | SpineMeasurement],
    truth: Sequence[LevelTruth | VertebraTruth | SpineTruth],
    kind: str,
) -> Iterator[KnownLength]:
    for one, other in zip(found, truth, strict=True):
        for item in fields(other):
            drawn = getattr(other, item.name)
            if isinstance(drawn, float):
                name = f"{kind}_{item.name.removeprefix('disc_')}"
                value = getattr(one, item.name)
                yield KnownLength(quantity=name, measured=value, truth=drawn)


def _summary(lengths: Sequence[KnownLength]) -> dict[str, dict[str, float]]:
    summary = {}
    for quantity in dict.fromkeys(item.quantity for item in lengths):
        own = [item for item in lengths if item.quantity == quantity]
        errors = np.array(
            [item.measured - item.truth for item in own if item.measured is not None]
        )
        summary[quantity] = {
            "n": len(own),
            "unmeasured": len(own) - len(errors),
            **{name: round(value, 2) for name, value in spread(errors).items()},
        }
    return summary
