"""Start a program, wait until it answers, and end it with all its children."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from sandbox.errors import MissingToolError, StartError

START_TIMEOUT_S = 60  # our choice: a cold start on two busy cores takes about 20 s
STOP_TIMEOUT_S = 15  # our choice: longer than a worker needs to end a warm shutdown
POLL_S = 0.05
LOG_LINES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A running program.

    Attributes:
        name: What to call it in messages.
        process: The process; it leads its own process group.
        log: File that receives all it prints.

    """

    name: str
    process: "subprocess.Popen[str]"
    log: Path

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Wait until ``is_ready`` says so.

        Raises:
            StartError: The program ended, or took longer than ``START_TIMEOUT_S``.

        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_ready():
            if self.process.poll() is not None:
                raise StartError(self._story(f"ended ({self.process.returncode})"))
            if time.monotonic() > deadline:
                raise StartError(self._story(f"was not ready in {START_TIMEOUT_S} s"))
            time.sleep(POLL_S)

    def _story(self, what: str) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join([f"{self.name} {what}. Its last lines:", *lines])


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    name: str,
    directory: Path,
    env: Mapping[str, str] | None = None,
    first_line: str | None = None,
) -> Iterator[Child]:
    """Run a program in its own process group and end the whole group at exit.

    Args:
        command: Program and arguments.
        name: What to call it in messages; also names its log file.
        directory: Folder of the log file.
        env: Variables added to the environment.
        first_line: Sent to its standard input, which then stays open until exit.

    """
    log = directory / f"{name}.log"
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 - commands of our own
            [str(part) for part in command],
            stdin=subprocess.DEVNULL if first_line is None else subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            text=True,
        )
    try:
        if process.stdin:
            process.stdin.write(f"{first_line}\n")
            process.stdin.flush()
        yield Child(name=name, process=process, log=log)
    finally:
        _end_group(process)


def free_port() -> int:
    """Return a TCP port that nothing on loopback listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str, *, auth: tuple[str, str] | None = None) -> bool:
    """Return True once an HTTP GET is answered with success."""
    try:
        return requests.get(url, auth=auth, timeout=2).ok
    except requests.RequestException:
        return False


def tool(name: str, *, package: str, folder: Path = Path("/usr/sbin")) -> Path:
    """Find a program on the path or in ``folder``.

    Raises:
        MissingToolError: It is in neither.

    """
    search_path = os.pathsep.join([os.environ.get("PATH", ""), str(folder)])
    if found := shutil.which(name, path=search_path):
        return Path(found)
    raise MissingToolError(f"{name} is missing: install the package {package}")


def _end_group(process: "subprocess.Popen[str]") -> None:
    """Ask the group to end, then insist; also after its leader has gone."""
    if process.stdin:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_TIMEOUT_S)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: "subprocess.Popen[str]", which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, which)
