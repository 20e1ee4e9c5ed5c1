"""The committed model files, each with a manifest that holds its name and hash."""

import hashlib
import json
from pathlib import Path
from typing import Final

from inference.errors import ModelError
from inference.results import ModelVersion

WEIGHTS: Final = Path(__file__).parent / "weights"
#: Of the treatment model, which a site may replace by its own.
TREATMENT_MANIFEST: Final = "treatment.json"


def read_weights(directory: Path, manifest_name: str) -> tuple[bytes, ModelVersion]:
    """Return a model file and its version after checking its hash.

    Raises:
        ModelError: A file is absent or is not the one that the manifest names.

    """
    try:
        manifest = json.loads((directory / manifest_name).read_text())
        content = (directory / manifest["file"]).read_bytes()
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"no model in {directory.name}: {error!r}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != manifest["sha256"]:
        raise ModelError(f"weights have SHA-256 {found}, not {manifest['sha256']}")
    return content, ModelVersion(
        name=manifest["name"],
        version=manifest["version"],
        sha256=found,
        quality=manifest.get("quality", ""),
    )
