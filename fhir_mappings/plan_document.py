"""A signed plan as a document: the words of the CarePlan and of the findings.

Made of the resources themselves, so whoever reads the document reads what the
resources say: the same steps, reasons and owners.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from itertools import takewhile
from typing import Any, Final

from fhir_mappings.bundle import full_url
from fhir_mappings.datatypes import Resource
from fhir_mappings.write_context import WriteContext

NO_OWNER: Final = "not assigned"
_XHTML: Final = "http://www.w3.org/1999/xhtml"
_PARAGRAPH: Final = re.compile(r"<p>(.*?)</p>", re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a plan, as every representation says it.

    Attributes:
        words: What is to be done, who says so and how strongly.
        owner: Who does it.
        when: When, empty where nothing is said.
        reasons: Why.

    """

    words: str
    owner: str
    when: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDocument:
    """A signed plan, ready to be laid out.

    Attributes:
        title: Title of the plan.
        facts: Whose it is, who signed it when, and where it is kept: name and value.
        steps: What is to be done, in order.
        notes: Red flags first, then what is left out and not known.
        findings: Measurements, grades and answers, one sentence each.
        outcomes: What a registry predicts, one sentence each.

    """

    title: str
    facts: tuple[tuple[str, str], ...] = field(repr=False)
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    findings: tuple[str, ...]
    outcomes: tuple[str, ...]


def plan_document(
    resources: Sequence[Resource], context: WriteContext, facts: Mapping[str, str]
) -> PlanDocument:
    """Return the document of a signed report.

    Args:
        resources: All resources of the report, whatever of them a server takes.
        context: Who signed and when.
        facts: What identifies the patient, and where the plan is kept.

    """
    (plan,) = (r for r in resources if r["resourceType"] == "CarePlan")
    signed = f"{context.signer_display or context.signer}, {context.signed_instant}"
    goals = [r for r in resources if r["resourceType"] == "Goal"]
    return PlanDocument(
        title=plan["title"],
        facts=(*facts.items(), ("Signed by", signed)),
        steps=plan_steps(plan, resources),
        notes=(
            *(f"Goal: {goal['description']['text']}" for goal in goals),
            *(note["text"] for note in plan.get("note", [])),
        ),
        findings=tuple(_findings(resources)),
        outcomes=tuple(_outcomes(resources, context)),
    )


def plan_steps(plan: Resource, resources: Sequence[Resource]) -> tuple[Step, ...]:
    """Return the steps of a CarePlan, whether it holds them or refers to them.

    Args:
        plan: The CarePlan.
        resources: The resources that it may refer to, by ``urn:uuid`` or by id.

    """
    by_url = {full_url(resource): resource for resource in resources}
    by_url |= {f"{r['resourceType']}/{r['id']}": r for r in resources if "id" in r}
    activities = plan.get("activity", [])
    return tuple(
        _step(activity["detail"])
        if "detail" in activity
        else _step(by_url[activity["reference"]["reference"]])
        for activity in activities
    )


def xhtml(document: PlanDocument) -> str:
    """Return the document as strict XHTML without styles, images or scripts."""
    body = "".join(_blocks(document))
    title = escape(document.title)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<html xmlns="{_XHTML}" lang="en" xml:lang="en"><head><title>{title}</title>'
        f"</head><body>{body}</body></html>"
    )


def _blocks(document: PlanDocument) -> Iterator[str]:
    yield f"<h1>{escape(document.title)}</h1>"
    yield _list(f"{name}: {value}" for name, value in document.facts)
    yield "<h2>Steps</h2>"
    steps = [
        f"<li><p><b>{escape(step.words)}</b></p>{_list(step_lines(step))}</li>"
        for step in document.steps
    ]
    yield f"<ol>{''.join(steps)}</ol>" if steps else "<p>No step is suggested.</p>"
    for title, sentences in named_sections(document):
        yield f"<h2>{escape(title)}</h2>{_list(sentences)}"


def step_lines(step: Step) -> list[str]:
    """Return what stands below a step: owner, time, reasons."""
    when = [f"When: {step.when}"] if step.when else []
    return [f"Owner: {step.owner}", *when, *step.reasons]


def named_sections(document: PlanDocument) -> list[tuple[str, tuple[str, ...]]]:
    """Return the parts after the steps that have something to say."""
    parts = [
        ("Notes", document.notes),
        ("Findings in the images and answers", document.findings),
        ("Predicted outcomes of an operation, not part of the plan", document.outcomes),
    ]
    return [(title, sentences) for title, sentences in parts if sentences]


def _list(sentences: Iterator[str] | Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in sentences)}</ul>"


def _step(item: Mapping[str, Any]) -> Step:
    """Read a step of a plan, a detail of the CarePlan or a ServiceRequest."""
    people = [item.get("performerType"), *_listed(item.get("performer"))]
    owner = ", ".join(filter(None, (_words(person) for person in people if person)))
    period = item.get("scheduledPeriod") or item.get("occurrencePeriod") or {}
    when = f"by {period['end']}" if period.get("end") else ""
    notes = [note["text"] for note in item.get("note", [])]
    said = [item.get("description"), *notes, _words(item.get("code", {}))]
    words = str(next(filter(None, said)))
    reasons = [_words(reason) for reason in item.get("reasonCode", [])]
    return Step(
        words=words.removesuffix(f" {owner}, {when}.").removesuffix("."),
        owner=owner or NO_OWNER,
        when=when,
        reasons=tuple(filter(None, reasons)),
    )


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, list) else [value]


def _words(element: Mapping[str, Any]) -> str:
    """Return the words of a CodeableConcept or of a Reference."""
    displays = [coding.get("display") for coding in element.get("coding", [])]
    return str(
        element.get("text") or element.get("display") or next(iter(displays), "")
    )


def _findings(resources: Sequence[Resource]) -> Iterator[str]:
    """Yield what every Observation says; parents only repeat their members."""
    for resource in resources:
        if resource["resourceType"] == "Observation" and not resource.get("hasMember"):
            yield _paragraphs(resource)[0]


def _outcomes(resources: Sequence[Resource], context: WriteContext) -> Iterator[str]:
    """Yield every prediction: its title and its numbers, which the notes follow."""
    for resource in resources:
        if resource["resourceType"] == "RiskAssessment":
            title, *rest = _paragraphs(resource)
            numbers = takewhile(lambda line: line != context.disclaimer, rest)
            yield f"{title}: {'; '.join(numbers)}"


def _paragraphs(resource: Resource) -> list[str]:
    found = _PARAGRAPH.findall(resource["text"]["div"])
    return [unescape(_TAG.sub("", text)) for text in found]
