"""Which numbers of a report become Observations, and how each is written.

Rounding follows how well people agree (Bland-Altman limits of two readers on MRI,
doi:10.1186/2045-709X-21-26): 1 to 2.6 mm for lengths, so 0.1 mm loses nothing; up to
800 mm3 for volumes, so 10 mm3 loses nothing; the ratios of such lengths move by some
0.03, so 0.01 loses nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fhir_mappings import codes
from fhir_mappings.datatypes import Resource, concept
from inference.results import CaseReport, Level, Vertebra

Coding = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit and the decimals that are kept in it."""

    unit: str
    code: str
    digits: int


MM: Final = Unit(unit="mm", code="mm", digits=1)
MM3: Final = Unit(unit="mm3", code="mm3", digits=-1)
RATIO: Final = Unit(unit="ratio", code="{ratio}", digits=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One kind of measurement.

    Attributes:
        field: Name of the field in ``inference.results``.
        code: Our code: no standard code says exactly this.
        text: Its words.
        generic: The standard code of the property that is measured.
        unit: How the value is written.
        method: How it is measured.

    """

    field: str
    code: str
    text: str
    generic: Coding
    unit: Unit
    method: str


LEVEL_MEASURES: Final = (
    Measure(
        field="disc_height_mm",
        code="disc-height",
        text="Intervertebral disc height",
        generic=codes.HEIGHT,
        unit=MM,
        method="Mean distance between the endplates, mid-sagittal slice",
    ),
    Measure(
        field="disc_width_mm",
        code="disc-width",
        text="Intervertebral disc width, anterior-posterior",
        generic=codes.WIDTH,
        unit=MM,
        method="Anterior-posterior length of the disc, mid-sagittal slice",
    ),
    Measure(
        field="disc_volume_mm3",
        code="disc-volume",
        text="Intervertebral disc volume within the imaged slices",
        generic=codes.VOLUME,
        unit=MM3,
        method="Sum of the voxels of the disc in all sagittal slices",
    ),
    Measure(
        field="disc_height_index_ratio",
        code="disc-height-index",
        text="Disc height index",
        generic=codes.RATIO,
        unit=RATIO,
        method="Disc height over the mean height of the neighboring vertebral bodies "
        "(the upper one alone at L5/S1), mid-sagittal slice",
    ),
    Measure(
        field="disc_signal_ratio",
        code="disc-signal-ratio",
        text="Disc signal relative to cerebrospinal fluid",
        generic=codes.RATIO,
        unit=RATIO,
        method="Mean T2 signal of the disc over that of cerebrospinal fluid",
    ),
    Measure(
        field="canal_diameter_mm",
        code="canal-diameter",
        text="Spinal canal diameter, anterior-posterior",
        generic=codes.DIAMETER,
        unit=MM,
        method="Smallest anterior-posterior diameter behind the disc, "
        "mid-sagittal slice",
    ),
)
VERTEBRA_MEASURES: Final = (
    Measure(
        field="height_mm",
        code="vertebra-height",
        text="Vertebral body height",
        generic=codes.HEIGHT,
        unit=MM,
        method="Mean distance between its endplates, mid-sagittal slice",
    ),
    Measure(
        field="width_mm",
        code="vertebra-width",
        text="Vertebral body width, anterior-posterior",
        generic=codes.WIDTH,
        unit=MM,
        method="Anterior-posterior length of the body, mid-sagittal slice",
    ),
)
_CANAL: Final = "canal-diameter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One number of a report.

    Attributes:
        measure: What it is.
        site: Where it is.
        value: Full precision, in the unit of the measure.

    """

    measure: Measure
    site: Level | Vertebra
    value: float

    @property
    def body_site(self) -> Resource:
        """Where it is, as a CodeableConcept."""
        if isinstance(self.site, Vertebra):
            return concept(f"{self.site} vertebra", codes.VERTEBRAE[self.site])
        if self.measure.code == _CANAL:
            return canal_site(self.site)
        return disc_site(self.site)


def disc_site(level: Level) -> Resource:
    """Return a disc as a CodeableConcept."""
    return concept(f"{level} intervertebral disc", codes.DISCS[level])


def canal_site(level: Level) -> Resource:
    """Return the canal behind a disc as a CodeableConcept."""
    return concept(f"Spinal canal at the {level} disc", codes.DISC_LEVELS[level])


def measured(report: CaseReport) -> Iterator[Measured]:
    """Yield every number of a report that is known: discs first, then vertebrae."""
    for level in report.levels:
        for measure in LEVEL_MEASURES:
            value = getattr(level, measure.field)
            if value is not None:
                yield Measured(measure=measure, site=level.level, value=value)
    for vertebra in report.vertebrae:
        for measure in VERTEBRA_MEASURES:
            value = getattr(vertebra, measure.field)
            if value is not None:
                yield Measured(measure=measure, site=vertebra.vertebra, value=value)
