"""The two engines: pyrofile (Python) and Medplum (TypeScript)."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Final

from pyrofile_validator import Validator
from pyrofile_validator.config import ValidatorConfig

from tests.validation.definitions import SANDBOX, r4_package, us_core_package

Resource = dict[str, Any]
Engine = Callable[[list[Resource], Path | None], list[str]]

_MEDPLUM: Final = Path(__file__).with_name("medplum.mjs")


#: pyrofile takes no ``valueCodeableConcept`` for one: ``value.is(CodeableConcept)``.
_MISJUDGED: Final = "profile.invariant.us-core-24"


def pyrofile(resources: list[Resource], us_core: Path | None) -> list[str]:
    """Return what pyrofile has against the resources."""
    validator = _pyrofile_validator(us_core)
    found = []
    for resource in resources:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
            report = validator.validate_resource(resource)
        found += [
            f"{issue.code} {issue.path}: {issue.message}"
            for issue in report.errors
            # what the engine itself cannot check
            if "unsupported" not in issue.code and issue.code != _MISJUDGED
        ]
    return found


def medplum(resources: list[Resource], us_core: Path | None) -> list[str]:
    """Return what Medplum's ``validateResource`` has against the resources."""
    search_path = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ["PATH"]]
    )
    node = shutil.which("node", path=search_path)
    assert node, "node is missing: make installs it into the environment"
    command = [node, str(_MEDPLUM), str(SANDBOX), str(us_core or "")]
    answer = subprocess.run(
        command, input=json.dumps(resources), capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(answer.stdout)
    return found


ENGINES: Final[tuple[Engine, ...]] = (pyrofile, medplum)


def errors(*resources: Resource, engines: tuple[Engine, ...] = ENGINES) -> list[str]:
    """Return what the engines have against the resources as FHIR R4."""
    plain = [_without_profiles(resource) for resource in resources]
    return [found for engine in engines for found in engine(plain, None)]


def us_core_errors(
    *resources: Resource, version: str, engines: tuple[Engine, ...] = ENGINES
) -> list[str]:
    """Return what they have against them as R4 and as the profiles that they claim."""
    package = us_core_package(version)
    return [found for engine in engines for found in engine([*resources], package)]


@cache
def _pyrofile_validator(us_core: Path | None) -> Validator:
    packages = [r4_package(), *([us_core] if us_core else [])]
    config = r4_package().parent / f"pyrofile-{packages[-1].parent.name}.json"
    settings = {
        "fhirVersion": "4.0.1",
        "packages": [],
        "localPackagePaths": [str(package) for package in packages],
        "terminology": {"mode": "local"},
        "ciFailureThreshold": "error",
        "evidenceOutputDir": str(r4_package().parent / "evidence"),
    }
    config.write_text(json.dumps(settings), "utf-8")
    return Validator(ValidatorConfig.load(str(config)))


def _without_profiles(resource: Resource) -> Resource:
    """Return a copy that claims no profile: R4 alone knows none of them."""
    copy = deepcopy(resource)
    for item in [copy, *(entry["resource"] for entry in copy.get("entry", []))]:
        item.get("meta", {}).pop("profile", None)
        if not item.get("meta", True):
            del item["meta"]
    return copy
