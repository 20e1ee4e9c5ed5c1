"""The model cards: what each committed model is, was trained on, and measured."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.manifest import WEIGHTS

_ENDING: Final = ".MODEL_CARD.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One card.

    Attributes:
        model: Name of the model, as in ``ModelVersion.name``.
        version: Its version.
        markdown: The card.

    """

    model: str
    version: str
    markdown: str


def model_cards() -> tuple[ModelCard, ...]:
    """Read the cards, sorted by the name of the model."""
    return tuple(sorted(map(_card, _paths()), key=lambda card: card.model))


def _paths() -> Iterator[Path]:
    for folder in (WEIGHTS, WEIGHTS.parent / "registry"):
        yield from folder.glob(f"*{_ENDING}")


def _card(path: Path) -> ModelCard:
    manifest_path = path.with_name(f"{path.name.removesuffix(_ENDING)}.json")
    manifest = json.loads(manifest_path.read_text("utf-8"))
    return ModelCard(
        model=manifest["name"],
        version=manifest["version"],
        markdown=path.read_text("utf-8"),
    )
