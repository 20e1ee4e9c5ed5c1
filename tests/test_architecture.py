"""The dependency rule, checked in a fresh interpreter, indirect imports included.

Within ``inference`` and ``smart_app`` it is checked by their source.
"""

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WEB = {"flask", "smart_app", "fhirclient", "authlib"}
#: Packages of ``inference`` and modules beside them: each may import those before it.
ORDER = (
    *("errors", "results", "volume", "manifest"),
    *("dicom", "geometry", "phantom", "segmentation", "levels", "quality"),
    *("measurements", "grading", "severity"),
    *("guidelines", "registry", "cohort", "treatment", "judgement", "transparency"),
    *("picture", "pipeline", "outputs", "studies", "training"),
)
#: Packages of ``smart_app``: each may import those before it and what all share.
LAYERS = (
    *("ehrs", "launch", "fhir_server", "cases", "writing", "archive"),
    *("cds_hooks", "pages", "commands", "jobs"),
)
WHOLE = {"__init__.py", "worker.py"}  # they put the web process and the worker together
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


def test_packages_of_inference_import_only_those_before_them() -> None:
    places = {*(ROOT / "inference").glob("*.py")}
    places |= {path.parent for path in (ROOT / "inference").glob("*/__init__.py")}
    assert {path.stem for path in places} == {*ORDER, "__init__", "__main__"}
    assert against("inference", ORDER) == []


def test_packages_of_the_application_import_only_those_before_them() -> None:
    packages = {path.parent.name for path in (ROOT / "smart_app").glob("*/__init__.py")}
    assert packages == {*LAYERS}
    assert against("smart_app", LAYERS) == []


def test_what_all_packages_share_rests_on_the_list_of_ehrs_alone() -> None:
    modules = (ROOT / "smart_app").glob("*.py")
    shared = [path for path in modules if path.name not in WHOLE]
    found = {name for path in shared for name in imported(path, "smart_app")}
    assert found & {*LAYERS} == {LAYERS[0]}


def against(root: str, order: tuple[str, ...]) -> list[str]:
    """Return the imports of what comes later in the order."""
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for place, item in enumerate(order)
        for path in (ROOT / root / f"{item}.py", *(ROOT / root / item).glob("*.py"))
        if path.exists()
        for name in imported(path, root)
        if name in order[place + 1 :]
    ]


def imported(path: Path, root: str) -> set[str]:
    """Return the names after the root in all imports, those in functions too."""
    names = [
        f"{getattr(node, 'module', '')}.{alias.name}".removeprefix(".")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    return {name.split(".")[1] for name in names if name.startswith(f"{root}.")}
