"""Lengths on predicted masks beside those on reference masks, and what to expect.

The uncertainty of every length is a number of border widths, ``calipers.border_mm``;
how many is found here, on patients that the network never saw.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.errors import SpineNotFoundError
from inference.geometry.midsagittal import canal_course, surface_along
from inference.levels.naming import NamedSpine, name_levels
from inference.measurements.calipers import UNCERTAINTY_FACTORS
from inference.measurements.measure import Measurements, measure
from inference.results import (
    CanalClass,
    CentralStenosis,
    Level,
    LevelMeasurement,
    SpineMeasurement,
    VertebraMeasurement,
)
from inference.severity.stenosis import (
    ABSOLUTE_MM,
    LEAST_UNCERTAINTY_MM,
    QUANTITY,
    RELATIVE_MM,
    class_probabilities,
)
from inference.volume import SpineSegmentation, Volume

COVERED_PERCENT: Final = 95.0
#: What is compared but carries no uncertainty in mm.
ANGLES: Final = ("wedge_degrees", "lordosis_degrees")

Measurement = LevelMeasurement | VertebraMeasurement | SpineMeasurement


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedLength:
    """One quantity of one structure, measured on both masks.

    Attributes:
        quantity: Name of the field; those of a body begin with ``body_``.
        site: Such as ``"L4/L5"``.
        predicted: In the unit of the field.
        reference: Idem.
        border_mm: Width of the border in the predicted masks, ``None`` for an angle.
        uncertainty_mm: As reported.

    """

    quantity: str
    site: str
    predicted: float
    reference: float
    border_mm: float | None
    uncertainty_mm: float | None

    @property
    def error(self) -> float:
        """Predicted less reference."""
        return self.predicted - self.reference


def paired_lengths(
    volume: Volume, found: SpineSegmentation, truth: SpineSegmentation
) -> list[PairedLength]:
    """Measure both masks on the surface that the reference gives.

    A wrong name is no wrong length: names are judged by ``inference.training.levels``.

    Returns:
        What both give of the same structures; nothing where one shows no spine.

    """
    course = canal_course(truth)
    planes = [surface_along(volume, masks, course) for masks in (found, truth)]
    try:
        reference = name_levels(planes[1])
        predicted = max(
            (name_levels(planes[0], shift=shift) for shift in (0, -1, 1)),
            key=lambda spine: _overlap_px(spine, reference),
        )
    except SpineNotFoundError:
        return []
    return list(
        _pairs(
            measure(planes[0], predicted, found), measure(planes[1], reference, truth)
        )
    )


def error_summary(lengths: Sequence[PairedLength]) -> dict[str, dict[str, float]]:
    """Return the errors of each quantity and how many of them were to be expected.

    ``covered`` is the part of the errors within the reported uncertainty, and
    ``factor`` the number of border widths that would cover ``COVERED_PERCENT``.
    """
    summary = {}
    for quantity in sorted({item.quantity for item in lengths}):
        own = [item for item in lengths if item.quantity == quantity]
        errors = np.array([item.error for item in own])
        numbers = {"n": len(own), **spread(errors)}
        known = [item for item in own if item.uncertainty_mm and item.border_mm]
        if known:
            ratios = [abs(item.error) / (item.border_mm or 1.0) for item in known]
            within = [abs(item.error) <= (item.uncertainty_mm or 0) for item in known]
            numbers["covered"] = float(np.mean(within))
            numbers["factor"] = float(np.percentile(ratios, COVERED_PERCENT))
        summary[quantity] = {name: round(value, 2) for name, value in numbers.items()}
    return summary


def canal_summary(lengths: Sequence[PairedLength]) -> dict[str, float]:
    """Compare the class of each central canal with that of the reference mask.

    ``told`` is how many have one class alone, ``told_right`` how many of these have the
    reference's, ``not_excluded`` for how many the reference's is among those named, and
    ``probability`` what the reference's class is given on average.
    """
    canals = [item for item in lengths if item.quantity == QUANTITY]
    order = list(CanalClass)
    found = [
        CentralStenosis(
            level=Level(item.site),
            probabilities=class_probabilities(
                item.predicted, max(item.uncertainty_mm or 0, LEAST_UNCERTAINTY_MM)
            ),
        )
        for item in canals
    ]
    true = [
        order[sum(item.reference < limit for limit in (RELATIVE_MM, ABSOLUTE_MM))]
        for item in canals
    ]
    pairs = list(zip(found, true, strict=True))
    told = [(item, name) for item, name in pairs if item.canal_class]
    given = [item.probabilities[order.index(name)] for item, name in pairs]
    return {
        "n": len(pairs),
        **{f"truly_{name.name.lower()}": true.count(name) for name in order},
        "told": len(told),
        "told_right": sum(item.canal_class is name for item, name in told),
        "not_excluded": sum(name in item.possible for item, name in pairs),
        "probability": round(float(np.mean(given)), 2) if given else 0.0,
    }


def spread(errors: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean error, and median, 95th percentile and largest of its size."""
    sizes = np.abs(errors)
    return {
        "mean": float(errors.mean()),
        "median": float(np.median(sizes)),
        "p95": float(np.percentile(sizes, 95)),
        "largest": float(sizes.max()),
    }


def _overlap_px(first: NamedSpine, second: NamedSpine) -> int:
    """How much of the bodies carries the same name."""
    return sum(
        int(np.count_nonzero(body & second.bodies[name]))
        for name, body in first.bodies.items()
        if name in second.bodies
    )


def _pairs(found: Measurements, truth: Measurements) -> Iterator[PairedLength]:
    for first, second in zip(found.levels, truth.levels, strict=True):
        yield from _paired(first, second, site=first.level)
    for body, other in zip(found.vertebrae, truth.vertebrae, strict=True):
        yield from _paired(body, other, site=body.vertebra, prefix="body_")
    yield from _paired(found.spine, truth.spine, site="spine")


def _paired(
    found: Measurement, truth: Measurement, *, site: str, prefix: str = ""
) -> Iterator[PairedLength]:
    """Pair what has a caliper, and the angles."""
    calipers = {item.quantity: item for item in found.calipers}
    for quantity in dict.fromkeys([*calipers, *ANGLES]):
        predicted, reference = (
            getattr(item, quantity, None) for item in (found, truth)
        )
        if predicted is None or reference is None:
            continue
        known = calipers.get(quantity)
        uncertainty_mm = known.uncertainty_mm if known else None
        yield PairedLength(
            quantity=prefix + quantity,
            site=site,
            predicted=predicted,
            reference=reference,
            border_mm=uncertainty_mm / UNCERTAINTY_FACTORS[quantity]
            if uncertainty_mm
            else None,
            uncertainty_mm=uncertainty_mm,
        )
