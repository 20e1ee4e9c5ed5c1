"""A number in one unit is converted to another of the same kind, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.errors import UnusableValueError
from fhir_mappings.units import converted


@pytest.mark.parametrize(
    ("value", "code", "to", "expected"),
    [
        (1.7, "m", "cm", 170),
        (154, "[lb_av]", "kg", 69.853),
        (2, "a", "wk", 104.357),
        (0.8, "mL/s/{1.73_m2}", "mL/min/{1.73_m2}", 48),
        (44, "%", "%", 44),
        (44, "%", "1", 0.44),
    ],
)
def test_units_of_one_kind_are_converted(
    value: float, code: str, to: str, expected: float
) -> None:
    assert converted(value, code, to=to) == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize(
    "code",
    ["kg", "inch", "", "cm{estimated}", "1/0", "10*999999", "m" * 100, "Cel", "\x00"],
)
def test_what_is_no_length_is_refused(code: str) -> None:
    with pytest.raises(UnusableValueError, match="unit"):
        converted(5, code, to="cm")


def test_a_scale_is_not_converted_to_a_score() -> None:
    with pytest.raises(UnusableValueError, match="annotation"):
        converted(5, "cm", to="{score}")


def test_a_number_that_leaves_the_range_of_numbers_is_refused() -> None:
    with pytest.raises(UnusableValueError, match="finite"):
        converted(1e308, "km", to="cm")


@given(st.text(alphabet="cmkLg/.*10[]{}%()-+_ é", max_size=12))
def test_any_text_is_a_unit_or_refused(code: str) -> None:
    try:
        number = converted(2, code, to="cm")
    except UnusableValueError:
        return
    assert number == number  # noqa: PLR0124 - not a number is not equal to itself
