"""Who carries out a step of the plan, and by when.

No guideline of the table gives days: all of them are our choice, and the clinician who
signs answers for them. Owners are roles, because nobody has been asked yet.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from fhir_mappings.write_context import WriteContext
from inference.guidelines import TABLE
from inference.results import Activity, Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one option is carried out.

    Attributes:
        owner: Role that carries it out.
        days: Days after the signature by which it should have begun.
        priority: Of ServiceRequest.priority.

    """

    owner: str
    days: int
    priority: str = "routine"


_CLINICIAN: Final = "Treating clinician"
_PHYSICAL_THERAPIST: Final = "Physical therapist"
STEPS: Final = {
    Option.EMERGENCY_REVIEW: Step(
        owner="Emergency department", days=0, priority="stat"
    ),
    Option.URGENT_REVIEW: Step(owner=_CLINICIAN, days=1, priority="urgent"),
    Option.SELF_MANAGEMENT: Step(owner=_CLINICIAN, days=7),
    Option.ORAL_NSAID: Step(owner=_CLINICIAN, days=7),
    Option.EXERCISE: Step(owner=_PHYSICAL_THERAPIST, days=28),
    Option.MANUAL_THERAPY: Step(owner=_PHYSICAL_THERAPIST, days=28),
    Option.PSYCHOLOGICAL_THERAPY: Step(owner="Psychologist", days=42),
    Option.COMBINED_PROGRAM: Step(owner="Rehabilitation team", days=42),
    Option.PAIN_SPECIALIST: Step(owner="Pain specialist", days=42),
    Option.SURGICAL_OPINION: Step(owner="Spine surgeon", days=42),
}
#: The goals are looked at again after three months, as in the source of their target.
REVIEW: Final = Step(owner=_CLINICIAN, days=84)


def period(activity: Activity, context: WriteContext) -> dict[str, str]:
    """Return from when until when a step should begin, as a Period of days."""
    days = STEPS[activity.option].days
    start, end = context.signed_at.date(), _after(days, context)
    return {"start": start.isoformat(), "end": end.isoformat()}


def review_date(context: WriteContext) -> date:
    """Return the day on which the plan is looked at again."""
    return _after(REVIEW.days, context)


def who_and_when(activity: Activity, context: WriteContext) -> str:
    """Say who carries out a step, and by when."""
    step = STEPS[activity.option]
    return f"{step.owner}, by {_after(step.days, context).isoformat()}"


def citations(activity: Activity) -> list[str]:
    """Return the addresses of the guidelines whose rules suggest a step, each once."""
    return list(dict.fromkeys(_addresses(activity)))


def _addresses(activity: Activity) -> Iterator[str]:
    for rule in TABLE.rules:
        if rule.id in activity.rules:
            urls = (TABLE.sources[item.source].url for item in rule.sources)
            yield from filter(None, urls)


def _after(days: int, context: WriteContext) -> date:
    return context.signed_at.date() + timedelta(days=days)
