"""What the web process loads, and that it says how it is."""

import subprocess
import sys
from pathlib import Path

from tests.smart_app.clinic import Browser

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "onnxruntime", "numpy", "pydicom", "dicomweb_client", "scipy"}


def test_the_web_process_loads_no_model_and_no_arrays() -> None:
    script = "import sys, smart_app; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    loaded = subprocess.check_output(command, cwd=ROOT, text=True)
    assert not HEAVY & set(loaded.split())


def test_health_is_asked_without_a_launch(browser: Browser) -> None:
    answer = browser.client.get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_an_unknown_page_says_where_to_start(browser: Browser) -> None:
    answer = browser.client.get("/nothing")
    assert (answer.status_code, "no such page" in answer.text) == (404, True)
