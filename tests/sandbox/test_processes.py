"""What is started is waited for, and ended with all its children."""

import os
import sys
import time
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from sandbox import services
from sandbox.errors import MissingToolError, StartError
from sandbox.processes import running, tool

SLEEPER = "import time; time.sleep(60)"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}])
print("child", child.pid, flush=True)
child.wait()
"""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_children_of_a_program_end_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT]
    with running(command, name="parent", directory=tmp_path) as parent:
        parent.wait_until(lambda: parent.log.read_text().startswith("child"))
        child = int(parent.log.read_text().split()[1])
        assert is_alive(child)
    deadline = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(child)


def test_program_that_does_not_start_shows_its_last_lines(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no license found')"]
    with (
        running(command, name="fails", directory=tmp_path) as child,
        pytest.raises(StartError, match=r"fails ended \(1\).*\nno license found"),
    ):
        child.wait_until(lambda: False)


def test_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(MissingToolError, match="install the package orthanc"):
        tool("NoSuchProgram", package="orthanc")


def test_redis_answers_only_with_its_password(tmp_path: Path) -> None:
    with services.redis(tmp_path) as url:
        with Redis.from_url(url) as client:
            assert client.ping()
        stranger = Redis(port=int(url.split(":")[-1].split("/")[0]))
        with stranger, pytest.raises(AuthenticationError, match="authenticated"):
            stranger.ping()
