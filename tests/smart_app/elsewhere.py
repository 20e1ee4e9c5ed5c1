"""A server that nobody should ever ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(slots=True)
class Elsewhere:
    """Another server.

    Attributes:
        origin: Scheme, host and port.
        seen: What it was asked: method and path.

    """

    origin: str
    seen: list[str] = field(default_factory=list)


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    """Listen, and write down who comes."""

    class Handler(BaseHTTPRequestHandler):
        def note(self) -> None:
            there.seen.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_GET(self) -> None:
            self.note()

        def do_POST(self) -> None:
            self.note()

        def do_PUT(self) -> None:
            self.note()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        there = Elsewhere(f"http://127.0.0.1:{listening.server_port}")
        Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        yield there
        listening.shutdown()
