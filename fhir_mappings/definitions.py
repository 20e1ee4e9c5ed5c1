"""What we define ourselves, as FHIR R4 resources that the application publishes.

A CodeSystem for what no standard code says, ValueSets of it, profiles of what is
written, and an ImplementationGuide that lists them. All is made from the tables that
the mapping itself uses.

Canonical URLs are ``urn:oid`` of UUIDs: the project owns no domain, and the address of
an installation must not change what a code means. Where they can be read is another
matter: at ``/fhir/TYPE/ID`` of every installation.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, Final
from uuid import UUID, uuid5

from fhir_mappings import codes, gradings
from fhir_mappings.answer_codes import answer_code
from fhir_mappings.codes import CODE_SYSTEM
from fhir_mappings.datatypes import Resource, narrative, reference
from fhir_mappings.measures import LEVEL_MEASURES, VERTEBRA_MEASURES
from fhir_mappings.models import built
from fhir_mappings.profiles import PROFILES, Profile
from inference.judgement.questions import QUESTIONS

#: Of the definitions, raised with every change of one.
VERSION: Final = "0.2.0"
_NAMESPACE: Final = UUID("6d3a8f0e-8f0c-4d0f-9a53-0f6f4a3f7f21")
_EXPERIMENTAL: Final = {"status": "draft", "experimental": True, "version": VERSION}
_PUBLISHER: Final = "SPOILS (research software, not a cleared medical device)"


def canonical(kind: str, name: str) -> str:
    """Return the canonical URL of a definition, the same in every installation."""
    if kind == "CodeSystem":
        return CODE_SYSTEM
    return f"urn:oid:2.25.{uuid5(_NAMESPACE, f'{kind}/{name}').int}"


def definitions() -> tuple[Resource, ...]:
    """Return all definitions, the ImplementationGuide first."""
    parts = (
        code_system(),
        *(_value_set(*item) for item in _value_sets().items()),
        *map(_structure_definition, PROFILES),
    )
    return (_implementation_guide(parts), *parts)


def code_system() -> Resource:
    """Return the CodeSystem of all codes of ours."""
    concepts = [_concept(coding) for coding in own_codings()]
    return built(
        {
            "resourceType": "CodeSystem",
            "id": "spoils",
            **_head("CodeSystem", "spoils", "Spoils", "Codes of SPOILS"),
            "description": "What no code of SNOMED CT, LOINC or DICOM says exactly.",
            "caseSensitive": True,
            "content": "complete",
            "count": len(concepts),
            "concept": concepts,
            "text": _table("Codes of SPOILS", concepts),
        }
    )


def own_codings() -> list[Mapping[str, Any]]:
    """Return every coding of ours that is written, each once, sorted by code."""
    found: dict[str, Mapping[str, Any]] = {}
    measures = (*LEVEL_MEASURES, *VERTEBRA_MEASURES)
    for item in measures:
        found[item.code] = codes.coding(CODE_SYSTEM, item.code, item.text)
    for coding in (*_constants(codes), *_constants(gradings), *_answers()):
        found.setdefault(coding["code"], coding)
    return [found[code] for code in sorted(found)]


def _answers() -> Iterator[Mapping[str, Any]]:
    for question in QUESTIONS.values():
        yield from _ours(answer_code(question).code)


def _constants(module: ModuleType) -> Iterator[Mapping[str, Any]]:
    for value in vars(module).values():
        yield from _ours(value)


def _ours(node: object) -> Iterator[Mapping[str, Any]]:
    """Yield the codings of our system in a nest of constants."""
    if isinstance(node, dict):
        if node.get("system") == CODE_SYSTEM and "code" in node:
            yield node
        for value in node.values():
            yield from _ours(value)
    elif isinstance(node, list | tuple):
        for item in node:
            yield from _ours(item)


def _concept(coding: Mapping[str, Any]) -> Resource:
    """Return a concept; its place on an ordinal scale is an extension of R4 itself."""
    return {
        name: coding[name]
        for name in ("extension", "code", "display")
        if name in coding
    }


def _value_sets() -> dict[str, tuple[str, Iterable[Mapping[str, Any]]]]:
    measures = (*LEVEL_MEASURES, *VERTEBRA_MEASURES)
    return {
        "measurements": (
            "Measurements of discs, canal and vertebrae",
            [codes.coding(CODE_SYSTEM, item.code, item.text) for item in measures],
        ),
        "answers": ("Questions without a standard code", [*_answers()]),
        "pfirrmann-grades": ("Pfirrmann grades", codes.PFIRRMANN_GRADES.values()),
        "disc-findings": (
            "Findings of a disc, estimated by a model",
            codes.DISC_FINDING_KINDS.values(),
        ),
        "canal-classes": ("Central canal", codes.CANAL_CLASSES.values()),
        "spondylosis": ("Severity of spondylosis", codes.SEVERITIES.values()),
        "not-assessed": ("What is not assessed", codes.NOT_ASSESSED.values()),
    }


def _value_set(name: str, content: tuple[str, Iterable[Mapping[str, Any]]]) -> Resource:
    title, codings = content
    concepts = [{"code": c["code"], "display": c["display"]} for c in codings]
    return built(
        {
            "resourceType": "ValueSet",
            "id": name,
            **_head("ValueSet", name, _computable(name), title),
            "compose": {"include": [{"system": CODE_SYSTEM, "concept": concepts}]},
            "text": _table(title, concepts),
        }
    )


def _structure_definition(profile: Profile) -> Resource:
    name, kind = profile.name, profile.type
    elements = [{"id": kind, "path": kind}] + [
        {"id": f"{kind}.{path}", "path": f"{kind}.{path}", **_bound(rule)}
        for path, rule in profile.rules.items()
    ]
    rules = [f"{path}: {words}" for path, words in profile.words().items()]
    return built(
        {
            "resourceType": "StructureDefinition",
            "id": name,
            **_head("StructureDefinition", name, _computable(name), profile.title),
            "description": profile.description,
            "fhirVersion": "4.0.1",
            "kind": "resource",
            "abstract": False,
            "type": kind,
            "baseDefinition": f"http://hl7.org/fhir/StructureDefinition/{kind}",
            "derivation": "constraint",
            "differential": {"element": elements},
            "text": narrative(profile.title, [profile.description, *rules]),
        }
    )


def _bound(rule: Resource) -> Resource:
    """Return a rule with the canonical URL of the value set that it names."""
    if "binding" not in rule:
        return rule
    binding = rule["binding"]
    url = canonical("ValueSet", binding["valueSet"])
    return rule | {"binding": binding | {"valueSet": url}}


def _implementation_guide(parts: Iterable[Resource]) -> Resource:
    listed = [(f"{p['resourceType']}/{p['id']}", p["title"]) for p in parts]
    title = "What SPOILS writes"
    guide = _head("ImplementationGuide", "spoils", "SpoilsGuide", title)
    return built(
        {
            "resourceType": "ImplementationGuide",
            "id": "spoils",
            **guide,
            "packageId": "spoils.local",
            "license": "Apache-2.0",
            "fhirVersion": ["4.0.1"],
            "definition": {
                "resource": [
                    {"reference": reference(target, name)} for target, name in listed
                ]
            },
            "text": narrative(title, [f"{name} ({target})" for target, name in listed]),
        }
    )


def _head(kind: str, name: str, computable: str, title: str) -> Resource:
    return {
        "url": canonical(kind, name),
        "name": computable,
        "title": title,
        **_EXPERIMENTAL,
        "publisher": _PUBLISHER,
    }


def _computable(name: str) -> str:
    return "Spoils" + "".join(part.capitalize() for part in name.split("-"))


def _table(title: str, concepts: Iterable[Resource]) -> dict[str, str]:
    return narrative(title, [f"{c['code']}: {c['display']}" for c in concepts])
