"""A real server between the application and Orthanc that misbehaves as it is told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Protocol

import requests

from sandbox.services import Archive as Orthanc

FORWARDED = ("Accept", "Authorization", "Content-Type")


@dataclass(kw_only=True)
class Answer:
    """What Orthanc answered, to be altered; without a status nothing is sent."""

    status: int | None
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the application asked."""

    method: str
    path: str
    headers: dict[str, str]

    @property
    def is_store(self) -> bool:
        """Whether it is STOW-RS."""
        return self.method == "POST"

    @property
    def is_retrieve(self) -> bool:
        """Whether it asks for instances, not for metadata."""
        accept = self.headers.get("Accept", "")
        return "application/dicom" in accept and "json" not in accept


class Forward(Protocol):
    """Asks Orthanc, where wanted for something else than the application asked."""

    def __call__(self, *, path: str = "", accept: str = "", login: str = "") -> Answer:
        """Return what it answers."""


#: Alters the answer to a request.
Fault = Callable[[Request, Forward], Answer]


def honest(_: Request, forward: Forward) -> Answer:
    """Alter nothing."""
    return forward()


@contextmanager
def proxy(orthanc: Orthanc, fault: Fault) -> Iterator[str]:
    """Run the server; yields its DICOMweb URL."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            sent = self._chunks() if self.headers.get("Transfer-Encoding") else None
            body = self.rfile.read(size) if sent is None else sent
            request = Request(
                method=self.command, path=self.path, headers=dict(self.headers)
            )

            def forward(*, path: str = "", accept: str = "", login: str = "") -> Answer:
                changes = {"Accept": accept, "Authorization": login}
                return self._forward(body, path or self.path, changes)

            answer = fault(request, forward)
            if answer.status is None:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in answer.headers:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_OPTIONS = _answer  # noqa: N815 - as the library calls them

        def _forward(self, body: bytes, path: str, changes: dict[str, str]) -> Answer:
            sent = {
                name: self.headers[name] for name in FORWARDED if name in self.headers
            }
            answer = requests.request(
                self.command,
                orthanc.dicomweb_url + path,
                headers=sent | {name: x for name, x in changes.items() if x},
                data=body or None,
                timeout=20,
            )
            kind = answer.headers.get("Content-Type", "")
            return Answer(
                status=answer.status_code,
                body=answer.content,
                headers={"Content-Type": kind} if kind else {},
            )

        def _chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
