"""Where each length was measured, and all lengths that the table has no room for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from inference.results import (
    Caliper,
    CaliperLine,
    CaseReport,
    LevelMeasurement,
    SpineMeasurement,
    VertebraMeasurement,
)

Measurement = LevelMeasurement | VertebraMeasurement | SpineMeasurement

WORDS: Final = {
    "disc_height_mm": "disc height, mean",
    "disc_height_anterior_mm": "disc height, anterior",
    "disc_height_middle_mm": "disc height, middle",
    "disc_height_posterior_mm": "disc height, posterior",
    "disc_width_mm": "disc AP width",
    "canal_diameter_mm": "canal AP diameter",
    "slip_mm": "slip to the front",
    "height_mm": "body height, mean",
    "height_anterior_mm": "body height, anterior",
    "height_middle_mm": "body height, middle",
    "height_posterior_mm": "body height, posterior",
    "width_mm": "body AP width",
    "wedge_degrees": "body wedge, lower in front",
    "smallest_canal_mm": "smallest canal AP diameter",
    "lordosis_degrees": "lordosis L1 to S1, lying",
    "disc_height_to_width_ratio": "anterior and posterior height over width",
    "nucleus_signal_ratio": "signal of the nucleus over CSF",
    "signal_heterogeneity_ratio": "heterogeneity of the signal",
}
#: Drawn with the calipers of all levels; the others appear with the row of their level.
MAIN: Final = (
    "disc_height_mm",
    "disc_width_mm",
    "canal_diameter_mm",
    "height_mm",
    "width_mm",
    "smallest_canal_mm",
)
ROMAN: Final = ("", "I", "II", "III", "IV", "V")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnCaliper:
    """One caliper on the picture, in pixels of it."""

    name: str
    x1: float
    y1: float
    x2: float
    y2: float
    words: str
    is_main: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """All that was measured at one place: name and value, in words."""

    name: str
    values: tuple[tuple[str, str], ...]


def drawn_calipers(report: CaseReport) -> tuple[DrawnCaliper, ...]:
    """Return the calipers of the picture with what they measured."""
    places = _places(report)
    return tuple(
        _drawn(line, places[line.name])
        for line in report.picture.calipers
        if line.name in places
    )


def details(report: CaseReport) -> tuple[Detail, ...]:
    """Return every length, angle and ratio with how far each may be off."""
    return tuple(
        Detail(name=name, values=tuple(_values(item)))
        for name, item in _places(report).items()
        if any(_values(item))
    )


def _places(report: CaseReport) -> dict[str, Measurement]:
    places: dict[str, Measurement] = {
        **{str(item.level): item for item in report.levels},
        **{str(item.vertebra): item for item in report.vertebrae},
    }
    return places | ({"spine": report.spine} if report.spine else {})


def _drawn(line: CaliperLine, item: Measurement) -> DrawnCaliper:
    words = f"{line.name}: {WORDS[line.quantity]} {_value(item, line.quantity)}"
    return DrawnCaliper(
        name=line.name,
        x1=line.start_px[0],
        y1=line.start_px[1],
        x2=line.end_px[0],
        y2=line.end_px[1],
        words=words,
        is_main=line.quantity in MAIN,
    )


def _values(item: Measurement) -> Iterator[tuple[str, str]]:
    for quantity, words in WORDS.items():
        if getattr(item, quantity, None) is not None:
            yield words, _value(item, quantity)


def _value(item: Measurement, quantity: str) -> str:
    """Say a value with its unit and how far it may be off."""
    value: float = getattr(item, quantity)
    if quantity.endswith("_ratio"):
        return f"{value:.2f}"
    if quantity.endswith("_degrees"):
        return f"{value:.0f}°"
    uncertainty = _uncertainty_mm(item.calipers, quantity)
    spread = "" if uncertainty is None else f" ± {uncertainty:.1f}"
    words = f"{value:.1f}{spread} mm"
    if isinstance(item, LevelMeasurement) and quantity == "slip_mm":
        grade = item.meyerding_grade
        named = "" if not grade else f", Meyerding {ROMAN[grade]}"
        words += f" ({item.slip_percent:.0f} %{named})"
    return words


def _uncertainty_mm(calipers: tuple[Caliper, ...], quantity: str) -> float | None:
    found = [item for item in calipers if item.quantity == quantity]
    return found[0].uncertainty_mm if found else None
