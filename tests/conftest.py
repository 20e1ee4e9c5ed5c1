"""Real components for all tests: started once per run, reset between tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from sandbox import services
from sandbox.processes import free_port
from sandbox.services import App, Archive, Ehr

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: The same examples each time: a failure is of the change that is tested.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def services_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the logs and data of everything that is started."""
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="session")
def archive(services_dir: Path) -> Iterator[Archive]:
    """Orthanc. Studies stay between tests: store each under UIDs of its own."""
    with services.orthanc(services_dir) as started:
        yield started


@pytest.fixture(scope="session")
def app_port() -> int:
    """Port of the application, known to the EHR before the application starts."""
    return free_port()


@pytest.fixture(scope="session")
def clinic_port() -> int:
    """Port of an application in the process of the tests, known to the EHR as well."""
    return free_port()


@pytest.fixture(scope="session")
def running_ehr(services_dir: Path, app_port: int, clinic_port: int) -> Iterator[Ehr]:
    """The EHR, with the application registered as a public client."""
    clients = [services.public_client(app_port, clinic_port)]
    launch_url = f"{services.app_url(app_port)}/launch"
    started = services.ehr(services_dir, clients=clients, app_launch_url=launch_url)
    with started as ehr:
        yield ehr


@pytest.fixture
def ehr(running_ehr: Ehr) -> Ehr:
    """The EHR, empty, without faults and with an empty log."""
    running_ehr.reset()
    return running_ehr


@pytest.fixture(scope="session")
def app(
    services_dir: Path, app_port: int, running_ehr: Ehr, archive: Archive
) -> Iterator[App]:
    """The application: gunicorn and a worker. Use it together with ``ehr``."""
    started = services.app(
        services_dir, port=app_port, ehr=running_ehr, archive=archive
    )
    with started as running_app:
        yield running_app


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium without a display; use a fresh context or page per test."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no chromium: scripts/system-packages test installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=[*CHROMIUM_ARGUMENTS]
        )
        yield browser
        browser.close()
