"""Orthanc behind a door that can jam: the faults of the EHR, for DICOMweb."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.services import Archive
from tests.smart_app.archive_proxy import Answer, Forward, Request, proxy

NO_ANSWER = Answer(status=None, body=b"")


@dataclass(slots=True)
class Door:
    """Where the archive seems to be, and what goes wrong there.

    Attributes:
        url: DICOMweb base.
        method: HTTP method of the requests that fail.
        path: Regular expression on their path.
        fault: As ``Ehr.fault`` takes it; empty while nothing is wrong.

    """

    url: str = ""
    method: str = ""
    path: str = ""
    fault: dict[str, Any] = field(default_factory=dict)

    def jam(self, method: str, path: str, fault: dict[str, Any]) -> None:
        """Let all requests to a path fail from now on."""
        self.method, self.path, self.fault = method, path, fault

    def mend(self) -> None:
        """Let everything through."""
        self.fault = {}

    def pass_on(self, request: Request, forward: Forward) -> Answer:
        """Answer as the archive does, or as the fault says."""
        is_meant = request.method == self.method and re.search(self.path, request.path)
        fault = self.fault if is_meant else {}
        time.sleep(fault.get("delay_ms", 0) / 1000)
        if "reset" in fault:
            return NO_ANSWER
        if "status" in fault:
            return Answer(
                status=fault["status"], body=b"{}", headers=fault.get("headers", {})
            )
        answer = forward()
        if "lose_answer" in fault:
            return NO_ANSWER
        if "truncate" in fault:
            answer.headers["Content-Length"] = str(len(answer.body))
            answer.body = answer.body[: len(answer.body) // 2]
        return answer


@contextmanager
def faulty(archive: Archive) -> Iterator[Door]:
    """Stand between the application and the archive."""
    door = Door()
    with proxy(archive, door.pass_on) as url:
        door.url = url
        yield door
