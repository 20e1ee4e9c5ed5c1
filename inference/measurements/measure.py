"""What is measured of discs, bodies, canal and spine, each with its calipers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.errors import UnmeasurableError
from inference.geometry.boxes import Box
from inference.geometry.midsagittal import MidSagittal
from inference.levels.naming import NamedSpine
from inference.measurements.alignment import (
    degrees_between,
    lordosis_plates,
    slip_of,
    wedge_degrees,
)
from inference.measurements.calipers import Length
from inference.measurements.canal import Diameter
from inference.measurements.disc_signal import DiscSignal, disc_signal
from inference.measurements.disc_volumes import disc_volumes_mm3
from inference.measurements.shapes import Shapes, shapes_of
from inference.results import (
    Level,
    LevelMeasurement,
    SpineMeasurement,
    Vertebra,
    VertebraMeasurement,
)
from inference.volume import SpineSegmentation

#: Stretch about the middle of a body in which its canal is measured. Our choice: wide
#: enough that the vein's entry does not matter.
MID_BODY_MM: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurements:
    """All that was measured.

    Attributes:
        shapes: What the rest was measured on.
        levels: One entry per lumbar disc, L1/L2 first.
        vertebrae: One entry per lumbar vertebra, L1 first.
        spine: What belongs to no single level.

    """

    shapes: Shapes
    levels: tuple[LevelMeasurement, ...]
    vertebrae: tuple[VertebraMeasurement, ...]
    spine: SpineMeasurement


def measure(
    plane: MidSagittal, spine: NamedSpine, segmentation: SpineSegmentation
) -> Measurements:
    """Measure everything; what cannot be measured is ``None``.

    Args:
        plane: The mid-sagittal surface.
        spine: Its named instances.
        segmentation: All slices, for the volume of the discs.

    """
    shapes = shapes_of(plane, spine)
    volumes = disc_volumes_mm3(plane, shapes.discs, segmentation)
    return Measurements(
        shapes=shapes,
        levels=tuple(
            _level(plane, spine, shapes, level, volumes.get(level)) for level in Level
        ),
        vertebrae=tuple(_vertebra(plane, spine, shapes, name) for name in Vertebra),
        spine=_spine(plane, shapes),
    )


def _spine(plane: MidSagittal, shapes: Shapes) -> SpineMeasurement:
    plates = lordosis_plates(shapes)
    narrowest = _smallest_canal(shapes)
    lengths = [*(plates or ()), *_canal_length("smallest_canal_mm", narrowest)]
    return SpineMeasurement(
        lordosis_degrees=degrees_between(*plates) if plates else None,
        smallest_canal_mm=narrowest.length_mm if narrowest else None,
        calipers=tuple(item.caliper(plane) for item in lengths),
    )


def _level(
    plane: MidSagittal,
    spine: NamedSpine,
    shapes: Shapes,
    level: Level,
    volume_mm3: float | None,
) -> LevelMeasurement:
    disc = shapes.discs.get(level)
    slip = slip_of(level, shapes)
    if slip and not slip.is_of_one_size:
        slip = None
    found = [*_disc_lengths(disc), *_canal_behind(disc, shapes)]
    lengths = {item.quantity: item.length_mm for item in found}
    signal = _signal(plane, spine, level, disc)
    return LevelMeasurement(
        level=level,
        disc_height_mm=lengths.get("disc_height_mm"),
        disc_width_mm=lengths.get("disc_width_mm"),
        disc_volume_mm3=volume_mm3,
        disc_height_index_ratio=_height_index_ratio(level, disc, shapes.bodies),
        disc_signal_ratio=signal.mean if signal else None,
        canal_diameter_mm=lengths.get("canal_diameter_mm"),
        disc_height_anterior_mm=lengths.get("disc_height_anterior_mm"),
        disc_height_middle_mm=lengths.get("disc_height_middle_mm"),
        disc_height_posterior_mm=lengths.get("disc_height_posterior_mm"),
        disc_height_to_width_ratio=_height_to_width_ratio(lengths),
        nucleus_signal_ratio=signal.nucleus if signal else None,
        signal_heterogeneity_ratio=signal.heterogeneity if signal else None,
        slip_mm=slip.slip_mm if slip else None,
        slip_percent=slip.slip_percent if slip else None,
        calipers=tuple(
            item.caliper(plane) for item in (*found, *([slip.length] if slip else ()))
        ),
    )


def _vertebra(
    plane: MidSagittal, spine: NamedSpine, shapes: Shapes, name: Vertebra
) -> VertebraMeasurement:
    body = shapes.bodies.get(name)
    found = [*_body_lengths(body), *_canal_behind_middle(body, shapes)]
    lengths = {item.quantity: item.length_mm for item in found}
    return VertebraMeasurement(
        vertebra=name,
        height_mm=lengths.get("height_mm"),
        width_mm=lengths.get("width_mm"),
        height_anterior_mm=lengths.get("height_anterior_mm"),
        height_middle_mm=lengths.get("height_middle_mm"),
        height_posterior_mm=lengths.get("height_posterior_mm"),
        wedge_degrees=wedge_degrees(body) if body else None,
        canal_diameter_mm=lengths.get("canal_diameter_mm"),
        is_partial=name in spine.partial if name in spine.bodies else None,
        calipers=tuple(item.caliper(plane) for item in found),
    )


def _disc_lengths(disc: Box | None) -> Iterator[Length]:
    if disc is not None:
        yield from _lengths(disc, "disc_")


def _body_lengths(body: Box | None) -> Iterator[Length]:
    if body is not None:
        yield from _lengths(body, "")


def _lengths(box: Box, prefix: str) -> Iterator[Length]:
    """Heights in front, in the middle, behind and on the whole, and the width."""
    blur_mm = box.endplate_blur_mm
    for place, part in (("anterior", -1.0), ("middle", 0.0), ("posterior", 1.0)):
        ends = box.height_ends_mm(part)
        yield _length(f"{prefix}height_{place}_mm", ends, blur_mm)
    upper, lower = box.height_ends_mm(0.0)
    half = box.height_mm / 2 * box.down
    middle = (upper + lower) / 2
    yield _length(f"{prefix}height_mm", (middle - half, middle + half), blur_mm)
    half = box.width_mm / 2 * box.along
    ends = box.center_mm - half, box.center_mm + half
    yield _length(f"{prefix}width_mm", ends, box.wall_blur_mm)


def _length(
    quantity: str,
    ends: tuple[NDArray[np.float64], NDArray[np.float64]],
    blur_mm: float,
) -> Length:
    return Length(quantity=quantity, start_mm=ends[0], end_mm=ends[1], blur_mm=blur_mm)


def _height_index_ratio(
    level: Level, disc: Box | None, bodies: Mapping[Vertebra, Box]
) -> float | None:
    """Height over the mean height of the neighbors, which must all be measured.

    Method 6 of seven; it and method 1 are among the reliable ones
    (https://vivo.weill.cornell.edu/display/pubid35905524).
    """
    heights = [bodies[name].height_mm for name in level.vertebrae if name in bodies]
    if disc is None or len(heights) < len(level.vertebrae):
        return None
    return disc.height_mm / float(np.mean(heights))


def _height_to_width_ratio(lengths: Mapping[str, float]) -> float | None:
    """Anterior and posterior height over the width: method 1 of the same source."""
    if "disc_width_mm" not in lengths:
        return None
    heights = lengths["disc_height_anterior_mm"] + lengths["disc_height_posterior_mm"]
    return heights / lengths["disc_width_mm"]


def _signal(
    plane: MidSagittal, spine: NamedSpine, level: Level, disc: Box | None
) -> DiscSignal | None:
    if disc is None:
        return None
    try:
        return disc_signal(plane, spine, spine.discs[level], disc)
    except UnmeasurableError:
        return None


def _canal_behind(disc: Box | None, shapes: Shapes) -> Iterable[Length]:
    if disc is None:
        return ()
    half = disc.height_mm / 2
    narrowest = shapes.canal.narrowest(disc, half, half)
    return _canal_length("canal_diameter_mm", narrowest)


def _canal_behind_middle(body: Box | None, shapes: Shapes) -> Iterable[Length]:
    if body is None:
        return ()
    half = MID_BODY_MM / 2
    narrowest = shapes.canal.narrowest(body, half, half)
    return _canal_length("canal_diameter_mm", narrowest)


def _canal_length(quantity: str, diameter: Diameter | None) -> Iterator[Length]:
    if diameter is not None:
        ends = diameter.front_mm, diameter.back_mm
        yield _length(quantity, ends, diameter.blur_mm)


def _smallest_canal(shapes: Shapes) -> Diameter | None:
    """Smallest diameter from the middle of L1 down; ``None`` when it is lost anywhere.

    Where it is lost it may be narrowest, so the rest would look like health.
    """
    found = [
        shapes.canal.narrowest(
            box, 0.0 if name is Vertebra.L1 else box.height_mm / 2, box.height_mm / 2
        )
        for name, box in (*shapes.bodies.items(), *shapes.discs.items())
    ]
    diameters = [item for item in found if item is not None]
    if not diameters or len(diameters) < len(found):
        return None
    return min(diameters, key=lambda item: item.length_mm)
