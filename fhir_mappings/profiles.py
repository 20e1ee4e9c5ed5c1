"""Which elements each kind of resource that we write always has, as rules of profiles.

They are not claimed in ``meta.profile``: a server that does not know a profile may
refuse the resource. The tests check everything that is written against them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Rule = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of resource.

    Attributes:
        name: Last part of its address.
        type: Resource type.
        title: What it is.
        description: In a sentence.
        rules: Path of an element below the resource -> what is narrower than in R4.

    """

    name: str
    type: str
    title: str
    description: str
    rules: Mapping[str, Rule]

    def words(self) -> dict[str, str]:
        """Return the rules as people read them."""
        return {path: ", ".join(_said(rule)) for path, rule in self.rules.items()}


def _said(rule: Rule) -> list[str]:
    said = []
    if "min" in rule:
        said.append(f"at least {rule['min']}")
    if "max" in rule:
        said.append("none" if rule["max"] == "0" else f"at most {rule['max']}")
    if "binding" in rule:
        said.append(f"from {rule['binding']['valueSet']}")
    said += [f"always {value}" for name, value in rule.items() if "pattern" in name]
    return said


def _from(value_set: str) -> Rule:
    return {"min": 1, "binding": {"strength": "extensible", "valueSet": value_set}}


_ONE: Final[Rule] = {"min": 1}
_NONE: Final[Rule] = {"max": "0"}
_FINAL: Final[Rule] = {"min": 1, "patternCode": "final"}
#: Of everything that an algorithm asserted.
_LABELED: Final[dict[str, Rule]] = {
    "meta": _ONE,
    "meta.security": _ONE,  # the label of HL7 AI Transparency on FHIR, AIAST
    "text": _ONE,
    "identifier": _ONE,
}
_FROM_IMAGES: Final[dict[str, Rule]] = _LABELED | {
    "status": _FINAL,
    "category": _ONE,
    "subject": _ONE,
    "issued": _ONE,
    "performer": _ONE,
    "note": _ONE,
    "bodySite": _ONE,
    "derivedFrom": _ONE,
}
_FOUND: Final[dict[str, Rule]] = _FROM_IMAGES | {"method": _ONE, "device": _ONE}

PROFILES: Final = (
    Profile(
        name="measurement",
        type="Observation",
        title="Measurement on a lumbar MRI",
        description="One number of a disc, the canal or a vertebra, in a UCUM unit.",
        rules=_FOUND
        | {"code": _from("measurements"), "value[x]": _ONE, "component": _NONE},
    ),
    Profile(
        name="grade",
        type="Observation",
        title="Grade or class on a lumbar MRI",
        description="A place on an ordinal scale, with what it rests on as components.",
        rules=_FOUND,
    ),
    Profile(
        name="not-assessed",
        type="Observation",
        title="What was not assessed",
        description="Says that nobody looked, so that silence is not taken for normal.",
        rules=_FOUND
        | {
            "code": _from("not-assessed"),
            "value[x]": _NONE,
            "dataAbsentReason": _ONE,
        },
    ),
    Profile(
        name="level",
        type="Observation",
        title="Findings at one level",
        description="The parent of all Observations of a level or vertebra.",
        rules=_FROM_IMAGES | {"value[x]": _NONE, "hasMember": _ONE, "device": _NONE},
    ),
    Profile(
        name="answer",
        type="Observation",
        title="What a clinician typed in",
        description="An answer of the clinician who performed it, of no algorithm.",
        rules={
            "text": _ONE,
            "identifier": _ONE,
            "status": _FINAL,
            "category": _ONE,
            "subject": _ONE,
            "effective[x]": _ONE,
            "issued": _ONE,
            "performer": _ONE,
            "value[x]": _ONE,
            "note": _ONE,
            "device": _NONE,
            "derivedFrom": _NONE,
        },
    ),
    Profile(
        name="report",
        type="DiagnosticReport",
        title="Signed report of measurements and grades",
        description="Lists the results, names the study and who interpreted it.",
        rules=_LABELED
        | {
            "status": _FINAL,
            "category": _ONE,
            "subject": _ONE,
            "issued": _ONE,
            "performer": _ONE,
            "resultsInterpreter": _ONE,
            "result": _ONE,
            "imagingStudy": _ONE,
            "conclusion": _ONE,
        },
    ),
    Profile(
        name="care-plan",
        type="CarePlan",
        title="Signed plan of care",
        description="Who does what by when, what was left out and what is not known.",
        rules=_LABELED
        | {
            "intent": {"min": 1, "patternCode": "plan"},
            "category": {"min": 2},
            "title": _ONE,
            "description": _ONE,
            "created": _ONE,
            "author": _ONE,
            "note": _ONE,
        },
    ),
    Profile(
        name="goal",
        type="Goal",
        title="Proposed goal",
        description="A score, how far it should fall, and when it is measured again.",
        rules=_LABELED
        | {
            "lifecycleStatus": {"min": 1, "patternCode": "proposed"},
            "start[x]": _ONE,
            "target": _ONE,
            "target.measure": _ONE,
            "target.detail[x]": _ONE,
            "target.due[x]": _ONE,
            "expressedBy": _ONE,
            "note": _ONE,
        },
    ),
    Profile(
        name="service-request",
        type="ServiceRequest",
        title="Step of the plan",
        description="An intention with an owner and a date, no order.",
        rules=_LABELED
        | {
            "intent": {"min": 1, "patternCode": "plan"},
            "priority": _ONE,
            "code": _ONE,
            "occurrence[x]": _ONE,
            "authoredOn": _ONE,
            "requester": _ONE,
            "performerType": _ONE,
            "note": _ONE,
        },
    ),
    Profile(
        name="risk-assessment",
        type="RiskAssessment",
        title="Prediction of a model",
        description="What a model predicts, apart from the plan, with its limits.",
        rules=_LABELED | {"status": _FINAL, "method": _ONE, "code": _ONE, "note": _ONE},
    ),
    Profile(
        name="model",
        type="Device",
        title="Version of a model",
        description="One version of a model, the same Device for all patients.",
        rules={
            "text": _ONE,
            "identifier": _ONE,
            "deviceName": _ONE,
            "modelNumber": _ONE,
            "type": _ONE,
            "version": {"min": 3},
            "url": _ONE,
            "safety": _ONE,
        },
    ),
    Profile(
        name="provenance",
        type="Provenance",
        title="Origin of a signed report",
        description="Models as authors, software as assembler, signer as verifier.",
        rules={
            "meta": _ONE,
            "meta.security": _ONE,
            "meta.tag": _ONE,
            "text": _ONE,
            "reason": _ONE,
            "activity": _ONE,
            "agent": {"min": 3},
            "entity": {"min": 2},
        },
    ),
    Profile(
        name="audit-event",
        type="AuditEvent",
        title="That a report was written",
        description="Who wrote to whose chart; has the elements of IHE BALP.",
        rules={
            "meta": _ONE,
            "meta.tag": _ONE,
            "text": _ONE,
            "subtype": _ONE,
            "action": {"min": 1, "patternCode": "C"},
            "outcome": {"min": 1, "patternCode": "0"},
            "agent": {"min": 3},
            "entity": {"min": 2},
        },
    ),
)


def profile_of(resource: Mapping[str, Any]) -> Profile:
    """Return the profile that a resource of ours keeps."""
    kind = resource["resourceType"]
    name = _observation(resource) if kind == "Observation" else None
    return next(p for p in PROFILES if p.type == kind and name in {None, p.name})


def _observation(resource: Mapping[str, Any]) -> str:
    if "hasMember" in resource:
        return "level"
    if "device" not in resource:
        return "answer"
    if {"component", "valueCodeableConcept"} & resource.keys():
        return "grade"
    return "not-assessed" if "dataAbsentReason" in resource else "measurement"
