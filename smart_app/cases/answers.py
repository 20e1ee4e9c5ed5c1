"""The form of facts that the chart does not hold: what was typed in -> answers.

Nothing of it leaves this application before the signature.
"""

from collections.abc import Mapping

from inference.judgement.questions import (
    QUESTIONS,
    FlagQuestion,
    NumberQuestion,
    Question,
    TreatmentQuestion,
)
from inference.results import Answer, Entered, Smoking
from smart_app.cases.store import keep_case, kept_case, signature
from smart_app.errors import AlreadySignedError, NotReadyError, WriteNotGrantedError
from smart_app.launch.launches import OpenLaunch
from smart_app.locks import exclusive
from smart_app.services import Services

YES_NO = {"yes": True, "no": False}

Problems = dict[str, str]


def keep_answers(
    services: Services, launch: OpenLaunch, form: Mapping[str, str]
) -> Problems:
    """Keep what was typed in and judge the case again, unless something is wrong.

    Args:
        services: Everything with a side effect.
        launch: The launch.
        form: Fields of the form; an empty or absent one is no answer.

    Returns:
        What is wrong by the name of its question; then nothing was kept.

    Raises:
        WriteNotGrantedError: It is not known which professional is typing.
        NotReadyError: There is no report yet.
        AlreadySignedError: The report is signed.

    """
    professional = launch.professional
    if professional is None:
        raise WriteNotGrantedError("answers of an unknown user")
    entered = Entered(
        by=professional, name=launch.context.user_display, at=services.clock()
    )
    values, problems = read_form(form)
    if problems:
        return problems
    treatment = services.treatment_model()  # loads for seconds, once per process
    with exclusive(services, case_lock(launch)):
        case = kept_case(services, launch.id)
        if case is None:
            raise NotReadyError("answers before report")
        if signature(services, launch.id) is not None:
            raise AlreadySignedError("answers after the signature")
        before = {answer.question: answer for answer in case.report.answers}
        typed = (
            Answer(question=n, value=v, entered=entered) for n, v in values.items()
        )
        answers = [_unless_unchanged(item, before) for item in typed]
        keep_case(services, launch.id, case.with_answers(answers, treatment))
    return {}


def case_lock(launch: OpenLaunch) -> str:
    """Return the name of the lock that typing and signing share."""
    return f"case {launch.id}"


def read_form(
    form: Mapping[str, str],
) -> tuple[dict[str, float | bool | str], Problems]:
    """Return the answers of a form and what is wrong with it, by name of question."""
    values: dict[str, float | bool | str] = {}
    problems: Problems = {}
    for name, question in QUESTIONS.items():
        if text := form.get(name, "").strip():
            try:
                values[name] = _value(question, text)
            except ValueError as error:
                problems[name] = str(error)
    return values, problems


def _value(question: Question, text: str) -> float | bool | str:
    if isinstance(question, FlagQuestion):
        if text not in YES_NO:
            raise ValueError("Answer yes or no.")
        return YES_NO[text]
    if isinstance(question, NumberQuestion | TreatmentQuestion):
        return _number(question, text)
    if text not in {*Smoking}:
        raise ValueError("Choose one of the answers.")
    return text


def _number(question: NumberQuestion | TreatmentQuestion, text: str) -> float:
    lowest, highest = f"{question.lowest:g}", f"{question.highest:g}"
    wanted = f"Enter a number from {lowest} to {highest}"
    digits = question.digits
    wanted += f" with at most {digits} decimals." if digits else " without decimals."
    try:
        value = float(text)
    except ValueError:
        raise ValueError(wanted) from None
    if not question.lowest <= value <= question.highest or value != round(
        value, digits
    ):
        raise ValueError(wanted)
    return value


def _unless_unchanged(answer: Answer, before: Mapping[str, Answer]) -> Answer:
    """Return the answer; one that did not change keeps who gave it and when."""
    earlier = before.get(answer.question)
    return earlier if earlier and earlier.value == answer.value else answer
