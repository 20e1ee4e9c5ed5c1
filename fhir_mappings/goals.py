"""What the plan is for -> FHIR R4 Goals (https://hl7.org/fhir/R4/goal.html).

One per score that is known and can fall by as much as patients notice. Proposed: nobody
has asked the patient yet. Conforms to the US Core Goal profile.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_mappings.answer_codes import AnswerCode, answer_code
from fhir_mappings.codes import AI_ASSERTED, US_CORE_GOAL
from fhir_mappings.datatypes import Resource, narrative, quantity, reference
from fhir_mappings.identifiers import identifier
from fhir_mappings.models import built
from fhir_mappings.plan_steps import review_date
from fhir_mappings.write_context import WriteContext
from inference.judgement.questions import QUESTIONS
from inference.results import CaseReport, ClinicalValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """By how much a score should fall.

    Attributes:
        score: Name of the field of ``ClinicalFeatures``.
        question: Name of the question that is coded as the score is.
        name: The score in words.
        fall: Its unit is that of the score.
        source: Who says that patients notice this much.

    """

    score: str
    question: str
    name: str
    fall: int
    source: str


# at three months after treatment for chronic low back pain, 161 patients: 1.3 to 1.8
# points by the pain before, rounded up to 2 by the authors
_TWO_POINTS: Final = (
    "2 points less after three months separate satisfied from unsatisfied patients "
    "(doi:10.1371/journal.pone.0229228)"
)
_TEN_POINTS: Final = "10 points less is our choice"
TARGETS: Final = (
    Target(
        score="pain_nrs",
        question="back_pain_nrs",
        name="Pain, 0 to 10",
        fall=2,
        source=_TWO_POINTS,
    ),
    Target(
        score="back_pain_nrs",
        question="back_pain_nrs",
        name="Back pain, 0 to 10",
        fall=2,
        source=_TWO_POINTS,
    ),
    Target(
        score="leg_pain_nrs",
        question="leg_pain_nrs",
        name="Leg pain, 0 to 10",
        fall=2,
        source=f"{_TWO_POINTS}; measured for back pain",
    ),
    Target(
        score="odi_percent",
        question="odi_percent",
        name="Oswestry disability index, %",
        fall=10,
        source=_TEN_POINTS,
    ),
)


def goals(
    report: CaseReport, context: WriteContext, *, addressed: Sequence[str]
) -> tuple[Resource, ...]:
    """Map every score that can improve to a proposed Goal.

    Args:
        report: The signed report; beside red flags, or without steps, no goals.
        context: Where it is written.
        addressed: References to the Conditions that the plan is for.

    """
    return tuple(
        _goal(target, value, context, addressed) for target, value in _wanted(report)
    )


def goal_sentences(report: CaseReport) -> list[str]:
    """Return the goals in words, for a server that takes no Goals."""
    return [_sentence(target, value) for target, value in _wanted(report)]


def _wanted(report: CaseReport) -> Iterator[tuple[Target, ClinicalValue]]:
    suggestion = report.suggestion
    if suggestion.red_flags or not suggestion.activities:
        return
    for target in TARGETS:
        value = getattr(report.features, target.score)
        if value is not None and value.value >= target.fall:
            yield target, value


def _goal(
    target: Target,
    value: ClinicalValue,
    context: WriteContext,
    addressed: Sequence[str],
) -> Resource:
    coded, day = answer_code(QUESTIONS[target.question]), review_date(context)
    notes = [
        f"Target: {target.source}.",
        "Proposed by the plan, not yet agreed with the patient.",
        context.disclaimer,
    ]
    sources = [*addressed, *([value.source] if value.source else [])]
    goal = {
        "resourceType": "Goal",
        "meta": {"profile": [US_CORE_GOAL], "security": [AI_ASSERTED]},
        "text": narrative(f"{_sentence(target, value)} by {day.isoformat()}", notes),
        "identifier": identifier(
            *(context.issuer, context.patient, "Goal", target.score),
            *(value.source, str(value.value), str(value.recorded_on)),
            context.software_version,
        ),
        "lifecycleStatus": "proposed",
        "description": {"text": _sentence(target, value)},
        "subject": reference(context.patient),
        "startDate": context.signed_at.date().isoformat(),
        "target": [
            {
                "measure": _measure(target, coded),
                "detailQuantity": _at_most(target, value, coded),
                "dueDate": day.isoformat(),
            }
        ],
        "expressedBy": reference(context.signer, context.signer_display),
        "addresses": [reference(source) for source in sources],
        "note": [{"text": note} for note in notes],
    }
    return built({name: item for name, item in goal.items() if item})


def _measure(target: Target, coded: AnswerCode) -> Resource:
    return coded.code | {"text": target.name}


def _at_most(target: Target, value: ClinicalValue, coded: AnswerCode) -> Resource:
    unit = coded.unit
    if unit is None:
        raise ValueError(f"no unit for {target.score}")
    limit = quantity(
        value.value - target.fall, unit=unit.unit, code=unit.code, digits=unit.digits
    )
    return limit | {"comparator": "<="}


def _sentence(target: Target, value: ClinicalValue) -> str:
    return (
        f"{target.name}: {value.value - target.fall:.0f} or less, from "
        f"{value.value:.0f} now"
    )
