"""The application on its port, in this process, with a worker beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from werkzeug.serving import make_server

from smart_app.jobs import Analysis
from tests.smart_app.clinic import Clinic

POLL_S = 0.05


@contextmanager
def served(
    clinic: Clinic, port: int, analysis: Analysis | None = None
) -> Iterator[str]:
    """Serve a clinic and run its jobs until exit; yields its URL."""
    is_over = Event()

    def work() -> None:
        while not is_over.wait(POLL_S):
            clinic.work(analysis)

    server = make_server("127.0.0.1", port, clinic.app, threaded=True)
    threads = [Thread(target=server.serve_forever), Thread(target=work)]
    for thread in threads:
        thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        is_over.set()
        for thread in threads:
            thread.join()
        server.server_close()
