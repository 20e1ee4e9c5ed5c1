"""Model cards whose numbers are those that were measured: ``inference.training cards``.

Three marks in a card take their numbers from the ``X.metrics.json``; all are comments
that a reader does not see. A path begins with the command that measured it.

- ``0.908<!-- =evaluate.mean_dice.value -->`` in a sentence, with a format of Python
  behind ``:`` where the number is written otherwise;
- ``value: 0.908  # =evaluate.mean_dice.value`` in the metadata;
- ``<!-- table evaluate.overlap: structure | dice=Dice | iou=IoU -->`` up to
  ``<!-- /table -->``: a row per part, a column per number; ``name:.0%`` is a format.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from inference.manifest import WEIGHTS
from inference.training.metrics import kept

_INLINE: Final = re.compile(r"[^\s|(]+?(<!-- =([^:]+?)(?::(\S+))? -->)")
_METADATA: Final = re.compile(r"^(\s*value: )\S+(\s+# =(\S.*?)\s*)$", re.MULTILINE)
_TABLE: Final = re.compile(
    r"(<!-- table ([^:\n]+): ([^|\n]*?)((?: \| [^|\n]+)+) -->\n).*?(<!-- /table -->)",
    re.DOTALL,
)
#: Pages beside the cards that show the same numbers.
PAGES: Final = ("../../README.md", "../../docs/measurements.md")


def outdated(directory: Path = WEIGHTS) -> list[Path]:
    """Return the cards and pages that do not show what was measured."""
    return [path for path, text in _rendered(directory) if path.read_text() != text]


def write(directory: Path = WEIGHTS) -> None:
    """Write the measured numbers into all cards and pages."""
    for path, text in _rendered(directory):
        path.write_text(text)


def rendered(text: str, measured: Mapping[str, Any]) -> str:
    """Return a card with the numbers that were measured.

    Raises:
        KeyError: A mark asks for what was not measured.

    """

    def inline(match: re.Match[str]) -> str:
        mark, path, spec = match.groups()
        return f"{_number(_at(measured, path), path, spec or '')}{mark}"

    def metadata(match: re.Match[str]) -> str:
        start, mark, path = match.groups()
        return f"{start}{_number(_at(measured, path), path, '')}{mark}"

    def table(match: re.Match[str]) -> str:
        start, path, first, columns, end = match.groups()
        rows = _rows(_at(measured, path), first, columns.strip(" |").split(" | "))
        return "".join([start, *(f"{row}\n" for row in rows), end])

    text = _TABLE.sub(table, text)
    return _METADATA.sub(metadata, _INLINE.sub(inline, text))


def _rendered(directory: Path) -> list[tuple[Path, str]]:
    """Return each card and page with its text: an installed package has no pages."""
    measured = {
        name: part for item in kept(directory) for name, part in item.measured.items()
    }
    pages = [*directory.glob("*.MODEL_CARD.md"), *(directory / name for name in PAGES)]
    return [
        (path.resolve(), rendered(path.read_text("utf-8"), measured))
        for path in pages
        if path.exists()
    ]


def _at(measured: object, path: str) -> object:
    node = measured
    for name in path.split("."):
        if isinstance(node, Mapping) and name in node:
            node = node[name]
        elif isinstance(node, list) and name.isdigit():
            node = node[int(name)]
        else:
            raise KeyError(f"{path}: no {name} was measured")
    return node


def _rows(node: object, first: str, columns: list[str]) -> list[str]:
    if not isinstance(node, Mapping):
        raise KeyError(f"no rows: {node}")
    parts = [re.fullmatch(r"([^:=]+)(?::([^=]+))?(?:=(.+))?", item) for item in columns]
    known = [match.groups() for match in parts if match]
    heads = [first, *((head or name).replace("_", " ") for name, _, head in known)]
    rows = [
        [name.replace("_", " "), *(_optional(row, key, spec) for key, spec, _ in known)]
        for name, row in node.items()
    ]
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _optional(row: object, key: str, spec: str | None) -> str:
    try:
        return _cell(_at(row, key), spec or "")
    except KeyError:
        return ""


def _number(value: object, path: str, spec: str) -> str:
    if isinstance(value, Mapping | list):
        raise KeyError(f"{path}: not one number")
    return _cell(value, spec)


def _cell(value: object, spec: str) -> str:
    if isinstance(value, Mapping):
        low, high = value.get("low"), value.get("high")
        main = _cell(value["value"], spec)
        if low is None or high is None:
            return main
        return f"{main} ({_cell(low, spec)} to {_cell(high, spec)})"
    if value is None:
        return "not known"
    return format(value, spec)
