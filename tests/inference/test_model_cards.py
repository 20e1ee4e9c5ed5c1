"""Every committed model has a card whose metadata a model hub can read.

The shape is that of Hugging Face's model-index
(https://github.com/huggingface/hub-docs/blob/main/modelcard.md).
"""

import json
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from inference.manifest import WEIGHTS
from inference.transparency.source_attributes import manifests

RESULT: Final = {
    "type": "object",
    "required": ["task", "dataset", "metrics"],
    "additionalProperties": False,
    "properties": {
        "task": {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"type": "string", "pattern": "^[a-z-]+$"}},
        },
        "dataset": {
            "type": "object",
            "required": ["name", "type"],
            "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
        },
        "metrics": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["type", "value"],
                "additionalProperties": False,
                "properties": {
                    "type": {"type": "string", "pattern": "^[a-z0-9_]+$"},
                    "name": {"type": "string"},
                    "value": {"type": "number"},
                },
            },
        },
    },
}
METADATA: Final = {
    "type": "object",
    "required": ["license", "library_name", "tags", "datasets", "model-index"],
    "properties": {
        "license": {"type": "string"},
        "library_name": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "datasets": {"type": "array", "items": {"type": "string"}},
        "model-index": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "results"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "results": {"type": "array", "minItems": 1, "items": RESULT},
                },
            },
        },
    },
}
MANIFESTS: Final = manifests(WEIGHTS)


def card_of(manifest: Path) -> tuple[dict[str, Any], str]:
    """Return the metadata of a card and its text."""
    text = manifest.with_name(f"{manifest.stem}.MODEL_CARD.md").read_text("utf-8")
    start, head, body = text.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(head), body


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_the_metadata_of_a_card_is_a_valid_model_index(manifest: Path) -> None:
    metadata, _ = card_of(manifest)
    jsonschema.validate(metadata, METADATA)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_a_card_is_of_the_version_that_is_served(manifest: Path) -> None:
    metadata, body = card_of(manifest)
    known = json.loads(manifest.read_text())
    assert body.startswith(f"# {known['name']} {known['version']}\n")
    assert [item["name"] for item in metadata["model-index"]] == [known["name"]]
    assert "not a cleared medical device" in body
