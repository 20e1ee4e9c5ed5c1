"""A Redis of its own, for the test that runs a job through a real broker."""

import contextlib
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.processes import free_port, running, tool


@contextmanager
def redis(directory: Path) -> Iterator[str]:
    """Run Redis on a free loopback port, without persistence, and yield its URL."""
    port, password = free_port(), secrets.token_urlsafe(24)
    settings = directory / "redis.conf"
    settings.touch(mode=0o600)
    settings.write_text(
        f"port {port}\nbind 127.0.0.1\nrequirepass {password}\n"
        f'save ""\nappendonly no\ndir {directory}\n'
    )
    command = [tool("redis-server", package="redis-server"), settings]
    with running(command, name="redis", directory=directory) as child:
        child.wait_until(lambda: _accepts(port))
        yield f"redis://:{password}@127.0.0.1:{port}/0"


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
