"""The real components, started on free loopback ports and stopped at exit."""

from sandbox.application import App, app, app_url, public_client, worker
from sandbox.archive import Archive, archive, orthanc
from sandbox.ehr_server import Ehr, ehr
from sandbox.redis_server import redis

__all__ = [
    "App",
    "Archive",
    "Ehr",
    "app",
    "app_url",
    "archive",
    "ehr",
    "orthanc",
    "public_client",
    "redis",
    "worker",
]
