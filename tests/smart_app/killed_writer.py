"""Writes a signed report in processes that die by SIGKILL at a step of their work.

Reads lines ``STEP`` and answers each with the exit code of a forked process
that recovers the writing and is killed at that step; step 0 lets it live. Steps are
the moments before and after every request that writes, and after every commit.
"""

import os
import signal
import sys
import threading
from dataclasses import replace
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from sqlalchemy import event
from sqlalchemy.orm import Session

from smart_app.services import make_services
from smart_app.settings import Settings
from smart_app.writing.signed_report import recover_writes

SHORT_S = 0.6


class NoQueue:
    """Nobody is woken."""

    def send(self, job_id: str) -> None:
        """Do nothing."""

    def send_archive_write(self, launch_id: str) -> None:
        """Nobody works here either."""


def run(step: int) -> None:
    """Recover all that waits to be written, and die at a step."""
    left = step

    def tick(*_: object) -> None:
        nonlocal left
        if threading.current_thread() is not threading.main_thread():
            return  # the renewal of the lock has no fixed moment
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    send = HTTPAdapter.send

    def counted(
        adapter: HTTPAdapter,
        request: requests.PreparedRequest,
        *rest: Any,  # noqa: ANN401 - as requests calls it
        **named: Any,  # noqa: ANN401 - idem
    ) -> requests.Response:
        if request.method == "GET":
            return send(adapter, request, *rest, **named)
        tick()
        response = send(adapter, request, *rest, **named)
        tick()
        return response

    HTTPAdapter.send = counted  # type: ignore[assignment, method-assign]
    event.listen(Session, "after_commit", tick)
    settings = replace(Settings.from_env(), http_timeout_s=SHORT_S)
    recover_writes(make_services(settings, NoQueue()))


def main() -> None:
    """Answer lines until there are no more."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run(int(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
