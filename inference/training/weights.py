"""Write a model as ``inference.manifest.read_weights`` reads it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from onnx import ModelProto


def write_weights(
    content: bytes,
    path: Path,
    *,
    manifest: str,
    name: str,
    version: str,
    **said: Any,  # noqa: ANN401  JSON
) -> dict[str, Any]:
    """Write a model file and its manifest beside it.

    Args:
        content: The model.
        path: Its file.
        manifest: Name of the manifest.
        name: Name of the model.
        version: Its version.
        said: What else the manifest says.

    Returns:
        The manifest.

    """
    path.write_bytes(content)
    written = {
        "file": path.name,
        "name": name,
        "version": version,
        "sha256": hashlib.sha256(content).hexdigest(),
        **said,
    }
    (path.parent / manifest).write_text(json.dumps(written, indent=2) + "\n")
    return written


def graph_content(model: ModelProto) -> bytes:
    """Return a graph as a file, without the paths of the machine that trained it."""
    for part in (model.graph, *model.graph.node, *model.graph.value_info):
        part.ClearField("metadata_props")
    content: bytes = model.SerializeToString()
    return content
