"""What was measured is said with its unit, its doubt and its place."""

from dataclasses import replace

from inference.results import (
    Caliper,
    Level,
    SpineMeasurement,
    Vertebra,
    VertebraMeasurement,
)
from smart_app.pages.caliper_view import details, drawn_calipers
from tests.smart_app.reports import LEVELS, REPORT


def said(name: str, **changes: object) -> dict[str, str]:
    """All values at one place of the changed report."""
    report = replace(REPORT, **changes)  # type: ignore[arg-type]
    return next(dict(item.values) for item in details(report) if item.name == name)


def test_a_length_is_said_with_how_far_it_may_be_off() -> None:
    values = said("L4/L5")
    assert values["disc height, mean"] == "7.3 ± 1.2 mm"
    assert values["disc AP width"] == "33.0 mm"  # no caliper, so no doubt is known


def test_a_place_where_nothing_was_measured_is_left_out() -> None:
    assert "L5" not in {item.name for item in details(REPORT)}


def test_a_slip_is_said_with_percent_and_grade() -> None:
    caliper = Caliper(quantity="slip_mm", start_mm=(0, 0, 0), end_mm=(0, 5, 0))
    slipped = replace(LEVELS[3], slip_mm=10.0, slip_percent=29.4, calipers=(caliper,))
    assert slipped.level is Level.L4_L5
    values = said("L4/L5", levels=(slipped,))
    assert values["slip to the front"] == "10.0 mm (29 %, Meyerding II)"


def test_angles_have_their_sign() -> None:
    body = VertebraMeasurement(
        vertebra=Vertebra.L1, height_mm=25.0, width_mm=34.0, wedge_degrees=-3.6
    )
    assert said("L1", vertebrae=(body,))["body wedge, lower in front"] == "-4°"
    spine = SpineMeasurement(lordosis_degrees=47.5)
    assert said("spine", spine=spine) == {"lordosis L1 to S1, lying": "48°"}


def test_every_drawn_caliper_says_what_it_measured() -> None:
    first, second = drawn_calipers(REPORT)
    assert first.words == "L4/L5: disc height, mean 7.3 ± 1.2 mm"
    assert (first.is_main, second.is_main) == (True, False)
