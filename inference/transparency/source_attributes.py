"""What a clinician may ask of a model: the source attributes of ONC's HTI-1 rule.

45 CFR 170.315(b)(11)(iv): 31 of predictive and 13 of evidence-based interventions.
``source_attributes.json`` has the answers; numbers come from the models' manifests.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from inference.errors import ModelError
from inference.guidelines import TABLE
from inference.manifest import TREATMENT_MANIFEST, WEIGHTS

FILE: Final = Path(__file__).with_suffix(".json")
_STRICT: Final = ConfigDict(extra="forbid")
_OF_A_SITE: Final = (
    " This site serves a treatment model of its own, which is named below with its "
    "quality; what the answers say of the training of the treatment model, of its data "
    "and of its checks is about the one in the repository."
)
_NAMED: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute, with its number in its list, and the answer."""

    __pydantic_config__ = _STRICT
    number: int
    attribute: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """Attributes that belong together."""

    __pydantic_config__ = _STRICT
    category: str
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A served model by its manifest."""

    name: str
    version: str
    sha256: str
    quality: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAttributes:
    """All attributes, and the models that they are about."""

    __pydantic_config__ = _STRICT
    title: str
    regulation: str
    about: str
    predictive: tuple[Category, ...]
    evidence_based: tuple[Category, ...]
    models: tuple[Model, ...]


def source_attributes(treatment: Path = WEIGHTS) -> SourceAttributes:
    """Return the attributes with what the manifests say of each model.

    Args:
        treatment: Folder of the treatment model that is served: a site's own, or the
            committed one.

    Raises:
        ModelError: A file is absent, or not what it should be.

    """
    try:
        text = FILE.read_text("utf-8")
        models = [
            _model(treatment / path.name if path.name == TREATMENT_MANIFEST else path)
            for path in manifests(WEIGHTS)
        ]
        said = {
            "models": " ".join(f"{item.name}: {item.quality}" for item in models),
            "rules": TABLE.version,
        }
        filled = _NAMED.sub(lambda match: json.dumps(said[match[1]])[1:-1], text)
        content = json.loads(filled) | {"models": models}
        content["about"] += _OF_A_SITE if treatment != WEIGHTS else ""
        return TypeAdapter(SourceAttributes).validate_python(content)
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise ModelError(f"no source attributes: {error!r}") from error


def source_attributes_json(treatment: Path = WEIGHTS) -> str:
    """Return the same as JSON.

    Raises:
        ModelError: As above.

    """
    found = source_attributes(treatment)
    return TypeAdapter(SourceAttributes).dump_json(found, indent=2).decode() + "\n"


def manifests(directory: Path = WEIGHTS) -> list[Path]:
    """Return the manifests of all committed models."""
    return sorted(
        path for path in directory.glob("*.json") if path.name.count(".") == 1
    )


def _model(path: Path) -> Model:
    manifest = json.loads(path.read_text("utf-8"))
    return Model(
        name=manifest["name"],
        version=manifest["version"],
        sha256=manifest["sha256"],
        quality=manifest.get("quality", ""),
    )
