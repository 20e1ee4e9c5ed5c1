"""What we define is valid, and what we write keeps what we define."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fhir_mappings import codes
from fhir_mappings.bundle import report_resources
from fhir_mappings.codes import CODE_SYSTEM
from fhir_mappings.definitions import canonical, definitions
from fhir_mappings.example import example
from fhir_mappings.model_card import model_card
from fhir_mappings.profiles import PROFILES, profile_of
from inference.results import DiscFindings, Level
from inference.transparency.model_cards import model_cards
from tests.fhir_mappings.reports import ANSWERS, CONTEXT, REPORT, URGENT
from tests.validation import ENGINES, errors
from tests.validation.definitions import r4_package
from tests.validation.engines import Engine

Resource = dict[str, Any]

DEFINITIONS = definitions()
FINDINGS = (DiscFindings(level=Level.L4_L5, narrowing=0.93),)
WRITTEN = (
    *report_resources(
        replace(REPORT, answers=ANSWERS, disc_findings=FINDINGS), CONTEXT
    ),
    *report_resources(
        replace(REPORT, suggestion=URGENT, outcomes=(), treatment=None), CONTEXT
    ),
)
#: Types of the elements below ``meta``, which no snapshot of a resource lists.
META = {"security": "Coding", "tag": "Coding"}

engines = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)


def with_snapshot(profile: Resource) -> Resource:
    """Return a profile as validators read it: R4's own elements with our rules."""
    kind = profile["type"]
    base = json.loads((r4_package() / f"StructureDefinition-{kind}.json").read_text())
    elements: dict[str, Resource] = {}
    for element in base["snapshot"]["element"]:
        elements[element["id"]] = element
        if element["id"] == f"{kind}.meta":
            for name, code in META.items():
                path = f"{kind}.meta.{name}"
                many = {"min": 0, "max": "*", "type": [{"code": code}]}
                base_many = {"path": f"Meta.{name}", "min": 0, "max": "*"}
                elements[path] = {"id": path, "path": path, "base": base_many, **many}
    for rule in profile["differential"]["element"][1:]:
        elements[rule["id"]] |= rule
    return profile | {"snapshot": {"element": [*elements.values()]}}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all definitions, as the validators want a package."""
    folder = tmp_path_factory.mktemp("spoils") / "package"
    folder.mkdir()
    about = {"name": "spoils.local", "version": "0.1.0", "fhirVersions": ["4.0.1"]}
    (folder / "package.json").write_text(json.dumps(about))
    for item in DEFINITIONS:
        kind = item["resourceType"]
        whole = with_snapshot(item) if kind == "StructureDefinition" else item
        (folder / f"{kind}-{item['id']}.json").write_text(json.dumps(whole))
    return folder


def claiming(resource: Resource) -> Resource:
    """Return a copy of a resource that claims our profile and no other."""
    copy = deepcopy(resource)
    name = profile_of(resource).name
    profile = canonical("StructureDefinition", name)
    copy["meta"] = copy.get("meta", {}) | {"profile": [profile]}
    return copy


@engines
def test_every_definition_and_model_card_is_valid_r4(engine: Engine) -> None:
    cards = map(model_card, model_cards())
    found = errors(*DEFINITIONS, *cards, engines=(engine,))
    # pyrofile counts an element of all repetitions of its parents together
    miscounted = "cardinality.max" if engine is ENGINES[0] else "nothing"
    assert not [error for error in found if miscounted not in error]


@engines
def test_everything_that_is_written_keeps_its_profile(
    engine: Engine, package: Path
) -> None:
    assert {profile_of(resource).name for resource in WRITTEN} == {
        profile.name for profile in PROFILES
    }
    assert not engine([*map(claiming, WRITTEN)], package)


@engines
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("measurement", {"method": None}),
        ("measurement", {"status": "preliminary"}),
        ("level", {"hasMember": None}),
        ("goal", {"expressedBy": None}),
        ("service-request", {"intent": "order"}),
        ("report", {"conclusion": None}),
    ],
)
def test_a_resource_that_breaks_its_profile_is_refused(
    engine: Engine, package: Path, name: str, damage: Resource
) -> None:
    resource = next(r for r in WRITTEN if profile_of(r).name == name)
    broken = {k: v for k, v in (claiming(resource) | damage).items() if v is not None}
    assert engine([broken], package)


@engines
def test_the_example_is_valid_and_keeps_the_profiles(
    engine: Engine, package: Path
) -> None:
    bundle = example()
    assert not errors(bundle, engines=(engine,))
    parts = [entry["resource"] for entry in bundle["entry"]]
    assert not engine([*map(claiming, parts)], package)
    words = [json.dumps(p) for p in parts if p["resourceType"] == "DiagnosticReport"]
    assert all("there is no such patient" in text for text in words)


def test_every_code_of_ours_that_is_written_is_defined() -> None:
    (system,) = (d for d in DEFINITIONS if d["resourceType"] == "CodeSystem")
    defined = {concept["code"] for concept in system["concept"]}
    written = {
        coding["code"]
        for resource in WRITTEN
        for coding in codings(resource)
        if coding.get("system") == CODE_SYSTEM
    }
    assert written >= {code["code"] for code in codes.DISC_FINDING_KINDS.values()}
    assert written <= defined


def codings(node: Any) -> list[Resource]:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        return [found for item in node for found in codings(item)]
    if not isinstance(node, dict):
        return []
    own = [node] if {"system", "code"} <= node.keys() else []
    return own + [found for value in node.values() for found in codings(value)]


def test_canonical_urls_never_change() -> None:
    assert canonical("CodeSystem", "spoils") == CODE_SYSTEM
    urls = [item["url"] for item in DEFINITIONS]
    assert len({*urls}) == len(urls)
    assert canonical("StructureDefinition", "measurement") == urls[9]
