"""What was measured on the images, graded, and how sure it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Final, Self

from inference.results.anatomy import Level, Vertebra

#: Confidence of the level names below which they are a proposal that must be confirmed.
#: Our choice: at least nine of ten such names should be right.
SURE_OF_LEVELS: Final = 0.9
MAX_LEVEL_SHIFT: Final = 3  # our choice: names that are farther off are another spine


@dataclass(frozen=True, slots=True, kw_only=True)
class Caliper:
    """Where one value was measured, so that a person can check it.

    Attributes:
        quantity: Name of the measured field, such as ``"disc_height_mm"``.
        start_mm: LPS patient coordinates of one end.
        end_mm: Of the other end. Where the field is a length, the ends lie as far
            apart as it is long.
        uncertainty_mm: Half width of the interval that holds the reference value in
            95 of 100 measurements, ``None`` where that was not estimated.

    """

    quantity: str
    start_mm: tuple[float, float, float]
    end_mm: tuple[float, float, float]
    uncertainty_mm: float | None = None

    def __post_init__(self) -> None:
        if not self.quantity:
            raise ValueError("a caliper measures nothing")
        points = (*self.start_mm, *self.end_mm)
        if not all(math.isfinite(value) for value in points):
            raise ValueError(f"impossible caliper: {points}")


#: Fields that have a direction, so that zero and negative values are possible.
SIGNED = frozenset({"slip_mm", "slip_percent", "wedge_degrees", "lordosis_degrees"})
#: Slip in percent up to which each grade reaches: I, II, III, IV (Meyerding; table in
#: doi:10.1186/s12998-020-0297-0). Beyond is V, ptosis.
MEYERDING_PERCENT = (25.0, 50.0, 75.0, 100.0)
#: Slip that is told from none. Our choice: about what 95 of 100 errors of a slip stay
#: within (``length_errors.slip_mm`` of ``python -m inference.training evaluate``) on an
#: endplate of 35 mm.
MIN_SLIP_PERCENT = 10.0


def _refuse_impossible(
    measurement: "LevelMeasurement | VertebraMeasurement | SpineMeasurement",
) -> None:
    for item in fields(measurement):
        value = getattr(measurement, item.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        lowest = -math.inf if item.name in SIGNED else 0
        if not lowest < value < math.inf:
            raise ValueError(f"impossible {item.name}: {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelMeasurement:
    """Geometry of one disc level on the mid-sagittal plane, ``None`` where unknown.

    Attributes:
        level: Disc level.
        disc_height_mm: Mean distance between the endplates.
        disc_width_mm: Anterior-posterior length of the disc.
        disc_volume_mm3: Volume of the disc inside the imaged slices.
        disc_height_index_ratio: Disc height over the mean height of the two
            neighboring vertebral bodies (over the upper one alone at L5/S1).
        disc_signal_ratio: Mean signal of the disc over that of cerebrospinal fluid.
        canal_diameter_mm: Smallest anterior-posterior diameter of the canal behind
            the disc.
        disc_height_anterior_mm: Height near the anterior end.
        disc_height_middle_mm: Height in the middle.
        disc_height_posterior_mm: Height near the posterior end.
        disc_height_to_width_ratio: Anterior plus posterior height over the width.
        nucleus_signal_ratio: Mean signal of the middle of the disc over that of
            cerebrospinal fluid.
        signal_heterogeneity_ratio: Standard deviation of the disc's signal over its
            mean.
        slip_mm: How far the vertebra above lies in front of the one below, along the
            bisector of their endplates; negative where it lies behind. At L5/S1 the
            lower border of the disc stands for the sacrum, which has no label.
        slip_percent: The same, of the length of the endplate below.
        calipers: Where the lengths were measured.

    """

    level: Level
    disc_height_mm: float | None
    disc_width_mm: float | None
    disc_volume_mm3: float | None
    disc_height_index_ratio: float | None
    disc_signal_ratio: float | None
    canal_diameter_mm: float | None
    disc_height_anterior_mm: float | None = None
    disc_height_middle_mm: float | None = None
    disc_height_posterior_mm: float | None = None
    disc_height_to_width_ratio: float | None = None
    nucleus_signal_ratio: float | None = None
    signal_heterogeneity_ratio: float | None = None
    slip_mm: float | None = None
    slip_percent: float | None = None
    calipers: tuple[Caliper, ...] = ()

    def __post_init__(self) -> None:
        _refuse_impossible(self)

    def without_signal(self) -> Self:
        """Return the lengths alone, for a series whose signal means something else."""
        return replace(
            self,
            disc_signal_ratio=None,
            nucleus_signal_ratio=None,
            signal_heterogeneity_ratio=None,
        )

    @property
    def meyerding_grade(self) -> int | None:
        """Grade of the slip to the front or back: 0 is none, 1 to 5 are I to V."""
        if self.slip_percent is None:
            return None
        slip = abs(self.slip_percent)
        if slip < MIN_SLIP_PERCENT:
            return 0
        return 1 + sum(slip > limit for limit in MEYERDING_PERCENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class VertebraMeasurement:
    """Geometry of one vertebral body on the mid-sagittal plane.

    Attributes:
        vertebra: Which one.
        height_mm: Mean distance between its endplates.
        width_mm: Anterior-posterior length of the body.
        height_anterior_mm: Height near the anterior wall.
        height_middle_mm: Height in the middle.
        height_posterior_mm: Height near the posterior wall.
        wedge_degrees: Angle between its endplates, positive where the front is lower.
        canal_diameter_mm: Anterior-posterior diameter of the canal behind the middle
            of the body.
        is_partial: Whether the edge of the image cuts it.
        calipers: Where the lengths were measured.

    """

    vertebra: Vertebra
    height_mm: float | None
    width_mm: float | None
    height_anterior_mm: float | None = None
    height_middle_mm: float | None = None
    height_posterior_mm: float | None = None
    wedge_degrees: float | None = None
    canal_diameter_mm: float | None = None
    is_partial: bool | None = None
    calipers: tuple[Caliper, ...] = ()

    def __post_init__(self) -> None:
        _refuse_impossible(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineMeasurement:
    """Geometry of the lumbar spine as a whole.

    Attributes:
        lordosis_degrees: Cobb angle between the upper endplates of L1 and S1, lying,
            positive for a lordosis. The sacrum has no label: the lower border of the
            disc L5/S1 stands for its endplate.
        smallest_canal_mm: Smallest diameter of the canal from mid-L1 to L5/S1.
        calipers: Where they were measured.

    """

    lordosis_degrees: float | None = None
    smallest_canal_mm: float | None = None
    calipers: tuple[Caliper, ...] = ()

    def __post_init__(self) -> None:
        _refuse_impossible(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscGrading:
    """Degeneration of one disc (Pfirrmann 2001, Spine 26:1873).

    Attributes:
        level: Disc level.
        pfirrmann: Grade 1 to 5.
        probabilities: Of grade 1 to 5; they sum to 1.

    """

    level: Level
    pfirrmann: int
    probabilities: tuple[float, float, float, float, float]

    def __post_init__(self) -> None:
        if not 1 <= self.pfirrmann <= len(self.probabilities):
            raise ValueError(f"no Pfirrmann grade: {self.pfirrmann}")


class FindingKind(StrEnum):
    """What a reader says of a disc beside its grade, each present or absent."""

    NARROWING = "narrowing"
    BULGING = "bulging"
    HERNIATION = "herniation"
    SPONDYLOLISTHESIS = "spondylolisthesis"
    MODIC = "Modic change"
    UPPER_ENDPLATE = "upper endplate change"
    LOWER_ENDPLATE = "lower endplate change"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscFindings:
    """What a reader would probably say of one disc.

    Each value is the calibrated probability, 0 to 1, that a reader of SPIDER
    (doi:10.1038/s41597-024-03090-w) says that it is there. ``None`` is not assessed,
    which never means absent.

    Attributes:
        level: Disc level.
        narrowing: The disc is lower than it should be.
        bulging: It bulges.
        herniation: It is herniated.
        spondylolisthesis: The vertebra above has slipped.
        modic_change: Modic change of any type, I to III.
        upper_endplate_change: Of the endplate above the disc.
        lower_endplate_change: Of the endplate below it.

    """

    level: Level
    narrowing: float | None = None
    bulging: float | None = None
    herniation: float | None = None
    spondylolisthesis: float | None = None
    modic_change: float | None = None
    upper_endplate_change: float | None = None
    lower_endplate_change: float | None = None

    def __post_init__(self) -> None:
        for finding in FindingKind:
            value = self.probability(finding)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"impossible probability of {finding}: {value}")

    @classmethod
    def of(cls, level: Level, probabilities: Mapping[FindingKind, float]) -> Self:
        """Return them with the probabilities of those that were assessed."""
        named = {_FIELDS[kind]: value for kind, value in probabilities.items()}
        return cls(level=level, **named)

    def probability(self, finding: FindingKind) -> float | None:
        """Return that of one finding, ``None`` where it was not assessed."""
        value: float | None = getattr(self, _FIELDS[finding])
        return value


_FIELDS: Final = {finding: finding.lower().replace(" ", "_") for finding in FindingKind}

#: Predicted Dice below which an outline is marked as uncertain. Our choice: networks on
#: SPIDER reach about 0.9, and below 0.8 a disc's border is off by over a millimeter.
LOW_DICE: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineConfidence:
    """How well one outline probably fits.

    Attributes:
        name: ``"L4"``, ``"L4/L5"``, or ``"canal L4/L5"`` for the canal behind a disc.
        dice: Predicted Dice coefficient with what a reader would draw, 0 to 1.

    """

    name: str
    dice: float

    def __post_init__(self) -> None:
        if not 0 <= self.dice <= 1:
            raise ValueError(f"impossible Dice of {self.name}: {self.dice}")

    @property
    def is_low(self) -> bool:
        """Whether a person has to check the outline."""
        return self.dice < LOW_DICE
