"""What was measured of each model, kept beside it: the one source of a card's numbers.

``X.metrics.json`` stands beside the manifest ``X.json``. It names the model's weights,
and holds what each command of ``python -m inference.training`` measured of them.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inference.manifest import WEIGHTS

#: How far a number may be off that was measured again on another machine. Our choice:
#: whole numbers not at all, others by the larger of both.
TOLERANCE: Final = 0.005
TOLERANCE_PART: Final = 0.01
SUFFIX: Final = ".metrics.json"

Number = float | bool | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was measured of one model.

    Attributes:
        manifest: Name of its manifest, such as ``"segmentation.json"``.
        sha256: Of the weights that were measured.
        measured: By command, JSON.

    """

    manifest: str
    sha256: str
    measured: Mapping[str, Any]


def keep(
    manifest: str, command: str, measured: object, *, directory: Path = WEIGHTS
) -> None:
    """Write what a command measured; of other weights nothing remains.

    Args:
        manifest: Name of the model's manifest, which must exist.
        command: Name of the command of ``inference.training``.
        measured: Numbers, in objects and lists, as JSON has them.
        directory: Where the model is.

    """
    sha256 = _sha256(manifest, directory)
    known = read(manifest, directory=directory)
    before = known.measured if known and known.sha256 == sha256 else {}
    content = {"sha256": sha256, "measured": {**before, command: measured}}
    _path(manifest, directory).write_text(json.dumps(content, indent=1) + "\n")


def read(manifest: str, *, directory: Path = WEIGHTS) -> Kept | None:
    """Return what was measured of a model, ``None`` where nothing was kept."""
    path = _path(manifest, directory)
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    return Kept(manifest=manifest, **content)


def kept(directory: Path = WEIGHTS) -> tuple[Kept, ...]:
    """Return what was measured of every model."""
    names = sorted(path.name for path in directory.glob(f"*{SUFFIX}"))
    found = (read(name.replace(SUFFIX, ".json"), directory=directory) for name in names)
    return tuple(item for item in found if item)


def is_of_these_weights(item: Kept, directory: Path = WEIGHTS) -> bool:
    """Whether the numbers are of the weights that are served."""
    return item.sha256 == _sha256(item.manifest, directory)


def flat(node: object, path: str = "") -> Iterator[tuple[str, Number]]:
    """Yield every number below a node with its path, such as ``overlap.disc.iou``."""
    if isinstance(node, Mapping):
        parts: Iterator[tuple[object, object]] = iter(node.items())
    elif isinstance(node, list | tuple):
        parts = iter(enumerate(node))
    else:
        yield path, node  # type: ignore[misc]  # JSON: nothing else is left
        return
    for name, part in parts:
        yield from flat(part, f"{path}.{name}" if path else str(name))


def differences(kept: object, found: object, *, is_sample: bool) -> list[str]:
    """Name the numbers that are not those that were kept.

    Args:
        kept: What was measured before.
        found: What was measured now.
        is_sample: Whether only a part was measured, so that the rest may lack.

    """
    before, now = dict(flat(kept)), dict(flat(found))
    wrong = [
        f"{path} is {now[path]}, kept is {before[path]}"
        for path in now
        if path in before and not _agree(before[path], now[path])
    ]
    wrong += [f"{path} was never kept" for path in now if path not in before]
    if not is_sample:
        wrong += [f"{path} was not found again" for path in before if path not in now]
    return wrong


def _agree(before: Number, now: Number) -> bool:
    if isinstance(before, float) and isinstance(now, float | int):
        return math.isclose(
            before, now, abs_tol=TOLERANCE, rel_tol=TOLERANCE_PART
        ) or math.isnan(before + now)
    return before == now


def _sha256(manifest: str, directory: Path) -> str:
    content: dict[str, str] = json.loads((directory / manifest).read_text())
    return content["sha256"]


def _path(manifest: str, directory: Path) -> Path:
    return directory / manifest.replace(".json", SUFFIX)
