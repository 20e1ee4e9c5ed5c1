"""The application on its port, in this process, with a worker beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from werkzeug.serving import make_server

from smart_app.jobs.run import Analysis
from tests.smart_app.clinic import Clinic

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

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

    worker = Thread(target=work)
    worker.start()
    try:
        with listening(clinic.app, port) as origin:
            yield origin
    finally:
        is_over.set()
        worker.join()


@contextmanager
def listening(
    application: "WSGIApplication", port: int = 0, *, tls: tuple[str, str] | None = None
) -> Iterator[str]:
    """Serve a WSGI application until exit; yields its origin.

    Args:
        application: What answers.
        port: On loopback; 0 takes a free one.
        tls: Files of a certificate and of its key.

    """
    server = make_server("127.0.0.1", port, application, threaded=True, ssl_context=tls)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
