"""PostgreSQL serves as well as SQLite."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.processes import free_port, running
from sandbox.services import Ehr, app_url
from smart_app.settings import Settings
from tests.smart_app.clinic import Clinic, environment
from tests.smart_app.conftest import Store
from tests.smart_app.journey import walk

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
SYSTEM_USER = "postgres"  # PostgreSQL refuses to run as root

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed")


def switch_user(folder: Path) -> list[str]:
    """Return what to put before a command, with the folder made the user's."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, SYSTEM_USER)
    user = ["--reuid", SYSTEM_USER, "--regid", SYSTEM_USER, "--clear-groups"]
    return ["setpriv", *user]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user can reach: those of pytest are private."""
    with tempfile.TemporaryDirectory(prefix="spoils-postgresql-") as name:
        yield Path(name)


@pytest.fixture
def database_url(tmp_path: Path, folder: Path) -> Iterator[str]:
    """The URL of a server of our own."""
    port = free_port()
    prefix, programs = switch_user(folder), PROGRAMS[-1]
    data = ["-D", str(folder / "data")]
    make = [*prefix, str(programs / "initdb"), *data, "-A", "trust", "-U", "app"]
    subprocess.run(make, check=True, capture_output=True, cwd="/")
    command = [*prefix, str(programs / "postgres"), *data, "-p", str(port)]
    command += ["-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
    with running(command, name="postgresql", directory=tmp_path) as child:
        child.wait_until(lambda: "ready to accept" in child.log.read_text())
        yield f"postgresql+psycopg://app@127.0.0.1:{port}/postgres"


@pytest.fixture
def env(
    tmp_path: Path, issuers: Path, clinic_port: int, database_url: str
) -> dict[str, str]:
    """The variables of an installation on PostgreSQL."""
    usual = environment(tmp_path / "data", issuers, app_url(clinic_port))
    return usual | {"SPOILS_DATABASE_URL": database_url}


def test_a_case_walks_the_whole_way(
    env: dict[str, str], hospital: Ehr, store: Store
) -> None:
    # the second one finds the tables that the first one made
    clinics = [Clinic(Settings.from_env(env)) for _ in range(2)]
    walk(clinics[0], hospital, store)
    for clinic in clinics:
        clinic.close()
