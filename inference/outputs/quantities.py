"""Every number of a report: its name, unit, decimals and code, in one place."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from inference.outputs.codes import own_code
from inference.results import (
    Caliper,
    CaseReport,
    Level,
    LevelMeasurement,
    SpineMeasurement,
    Vertebra,
    VertebraMeasurement,
)

Measured = LevelMeasurement | VertebraMeasurement | SpineMeasurement
#: The spine as a whole, where a level or vertebra is named elsewhere.
SPINE: Final = "lumbar spine"
#: What a value is of: a level, a vertebra or ``SPINE``.
Place = Level | Vertebra | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit by its suffix in our names.

    Attributes:
        ucum: UCUM code.
        code: The same as DICOM has it.
        decimals: How many are written. Our choice: one more than readers agree on.

    """

    ucum: str
    code: Code
    decimals: int


#: Longer suffixes first, so that ``_mm3`` is not taken for ``_mm``.
UNITS: Final[dict[str, Unit]] = {
    "_mm3": Unit(ucum="mm3", code=codes.UCUM.CubicMillimeter, decimals=0),
    "_mm": Unit(ucum="mm", code=codes.UCUM.Millimeter, decimals=2),
    "_degrees": Unit(ucum="deg", code=codes.UCUM.Degree, decimals=1),
    "_percent": Unit(ucum="%", code=codes.UCUM.Percent, decimals=1),
    "_ratio": Unit(ucum="1", code=codes.UCUM.NoUnits, decimals=3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One kind of number.

    Attributes:
        field: Name of its field in ``inference.results``.
        code: Our code, which says exactly what was measured.
        general: A standard code that says as much beside its structure, ``None`` where
            there is none. No two quantities of a structure share one: some readers
            show nothing but this.

    """

    field: str
    code: Code
    general: Code | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.code.meaning)

    @property
    def unit(self) -> Unit:
        """The unit that the field's name ends in."""
        return next(unit for end, unit in UNITS.items() if self.field.endswith(end))

    def rounded(self, value: float) -> float:
        """Return a value as it is written."""
        return round(value, self.unit.decimals or None)


def _quantity(
    field: str, code: str, meaning: str, general: Code | None = None
) -> Quantity:
    return Quantity(field=field, code=own_code(code, meaning), general=general)


_HEIGHT: Final = codes.DCM.Height
_WIDTH: Final = codes.SCT.Width
_DIAMETER: Final = codes.SCT.Diameter

OF_LEVEL: Final = (
    _quantity("disc_height_mm", "disc-height", "Mean disc height", _HEIGHT),
    _quantity("disc_height_anterior_mm", "disc-height-ant", "Anterior disc height"),
    _quantity("disc_height_middle_mm", "disc-height-mid", "Middle disc height"),
    _quantity("disc_height_posterior_mm", "disc-height-post", "Posterior disc height"),
    _quantity("disc_width_mm", "disc-width", "Anterior-posterior disc width", _WIDTH),
    _quantity("disc_volume_mm3", "disc-volume", "Disc volume", codes.SCT.Volume),
    _quantity("disc_height_index_ratio", "disc-height-idx", "Disc height index"),
    _quantity("disc_height_to_width_ratio", "disc-height-wdth", "Disc height to width"),
    _quantity(
        "disc_signal_ratio", "disc-signal", "Disc signal over cerebrospinal fluid"
    ),
    _quantity(
        "nucleus_signal_ratio",
        "nucleus-signal",
        "Nucleus signal over cerebrospinal fluid",
    ),
    _quantity(
        "signal_heterogeneity_ratio", "disc-signal-sd", "Disc signal heterogeneity"
    ),
    _quantity("slip_mm", "slip", "Slip of the vertebra above, anterior positive"),
    _quantity(
        "slip_percent", "slip-percent", "Slip over endplate below, anterior positive"
    ),
)
CANAL_AT_LEVEL: Final = _quantity(
    "canal_diameter_mm", "canal-at-disc", "Canal diameter behind the disc", _DIAMETER
)
OF_VERTEBRA: Final = (
    _quantity("height_mm", "body-height", "Mean vertebral body height", _HEIGHT),
    _quantity(
        "height_anterior_mm",
        "body-height-ant",
        "Anterior vertebral body height",
    ),
    _quantity("height_middle_mm", "body-height-mid", "Middle vertebral body height"),
    _quantity(
        "height_posterior_mm",
        "body-height-post",
        "Posterior vertebral body height",
    ),
    _quantity(
        "width_mm", "body-width", "Anterior-posterior vertebral body width", _WIDTH
    ),
    _quantity(
        "wedge_degrees", "body-wedge", "Vertebral body wedge angle", codes.SCT.Angle
    ),
)
CANAL_AT_VERTEBRA: Final = _quantity(
    "canal_diameter_mm", "canal-at-body", "Canal diameter behind the body", _DIAMETER
)
LORDOSIS: Final = _quantity(
    "lordosis_degrees", "lordosis-l1-s1", "Lordosis from L1 to S1", codes.SCT.Angle
)
SMALLEST_CANAL: Final = _quantity(
    "smallest_canal_mm", "canal-smallest", "Smallest canal diameter", _DIAMETER
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One number of one report.

    Attributes:
        of: Where it was measured.
        quantity: What it is.
        value: The number as it is written, ``None`` where it could not be measured.
        caliper: Where it was measured, ``None`` where that is no line.

    """

    of: Place
    quantity: Quantity
    value: float | None
    caliper: Caliper | None

    @property
    def uncertainty(self) -> float | None:
        """Half width of its 95 % interval as it is written, ``None`` if not known."""
        uncertainty_mm = self.caliper.uncertainty_mm if self.caliper else None
        if uncertainty_mm is None or self.quantity.unit is not UNITS["_mm"]:
            return None
        return self.quantity.rounded(uncertainty_mm)


def values(report: CaseReport) -> Iterator[Value]:
    """Yield every number of a report: levels, vertebrae, spine."""
    for level in report.levels:
        yield from _values_of(level.level, level, (*OF_LEVEL, CANAL_AT_LEVEL))
    for vertebra in report.vertebrae:
        quantities = (*OF_VERTEBRA, CANAL_AT_VERTEBRA)
        yield from _values_of(vertebra.vertebra, vertebra, quantities)
    if report.spine is not None:
        yield from _values_of(SPINE, report.spine, (LORDOSIS, SMALLEST_CANAL))


def _values_of(
    of: Place, measured: Measured, quantities: tuple[Quantity, ...]
) -> Iterator[Value]:
    calipers = {caliper.quantity: caliper for caliper in measured.calipers}
    for quantity in quantities:
        value = getattr(measured, quantity.field)
        yield Value(
            of=of,
            quantity=quantity,
            value=None if value is None else quantity.rounded(value),
            caliper=calipers.get(quantity.field),
        )
