"""Observation resources -> numbers of known unit and range, with their origin."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from fhir_mappings import chart_codes, codes
from fhir_mappings.chart_codes import Code
from fhir_mappings.concepts import codes_of
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import first_day, is_future
from fhir_mappings.errors import UnusableValueError
from fhir_mappings.site_codes import SiteCodes
from fhir_mappings.units import converted
from inference.results import RANGES, ClinicalValue

ELEMENTS: Final = frozenset(
    {
        *("id", "status", "code", "subject", "issued", "dataAbsentReason", "bodySite"),
        *("effectiveDateTime", "effectiveInstant", "effectivePeriod", "valueQuantity"),
        *("valueInteger", "valueBoolean", "valueCodeableConcept", "valueString"),
    }
)

# https://hl7.org/fhir/R4/valueset-observation-status.html
_USABLE = frozenset({"final", "amended", "corrected"})
#: A score without a unit (valueInteger) is read where ``"{score}"`` is.
_SCORE: Final = "{score}"
#: Our choice: what a patient reports changes by some 9 points of the ODI in 74 days of
#: waiting (Hatakka, in lumbar stenosis), so after 90 days it is asked again.
REPORTED_DAYS: Final = 90
#: Our choice: weight and kidney function of a year ago still say something.
YEAR_DAYS: Final = 365
DAYS_PER_WEEK: Final = 7
CM_PER_M: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueKind:
    """One kind of number that is read.

    Attributes:
        field: Field of ``ClinicalFeatures`` that it fills, or of our own.
        codes: Codes that mean it.
        unit: UCUM code of the unit that the field is in; others are converted.
        same: UCUM codes in which the number is the same by definition.
        sites: Body sites that it is of; empty where it must name none.
        limit_days: How old it may be to be used, ``None`` where age does not matter.
        lasting_below: A value below it is used however old it is.
        is_growing: Whether it grows with the time since it was recorded (a duration).

    """

    field: str
    codes: tuple[Code, ...]
    unit: str
    same: frozenset[str] = frozenset()
    sites: frozenset[Code] = frozenset()
    limit_days: int | None = REPORTED_DAYS
    lasting_below: float | None = None
    is_growing: bool = False

    def is_possible(self, value: float) -> bool:
        """Tell whether a number is within the range of its kind."""
        lowest, highest = RANGES[self.field]
        return lowest <= value <= highest

    def is_outdated(self, value: ClinicalValue, *, today: date) -> bool:
        """Tell whether a value is too old; one without a date is."""
        if self.limit_days is None:
            return False
        if self.lasting_below is not None and value.value < self.lasting_below:
            return False
        day = value.recorded_on
        return day is None or (today - day).days > self.limit_days


_NRS: Final = ValueKind(
    field="pain_nrs",
    codes=chart_codes.PAIN_NRS,
    unit=_SCORE,
    same=frozenset({"1"}),
)
_DURATION: Final = ValueKind(
    field="back_pain_weeks",
    codes=chart_codes.BACK_PAIN_DURATION,
    unit="wk",
    limit_days=None,
    is_growing=True,
)
HEIGHT: Final = ValueKind(
    field="height_cm",
    codes=chart_codes.HEIGHT,
    unit="cm",
    limit_days=None,
)
WEIGHT: Final = ValueKind(
    field="weight_kg",
    codes=chart_codes.WEIGHT,
    unit="kg",
    limit_days=YEAR_DAYS,
)
BMI: Final = ValueKind(
    field="bmi_kg_m2",
    codes=chart_codes.BMI,
    unit="kg/m2",
    limit_days=YEAR_DAYS,
)
KINDS: Final = (
    _NRS,
    replace(_NRS, field="back_pain_nrs", sites=chart_codes.BACK_SITES),
    replace(_NRS, field="leg_pain_nrs", sites=chart_codes.LEG_SITES),
    # The index is a percentage by its definition: points reached over points possible.
    ValueKind(
        field="odi_percent",
        codes=chart_codes.ODI,
        unit="%",
        same=frozenset({_SCORE}),
    ),
    ValueKind(
        field="eq5d_index",
        codes=chart_codes.EQ5D_INDEX,
        unit="1",
        same=frozenset({_SCORE, "{index}"}),
    ),
    ValueKind(
        field="start_back_score",
        codes=chart_codes.START_BACK,
        unit=_SCORE,
        same=frozenset({"1"}),
    ),
    _DURATION,
    replace(_DURATION, field="leg_pain_weeks", codes=chart_codes.LEG_PAIN_DURATION),
    ValueKind(
        field="walking_distance_m",
        codes=chart_codes.WALKING_DISTANCE,
        unit="m",
    ),
    HEIGHT,
    WEIGHT,
    BMI,
    # In UCUM an annotation in braces has no meaning, so both are one unit; the LOINC
    # codes say "per 1.73 m2". Below 60 it is used at any age, because a diseased kidney
    # (KDIGO 2012) hardly heals.
    ValueKind(
        field="egfr_ml_min",
        codes=chart_codes.EGFR,
        unit="mL/min/{1.73_m2}",
        same=frozenset({"mL/min"}),
        limit_days=YEAR_DAYS,
        lasting_below=60,
    ),
)
#: What an Observation of a site's own code may fill.
FIELDS: Final = frozenset(kind.field for kind in KINDS)


def kinds_of(observation: Resource, site: SiteCodes) -> Iterator[ValueKind]:
    """Yield the kinds of number that an Observation is: mostly none or one."""
    own = list(codes_of(observation["code"]))
    fields = {site.values[code] for code in own if code in site.values}
    places = set(codes_of(observation.get("bodySite", {})))
    for kind in KINDS:
        is_coded = not fields and bool(set(own) & set(kind.codes))
        is_placed = bool(places & kind.sites) if kind.sites else not places
        if kind.field in fields or (is_coded and (is_placed or not _has_sites(kind))):
            yield kind


def is_usable(observation: Resource) -> bool:
    """Tell whether the status says that the result stands."""
    return observation["status"] in _USABLE


def has_code(observation: Resource, wanted: tuple[Code, ...]) -> bool:
    """Tell whether an Observation has one of these codes."""
    return not set(codes_of(observation["code"])).isdisjoint(wanted)


def observed(observation: Resource) -> str:
    """Return the FHIR time of an Observation as written, empty where there is none."""
    period = observation.get("effectivePeriod", {})
    candidates = [
        observation.get("effectiveDateTime"),
        observation.get("effectiveInstant"),
        period.get("end") or period.get("start"),
        observation.get("issued"),
    ]
    return next(filter(None, candidates), "")


def clinical_value(
    observation: Resource, kind: ValueKind, *, today: date
) -> ClinicalValue | None:
    """Return the number of an Observation, ``None`` where it says that there is none.

    Raises:
        UnusableValueError: Wrong or missing unit, not a number, out of range, or from
            the future.

    """
    if "dataAbsentReason" in observation:
        return None
    when = observed(observation)
    if when and is_future(when, today=today):
        raise UnusableValueError("dated after today")
    day = first_day(when) if when else None
    value, unit = _number(observation, kind)
    if not kind.is_possible(value):
        lowest, highest = RANGES[kind.field]
        raise UnusableValueError(f"{value} is not {lowest:g} to {highest:g}")
    if kind.is_growing:
        value += _weeks_since(day, today)
    return ClinicalValue(
        value=value,
        recorded_on=day,
        source=f"Observation/{observation['id']}",
        method="" if unit in {kind.unit, *kind.same} else f"converted from {unit}",
    )


def body_mass_index(
    height: ClinicalValue, weight: ClinicalValue
) -> ClinicalValue | None:
    """Return the index of a height in cm and a weight in kg, dated as the weight.

    ``None`` where it is out of range, so that one of the two must be wrong.
    """
    value = weight.value / (height.value / CM_PER_M) ** 2
    if not BMI.is_possible(value):
        return None
    return ClinicalValue(
        value=value,
        recorded_on=weight.recorded_on,
        source=weight.source,
        method=f"from this weight and the height of {height.source}",
    )


def _has_sites(kind: ValueKind) -> bool:
    """Tell whether kinds with the same codes differ by their body site."""
    return any(other.sites for other in KINDS if other.codes == kind.codes)


def _weeks_since(day: date | None, today: date) -> float:
    if day is None:
        raise UnusableValueError("a duration without a date")
    return max((today - day).days, 0) // DAYS_PER_WEEK


def _number(observation: Resource, kind: ValueKind) -> tuple[float, str]:
    """Return the number in the unit of its kind, and the unit that it came in."""
    if "valueInteger" in observation and _SCORE in {kind.unit, *kind.same}:
        return float(observation["valueInteger"]), _SCORE
    quantity = observation.get("valueQuantity", {})
    if "comparator" in quantity or "value" not in quantity:
        raise UnusableValueError("no exact number")
    if quantity.get("system") != codes.UCUM:
        raise UnusableValueError("unit is missing or not of UCUM")
    value, unit = float(quantity["value"]), str(quantity.get("code", ""))
    if unit in {kind.unit, *kind.same}:
        return value, unit
    return converted(value, unit, to=kind.unit), unit
