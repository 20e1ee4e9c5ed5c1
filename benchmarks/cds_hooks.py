"""Times the CDS service beside a page without data, in one run of the real web process.

``python -m benchmarks.cds_hooks [REQUESTS]`` prints milliseconds per request. Each call
carries a fresh token; the prefetch has 100 Conditions and 20 ImagingStudies.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from fhir_mappings.cds_cards import SERVICE_ID
from sandbox.processes import answers, free_port, running
from tests.fhir_mappings.charts import condition, imaging_study
from tests.smart_app.cds_client import (
    Json,
    claims,
    hook_body,
    issuers,
    key_server,
    searchset,
    signed,
)
from tests.smart_app.clinic import environment

TIMEOUT_S = 10
GUNICORN = ("gunicorn", "wsgi:app", "--worker-class", "gthread", "--threads", "4")


def main(count: int) -> None:
    """Start the web process, ask it alternately, and print the times."""
    base = f"http://127.0.0.1:{(port := free_port())}"
    with TemporaryDirectory() as name, key_server() as keys:
        folder = Path(name)
        listed = folder / "issuers.json"
        listed.write_text(json.dumps(issuers(keys.url)))
        command = [sys.executable, "-m", *GUNICORN, "--no-control-socket"]
        with running(
            [*command, "--bind", f"127.0.0.1:{port}"],
            name="app",
            directory=folder,
            env=environment(folder / "data", listed, base),
        ) as child:
            child.wait_until(lambda: answers(f"{base}/healthz"))
            measure(base, count)


def measure(base: str, count: int) -> None:
    """Print the first answer, and then the times of the service and of a page."""
    body = chart()
    with requests.Session() as session:

        def hook() -> None:
            token = signed(claims(base))
            before = time.perf_counter()
            answer = session.post(
                f"{base}/cds-services/{SERVICE_ID}",
                json=body,
                headers={"Authorization": f"Bearer {token}"},
                timeout=TIMEOUT_S,
            )
            times["card"].append(time.perf_counter() - before)
            assert len(answer.json()["cards"]) == 1  # noqa: S101 - else it is no time

        def page() -> None:
            before = time.perf_counter()
            session.get(f"{base}/", timeout=TIMEOUT_S).raise_for_status()
            times["page"].append(time.perf_counter() - before)

        times: dict[str, list[float]] = {"card": [], "page": []}
        hook()
        print(f"first card {1000 * times['card'].pop():.1f} ms (keys are fetched)")
        alternate(count, hook, page)
    for name, values in times.items():
        median, last = statistics.median(values), statistics.quantiles(values, n=20)[-1]
        print(f"{name} median {1000 * median:.1f} ms, 95 % {1000 * last:.1f} ms")


def alternate(count: int, *actions: Callable[[], None]) -> None:
    """Do each action as often as asked, in turn: the machine's mood is shared."""
    for _ in range(count):
        for action in actions:
            action()


def chart() -> Json:
    """Return a call with a chart of usual size."""
    body = hook_body()
    diseases = [condition("73211009", id=f"d{number}") for number in range(99)]
    studies = [
        imaging_study(f"5{number}", modality=[{"code": "CT"}]) for number in range(19)
    ]
    body["prefetch"]["conditions"]["entry"] += searchset(*diseases)["entry"]
    body["prefetch"]["imagingStudies"]["entry"] += searchset(*studies)["entry"]
    return body


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
