"""The DICOM archive: Orthanc with its DICOMweb plugin, or one that is already there."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.errors import MissingToolError
from sandbox.processes import answers, free_port, running, tool

PLUGIN_FOLDERS = (
    Path("/usr/share/orthanc/plugins"),  # Debian
    Path("/usr/lib/orthanc/plugins"),
    Path("/usr/local/share/orthanc/plugins"),
)
PLUGIN = "libOrthancDicomWeb.so"
USER = "spoils"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Where a DICOM archive answers, and as whom to ask."""

    dicomweb_url: str
    user: str
    password: str = field(repr=False)


@contextmanager
def archive(directory: Path) -> Iterator[Archive]:
    """Use the archive that ``DICOMWEB_URL`` names; without it, start Orthanc."""
    if url := os.environ.get("DICOMWEB_URL"):
        user = os.environ.get("DICOMWEB_USER", "")
        password = os.environ.get("DICOMWEB_PASSWORD", "")
        yield Archive(dicomweb_url=url, user=user, password=password)
        return
    with orthanc(directory) as started:
        yield started


@contextmanager
def orthanc(directory: Path) -> Iterator[Archive]:
    """Run Orthanc on a free port with a password of its own.

    Orthanc binds to every address; ``RemoteAccessAllowed`` makes it refuse all that
    does not come from this machine.
    """
    port, password = free_port(), secrets.token_urlsafe(24)
    settings = directory / "orthanc.json"
    settings.touch(mode=0o600)
    settings.write_text(json.dumps(_settings(directory, port=port, password=password)))
    command = [tool("Orthanc", package="orthanc"), settings]
    root = f"http://127.0.0.1:{port}"
    with running(command, name="orthanc", directory=directory) as child:
        child.wait_until(lambda: answers(f"{root}/system", auth=(USER, password)))
        yield Archive(dicomweb_url=f"{root}/dicom-web", user=USER, password=password)


def _settings(directory: Path, *, port: int, password: str) -> dict[str, object]:
    storage = str(directory / "orthanc")
    return {
        "Name": "SPOILS sandbox",
        "StorageDirectory": storage,
        "IndexDirectory": storage,
        "Plugins": [str(_plugin())],
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: password},
        "DicomServerEnabled": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }


def _plugin() -> Path:
    for folder in PLUGIN_FOLDERS:
        if (plugin := folder / PLUGIN).exists():
            return plugin
    raise MissingToolError(f"{PLUGIN} is missing: install the package orthanc-dicomweb")
