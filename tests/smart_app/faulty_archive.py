"""Orthanc behind a door that can jam: the faults of the EHR, for DICOMweb."""

import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import requests

from sandbox.services import Archive

TIMEOUT_S = 10
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: close at once, send a reset


@dataclass(slots=True)
class Door:
    """Where the archive seems to be, and what goes wrong there.

    Attributes:
        url: DICOMweb base.
        path: Regular expression on the path of the requests that fail.
        fault: As ``Ehr.fault`` takes it; empty while nothing is wrong.

    """

    url: str
    path: str = "$^"
    fault: dict[str, Any] = field(default_factory=dict)

    def jam(self, path: str, fault: dict[str, Any]) -> None:
        """Let all requests to a path fail from now on."""
        self.path, self.fault = path, fault

    def mend(self) -> None:
        """Let everything through."""
        self.fault = {}


class Handler(BaseHTTPRequestHandler):
    """Passes requests on to the archive, or does not."""

    archive: Archive
    door: Door

    def do_GET(self) -> None:
        """Pass on, or fail as the door says."""
        fault = self.door.fault if re.search(self.door.path, self.path) else {}
        time.sleep(fault.get("delay_ms", 0) / 1000)
        if fault.get("reset"):
            self.hang_up()
        elif "status" in fault:
            self.answer(fault["status"], fault.get("headers", {}), b"{}")
        else:
            self.pass_on(fault)

    def pass_on(self, fault: dict[str, Any]) -> None:
        """Ask the archive; what it says may be cut or lost on the way back."""
        names = ("Accept", "Authorization")
        headers = {n: self.headers[n] for n in names if n in self.headers}
        url = self.archive.dicomweb_url + self.path
        answer = requests.get(url, headers=headers, timeout=TIMEOUT_S)
        kind = {"Content-Type": answer.headers.get("Content-Type", "")}
        if fault.get("lose_answer"):
            self.hang_up()
        elif fault.get("truncate"):
            length = {"Content-Length": str(len(answer.content))}
            half = answer.content[: len(answer.content) // 2]
            self.answer(answer.status_code, kind | length, half)
            self.hang_up()
        else:
            self.answer(answer.status_code, kind, answer.content)

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Send an answer."""
        self.send_response(status)
        length = {"Content-Length": str(len(body))}
        for name, value in (length | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        """Drop the connection."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    """Says nothing of callers that gave up."""

    def handle_error(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def faulty(archive: Archive) -> Iterator[Door]:
    """Stand between the application and the archive."""
    door = Door("")
    handler = type("_Handler", (Handler,), {"archive": archive, "door": door})
    with Server(("127.0.0.1", 0), handler) as listening:
        door.url = f"http://127.0.0.1:{listening.server_port}"
        Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        yield door
        listening.shutdown()
