"""What a report found, measured or graded, in the words of an Observation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fhir_mappings import codes
from fhir_mappings.datatypes import Resource, concept, quantity
from fhir_mappings.gradings import METHOD, ORIGIN, grade_numeral, probability
from fhir_mappings.measures import Measured, disc_site, measured
from fhir_mappings.reference_ranges import (
    percentile,
    reference_range,
    references,
)
from inference.reference_values import ReferenceRange
from inference.results import CaseReport, DiscGrading, Level, ModelVersion, Vertebra


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of a report.

    Attributes:
        site: Where it is.
        body_site: The same as a CodeableConcept.
        code: What it is, as a CodeableConcept, our own code first.
        value: The elements of the Observation that hold the value.
        words: The value as people read it.
        method: How it was found.
        models: The model that found it, then those that it builds on.
        ranges: What is usual, as elements of ``Observation.referenceRange``.
        notes: What else a reader must know.

    """

    site: Level | Vertebra
    body_site: Resource
    code: Resource
    value: dict[str, Any]
    words: str
    method: str
    models: tuple[ModelVersion, ...]
    ranges: tuple[Resource, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())


def findings(report: CaseReport) -> Iterator[Finding]:
    """Yield all that a report found: measurements, then grades."""
    for item in measured(report):
        yield _of_measurement(item, report)
    for grading in report.gradings:
        yield _of_grading(grading, report)


def _of_measurement(item: Measured, report: CaseReport) -> Finding:
    measure, unit = item.measure, item.measure.unit
    value = quantity(item.value, unit=unit.unit, code=unit.code, digits=unit.digits)
    known = references(item, report.features)
    return Finding(
        site=item.site,
        body_site=item.body_site,
        code=concept(
            measure.text,
            codes.coding(codes.CODE_SYSTEM, measure.code, measure.text),
            measure.generic,
        ),
        value={"valueQuantity": value},
        words=f"{value['value']} {unit.unit}",
        method=measure.method,
        models=(report.model,),
        ranges=tuple(reference_range(reference, unit) for reference in known),
        notes=tuple(_notes(item, known)),
    )


def _notes(item: Measured, known: Sequence[ReferenceRange]) -> Iterator[str]:
    """Say where the value stands among those who were measured in the same way."""
    for reference in known:
        place = percentile(reference, item.value)
        if reference.is_same_method and place is not None:
            yield (
                f"{place.capitalize()} of {reference.count} {reference.population} "
                f"({reference.source}), which does not say what is healthy."
            )


def _of_grading(grading: DiscGrading, report: CaseReport) -> Finding:
    outlines, grade = report.model, codes.PFIRRMANN_GRADES[grading.pfirrmann]
    own, likely = codes.PFIRRMANN_PROBABILITY, probability(grading)
    certainty = concept(own["display"], own, codes.PROBABILITY)
    return Finding(
        site=grading.level,
        body_site=disc_site(grading.level),
        code=concept(codes.PFIRRMANN["display"], codes.PFIRRMANN),
        value={
            "valueCodeableConcept": concept(grade["display"], grade),
            "component": [{"code": certainty, "valueQuantity": likely}],
        },
        words=f"{grade_numeral(grading)} (probability {likely['value']})",
        method=f"{METHOD}, of the disc outlined by {outlines.name} {outlines.version}",
        models=(report.grading_model, report.model),
        notes=(ORIGIN,),
    )
