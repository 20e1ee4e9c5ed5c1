"""What a report found, measured or graded, in the words of an Observation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_mappings import codes
from fhir_mappings.datatypes import Resource, concept, quantity
from fhir_mappings.gradings import (
    METHOD,
    NOT_FOUND,
    ORIGIN,
    finding_words,
    grade_numeral,
    probability,
    probability_quantity,
)
from fhir_mappings.measures import Measured, canal_site, disc_site, measured
from fhir_mappings.reference_ranges import (
    percentile,
    reference_range,
    references,
)
from inference.measurements.reference_values import ReferenceRange
from inference.results import (
    CanalClass,
    CaseReport,
    CentralStenosis,
    DiscFindings,
    DiscGrading,
    ModelVersion,
    Points,
    Severity,
    Spondylosis,
    severity_words,
)

#: Site of what is of no single level.
WHOLE: Final = "lumbar spine"
_LUMBAR_SPINE: Final = concept("Lumbar spine", codes.LUMBAR_SPINE_SITE)
_OWN_RULE: Final = (
    "No published scale: the elements are, their sum is ours. What is not known is "
    "counted from 0 to 2 points."
)
_DURAL_SAC: Final = (
    "Verbiest's limits are of the bony canal, which is wider than the dural sac that "
    "is measured here. The roots were not looked at."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of a report.

    Attributes:
        site: Where it is: a level, a vertebra, or the lumbar spine.
        body_site: The same as a CodeableConcept.
        code: What it is, as a CodeableConcept, our own code first.
        value: The elements of the Observation that hold the value.
        words: The value as people read it.
        method: How it was found.
        models: The model that found it, then those that it builds on.
        ranges: What is usual, as elements of ``Observation.referenceRange``.
        notes: What else a reader must know.

    """

    site: str
    body_site: Resource
    code: Resource
    value: dict[str, Any]
    words: str
    method: str
    models: tuple[ModelVersion, ...]
    ranges: tuple[Resource, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())


def findings(report: CaseReport) -> Iterator[Finding]:
    """Yield what a report found: measurements, grades, and what was not assessed."""
    for item in measured(report):
        yield _of_measurement(item, report)
    for grading in report.gradings:
        yield _of_grading(grading, report)
    for disc in report.disc_findings:
        yield _of_disc(disc, report)
    for stenosis in report.stenoses:
        yield _of_stenosis(stenosis, report)
    if report.spondylosis:
        yield from _of_spondylosis(report.spondylosis, report)
    for name, code in codes.NOT_ASSESSED.items():
        yield _not_assessed(name, code, report)


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


def _of_disc(item: DiscFindings, report: CaseReport) -> Finding:
    """No value of its own: whether a finding is there is for the reader to say."""
    outlines = report.model
    return Finding(
        site=item.level,
        body_site=disc_site(item.level),
        code=concept(codes.DISC_FINDINGS["display"], codes.DISC_FINDINGS),
        value={
            "component": [
                _finding(item.probability(kind), code)
                for kind, code in codes.DISC_FINDING_KINDS.items()
            ]
        },
        words=finding_words(item),
        method="Estimate of a model: probability that a reader of SPIDER says so, "
        f"of the disc outlined by {outlines.name} {outlines.version}",
        models=(report.grading_model, report.model),
        notes=(ORIGIN, NOT_FOUND),
    )


def _finding(probability: float | None, code: dict[str, str]) -> Resource:
    named = {"code": concept(code["display"], code, codes.PROBABILITY)}
    if probability is None:
        return named | {"dataAbsentReason": concept("not assessed", codes.UNKNOWN)}
    return named | {"valueQuantity": probability_quantity(probability)}


def _of_stenosis(item: CentralStenosis, report: CaseReport) -> Finding:
    """A class that cannot be told from its neighbor has words and no code."""
    probabilities = dict(zip(CanalClass, item.probabilities, strict=True))
    known = codes.CANAL_CLASSES[item.canal_class] if item.canal_class else None
    return Finding(
        site=item.level,
        body_site=canal_site(item.level),
        code=concept(codes.CANAL_CLASS["display"], codes.CANAL_CLASS),
        value={
            "valueCodeableConcept": concept(item.words, known),
            "component": [
                {
                    "code": concept(f"Probability: {name}", codes.CANAL_CLASSES[name]),
                    "valueQuantity": probability_quantity(value),
                }
                for name, value in probabilities.items()
            ],
        },
        words=item.words,
        method="Mid-sagittal diameter of the dural sac by Verbiest's limits of 10 and "
        "12 mm (doi:10.1186/1471-2474-12-175), with the error of its measurement",
        models=(report.model,),
        notes=(_DURAL_SAC,),
    )


def _of_spondylosis(found: Spondylosis, report: CaseReport) -> Iterator[Finding]:
    """Yield each level, then the worst of them."""
    for item in found.levels:
        yield _severity(
            item.level,
            disc_site(item.level),
            (item.lowest, item.highest),
            report,
            rule=found.rule,
            components=[_points(part) for part in item.points],
        )
    left_out = ", ".join(found.unknown)
    yield _severity(
        WHOLE,
        _LUMBAR_SPINE,
        (found.lowest, found.highest),
        report,
        rule=found.rule,
        notes=(
            "Severity of the worst level.",
            *([f"Nothing is known of {left_out}."] if left_out else []),
        ),
    )


def _severity(  # noqa: PLR0913  the parts of one Observation
    site: str,
    body_site: Resource,
    between: tuple[Severity, Severity],
    report: CaseReport,
    *,
    rule: str,
    components: Sequence[Resource] = (),
    notes: tuple[str, ...] = (),
) -> Finding:
    """A severity that is not known exactly has words and no code."""
    lowest, highest = between
    words = severity_words(lowest, highest)
    known = codes.SEVERITIES[lowest] if lowest is highest else None
    return Finding(
        site=site,
        body_site=body_site,
        code=concept(codes.SPONDYLOSIS["display"], codes.SPONDYLOSIS),
        value={
            "valueCodeableConcept": concept(words, known),
            **({"component": list(components)} if components else {}),
        },
        words=words,
        method=f"Our own rule {rule}: "
        "endplate change, disc narrowing, slip and narrow canal, 0 to 2 points each; "
        "mild from 1, moderate from 3, severe from 5",
        models=(report.model, report.grading_model),
        notes=(_OWN_RULE, *notes),
    )


def _points(part: Points) -> Resource:
    code = codes.SPONDYLOSIS_ELEMENTS[part.element]
    return {"code": concept(code["display"], code)} | _points_value(part)


def _points_value(part: Points) -> Resource:
    if not part.is_known:
        return {"dataAbsentReason": concept("not assessed", codes.UNKNOWN)}
    if part.low == part.high:
        return {"valueInteger": part.low}
    limits = {"low": part.low, "high": part.high}
    return {
        "valueRange": {
            name: quantity(value, unit="points", code="{score}", digits=0)
            for name, value in limits.items()
        }
    }


def _not_assessed(name: str, code: dict[str, str], report: CaseReport) -> Finding:
    words = "not assessed"
    return Finding(
        site=WHOLE,
        body_site=_LUMBAR_SPINE,
        code=concept(code["display"], code),
        value={"dataAbsentReason": concept(words, codes.NOT_PERFORMED)},
        words=words,
        method="None: a mid-sagittal surface does not show it",
        models=(report.model,),
        notes=(f"This says nothing of {name}: look at the images.",),
    )
