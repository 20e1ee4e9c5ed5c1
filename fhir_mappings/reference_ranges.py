"""What is usual -> Observation.referenceRange, and the words for it.

R4 takes a range without a type for a normal one. Ours are none: each has the group of
people whom it describes as its type, and its text says how they were measured and where
that is published (https://hl7.org/fhir/R4/observation-definitions.html).
"""

from typing import Final

from fhir_mappings import codes
from fhir_mappings.datatypes import Resource, concept, quantity
from fhir_mappings.measures import Measured, Unit
from inference.measurements.reference_values import ReferenceRange, references_for
from inference.results import ClinicalFeatures

#: Our choice: no group of this size knows its ends any better.
_LAST: Final = 99
_YEARS: Final = Unit(unit="a", code="a", digits=0)


def references(
    item: Measured, features: ClinicalFeatures
) -> tuple[ReferenceRange, ...]:
    """Return what is known of a measured quantity for this person, the best first."""
    return references_for(
        item.measure.field, item.site, sex=features.sex, age_years=features.age_years
    )


def reference_range(item: ReferenceRange, unit: Unit) -> Resource:
    """Map one range, rounded as the value is."""
    low, high = item.limits
    return {
        **({"low": _quantity(low, unit)} if low is not None else {}),
        **({"high": _quantity(high, unit)} if high is not None else {}),
        "type": concept(item.population),
        **({"appliesTo": [codes.SEXES[item.sex]]} if item.sex else {}),
        **({"age": _ages(item)} if item.youngest_years is not None else {}),
        "text": sentence(item, unit),
    }


def short_limits(item: ReferenceRange, unit: Unit) -> str:
    """Return the limits as they are read, such as 7.1 to 12.0, with a dash."""
    low, high = (
        None if limit is None else written(limit, unit) for limit in item.limits
    )
    if low is None:
        return f"≤ {high}"
    return f"≥ {low}" if high is None else f"{low}\N{EN DASH}{high}"


def sentence(item: ReferenceRange, unit: Unit) -> str:
    """Say what the range is: the limits, who, how, and where it is published."""
    people = "" if item.count is None else f" (n = {item.count})"
    return f"{short_limits(item, unit)} {unit.unit}{people}. {origin(item)}"


def origin(item: ReferenceRange) -> str:
    """Say who was measured, how, and where it is published."""
    who = f"{item.population[0].upper()}{item.population[1:]}"
    method = "" if item.is_same_method else ", another method than here"
    return f"{who}. {item.method}{method}. {item.source}"


def percentile(item: ReferenceRange, value: float) -> str | None:
    """Return where a value stands among the people of a range, in words."""
    percent = item.percentile(value)
    if percent is None:
        return None
    if percent < 1:
        return "below percentile 1"
    return "above percentile 99" if percent > _LAST else f"percentile {percent:.0f}"


def written(value: float, unit: Unit) -> str:
    """Return a value as people read it, rounded as it is written."""
    return f"{_quantity(value, unit)['value']:,.{max(unit.digits, 0)}f}"


def _quantity(value: float, unit: Unit) -> Resource:
    return quantity(value, unit=unit.unit, code=unit.code, digits=unit.digits)


def _ages(item: ReferenceRange) -> Resource:
    ends = {"low": item.youngest_years, "high": item.oldest_years}
    return {
        end: _quantity(years, _YEARS)
        for end, years in ends.items()
        if years is not None
    }
