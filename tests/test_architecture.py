"""The dependency rule, checked in a fresh interpreter, indirect imports included."""

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WEB = {"flask", "smart_app", "fhirclient", "authlib"}
HEAVY = {"torch", "onnxruntime", "numpy", "lightgbm", "pydicom"}
SCRIPT = "import sys, {modules}; print(*sys.modules)"


def loaded_by(*modules: str) -> set[str]:
    command = [sys.executable, "-c", SCRIPT.format(modules=", ".join(modules))]
    return set(subprocess.check_output(command, cwd=ROOT, text=True).split())


def modules_of(package: str) -> list[str]:
    found = pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
    return [item.name for item in found if not item.name.endswith("__main__")]


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("inference", WEB | {"fhir_mappings"}),
        ("fhir_mappings", WEB | HEAVY | {"requests"}),
    ],
)
def test_package_loads_without(package: str, forbidden: set[str]) -> None:
    assert not forbidden & loaded_by(*modules_of(package))


def test_the_vocabulary_needs_the_standard_library_alone() -> None:
    assert not HEAVY & loaded_by("inference.results", "inference.errors")


def test_the_web_process_loads_no_network_engine() -> None:
    """``wsgi`` needs settings to run; what it imports is the application factory."""
    assert not {"torch", "onnxruntime", "lightgbm"} & loaded_by("smart_app.pages.case")


def test_an_answer_that_is_typed_in_loads_the_trees_and_no_network_engine() -> None:
    loaded = loaded_by("inference.treatment.model")
    assert "lightgbm" in loaded
    assert not {"torch", "onnxruntime", "pydicom"} & loaded


def test_serving_needs_no_torch() -> None:
    assert "torch" not in loaded_by("inference.pipeline")
