"""How each question of the page is coded, for writing and for reading back.

Standard codes where a checked source has one; else codes of ours, made of the name of
the question.
"""

from dataclasses import dataclass
from typing import Final

from fhir_mappings import codes
from fhir_mappings.chart_codes import Code
from fhir_mappings.datatypes import Resource, concept
from fhir_mappings.measures import Unit
from inference.judgement.questions import (
    QUESTIONS,
    FlagQuestion,
    Question,
    TreatmentQuestion,
)
from inference.results import Flag, Smoking, TreatmentKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCode:
    """How one question is coded.

    Attributes:
        code: What is asked, as a CodeableConcept.
        unit: Unit of a number, ``None`` for other answers.
        body_site: Where it is, as a CodeableConcept, ``None`` where nowhere.

    """

    code: Resource
    unit: Unit | None = None
    body_site: Resource | None = None


_SCORE: Final = Unit(unit="{score}", code="{score}", digits=0)
_WEEKS: Final = Unit(unit="weeks", code="wk", digits=0)


def _text(coding: dict[str, str]) -> Resource:
    return concept(coding["display"], coding)


def _own(name: str, text: str) -> Resource:
    return concept(text, codes.coding(codes.CODE_SYSTEM, name, text))


_NUMBERS: Final = {
    "back_pain_nrs": AnswerCode(
        code=concept("Back pain, 0 to 10", codes.PAIN_SEVERITY),
        unit=_SCORE,
        body_site=concept("Back", codes.LUMBAR_SPINE_SITE),
    ),
    "leg_pain_nrs": AnswerCode(
        code=concept("Leg pain, 0 to 10", codes.PAIN_SEVERITY),
        unit=_SCORE,
        body_site=concept("Leg", codes.LEG_SITE),
    ),
    "odi_percent": AnswerCode(
        code=concept(
            "Oswestry disability index",
            codes.OSWESTRY,
        ),
        unit=Unit(unit="%", code="%", digits=0),
    ),
    "start_back_score": AnswerCode(
        code=concept(
            "STarT Back total score",
            codes.START_BACK,
        ),
        unit=_SCORE,
    ),
    "back_pain_weeks": AnswerCode(code=_text(codes.BACK_PAIN_DURATION), unit=_WEEKS),
    "leg_pain_weeks": AnswerCode(code=_text(codes.LEG_PAIN_DURATION), unit=_WEEKS),
    "walking_distance_m": AnswerCode(
        code=_text(codes.WALKING_DISTANCE),
        unit=Unit(unit="m", code="m", digits=0),
    ),
    "eq5d_index": AnswerCode(
        code=_text(codes.EQ5D_INDEX),
        unit=Unit(unit="1", code="1", digits=3),
    ),
    "smoking": AnswerCode(
        code=concept(
            "Tobacco smoking status",
            codes.SMOKING_STATUS,
        )
    ),
}
#: Answers to the question about tobacco: US Core's value set, see ``chart_codes``.
SMOKING: Final = {
    Smoking.NEVER: codes.NEVER_SMOKER,
    Smoking.FORMER: codes.FORMER_SMOKER,
    Smoking.CURRENT: codes.SMOKER,
}


def answer_code(question: Question) -> AnswerCode:
    """Return how a question is coded."""
    if question.name in _NUMBERS:
        return _NUMBERS[question.name]
    name = question.name.replace("_", "-")
    if isinstance(question, TreatmentQuestion):
        text = f"Time for which it was tried: {question.kind.value}"
        return AnswerCode(code=_own(name, text), unit=_WEEKS)
    return AnswerCode(code=_own(name, question.text))


def _own_code(question: Question) -> Code:
    return codes.code_of(answer_code(question).code["coding"][0])


#: What we wrote ourselves and read back, beside the numbers of ``chart_values``.
FLAGS: Final[dict[Code, Flag]] = {
    _own_code(question): question.flag
    for question in QUESTIONS.values()
    if isinstance(question, FlagQuestion)
}
TREATMENTS: Final[dict[Code, TreatmentKind]] = {
    _own_code(question): question.kind
    for question in QUESTIONS.values()
    if isinstance(question, TreatmentQuestion)
}
