"""An answered Oswestry questionnaire -> its score.

Fairbank and Pynsent 2000, Spine 25:2940: ten sections of 0 to 5 points; the index is
the points over the points possible, as a percentage, and one section may be left out.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from fhir_mappings.chart_codes import ODI_LINK_IDS, ODI_QUESTIONNAIRE
from fhir_mappings.codes import ORDINAL_VALUE
from fhir_mappings.datatypes import Resource
from fhir_mappings.dates import first_day, is_future
from fhir_mappings.errors import UnusableValueError
from fhir_mappings.site_codes import SiteCodes
from inference.results import ClinicalValue

ELEMENTS: Final = frozenset(
    {"id", "status", "questionnaire", "subject", "authored", "item"}
)
# https://hl7.org/fhir/R4/valueset-questionnaire-answers-status.html
_USABLE: Final = frozenset({"completed", "amended"})
_SECTIONS: Final = len(ODI_LINK_IDS)
_MOST_POINTS: Final = 5
_LEFT_OUT: Final = 1
#: Our choice: deeper nesting is no questionnaire of ten questions.
_DEPTH: Final = 5


def odi_score(
    response: Resource, *, today: date, site: SiteCodes
) -> ClinicalValue | None:
    """Return the index of an Oswestry questionnaire, ``None`` for any other one.

    Args:
        response: A readable QuestionnaireResponse.
        today: The day of the analysis.
        site: Which canonical URLs are the Oswestry questionnaire of the site.

    Raises:
        UnusableValueError: It has too few answers, or answers without points.

    """
    if response["status"] not in _USABLE or not _is_odi(response, site):
        return None
    when = response.get("authored")
    if when and is_future(when, today=today):
        raise UnusableValueError("dated after today")
    sections = list(_sections(response))
    points = [_points(section) for section in sections]
    answered = [point for point in points if point is not None]
    if len(sections) > _SECTIONS or len(answered) < _SECTIONS - _LEFT_OUT:
        raise UnusableValueError(f"{len(answered)} of {_SECTIONS} sections answered")
    return ClinicalValue(
        value=100 * sum(answered) / (_MOST_POINTS * len(answered)),
        recorded_on=first_day(when) if when else None,
        source=f"QuestionnaireResponse/{response['id']}",
        method=f"{sum(answered):g} points in {len(answered)} of {_SECTIONS} sections",
    )


def _is_odi(response: Resource, site: SiteCodes) -> bool:
    url = str(response.get("questionnaire", "")).partition("|")[0]
    if url in site.odi_questionnaires or url.endswith(f"/{ODI_QUESTIONNAIRE}"):
        return True
    link_ids = {str(item.get("linkId")) for item in _items(response)}
    return link_ids >= {*ODI_LINK_IDS[:-_LEFT_OUT]}


def _sections(response: Resource) -> Iterator[Resource]:
    """Yield the sections: those with the known link ids, else all that hold answers."""
    items = list(_items(response))
    known = [item for item in items if item.get("linkId") in ODI_LINK_IDS]
    yield from known or (item for item in items if item.get("answer"))


def _items(node: Resource, depth: int = 0) -> Iterator[Resource]:
    for item in node.get("item", []) if depth < _DEPTH else ():
        yield item
        yield from _items(item, depth + 1)


def _points(section: Resource) -> float | None:
    answers = section.get("answer", [])
    if not answers:
        return None
    if len(answers) > 1:
        raise UnusableValueError("several answers to one section")
    points = _number(answers[0])
    if points is None or not 0 <= points <= _MOST_POINTS:
        raise UnusableValueError("an answer without points of 0 to 5")
    return points


def _number(answer: dict[str, Any]) -> float | None:
    coding = answer.get("valueCoding", {})
    ordinals = [
        extension.get("valueDecimal")
        for extension in coding.get("extension", [])
        if extension.get("url") == ORDINAL_VALUE
    ]
    numbers = [answer.get("valueInteger"), answer.get("valueDecimal"), *ordinals]
    known = [float(number) for number in numbers if number is not None]
    return known[0] if known else None
