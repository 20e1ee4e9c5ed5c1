"""Settings: read once at start-up, checked together, never changed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from inference.manifest import TREATMENT_MANIFEST, WEIGHTS

REQUIRED = (
    "SPOILS_SECRET_KEY",
    "SPOILS_ISSUERS",
    "SPOILS_DATA_DIR",
    "SPOILS_BASE_URL",
)
MIN_SECRET_LENGTH = 32  # our choice: 32 characters of hex are 128 bits
DEFAULT_BROKER = "filesystem://localhost//"  # folders of the data folder
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class SettingsError(Exception):
    """The environment does not describe a runnable application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What may differ between two installations.

    Attributes:
        secret_key: Signs the cookie and encrypts what is kept; out of every repr.
        issuers_path: JSON file with the EHRs that may launch this application.
        data_dir: Folder of the default database and of the default broker.
        base_url: Public URL of this application, without a slash at its end.
        database_url: SQLAlchemy URL.
        broker_url: Celery broker URL.
        http_timeout_s: Longest wait for one answer of another server.
        lease_s: How long a worker may be silent before its job is given away.
        retention: How long launches, reports and tokens are kept.
        idle_life: How long a browser may do nothing before its cases are closed.
        session_life: How long a browser stays signed in, whatever it does.
        treatment_model: Folder of the treatment model: the committed one, or a site's
            own.

    """

    secret_key: str = field(repr=False)
    issuers_path: Path
    data_dir: Path
    base_url: str
    database_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    http_timeout_s: float
    lease_s: float
    retention: timedelta
    idle_life: timedelta
    session_life: timedelta
    treatment_model: Path

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Read the environment and name everything that is wrong at once.

        Raises:
            SettingsError: A variable is absent or not usable.

        """
        problems = [f"set {name}" for name in REQUIRED if not env.get(name)]
        secret_key = env.get("SPOILS_SECRET_KEY", "")
        if secret_key and len(secret_key) < MIN_SECRET_LENGTH:
            problems.append(f"SPOILS_SECRET_KEY needs {MIN_SECRET_LENGTH} characters")
        base_url = env.get("SPOILS_BASE_URL", "").rstrip("/")
        if base_url and not is_secure(base_url):
            problems.append("SPOILS_BASE_URL must be https, or http on loopback")
        timeout_s = _positive(env, "SPOILS_HTTP_TIMEOUT_S", "20", problems)
        lease_s = _positive(env, "SPOILS_LEASE_S", "30", problems)
        retention_h = _positive(env, "SPOILS_RETENTION_H", "12", problems)
        idle_min = _positive(env, "SPOILS_IDLE_MIN", "30", problems)
        session_h = _positive(env, "SPOILS_SESSION_H", "12", problems)
        treatment_model = Path(env.get("SPOILS_TREATMENT_MODEL") or WEIGHTS)
        if not (treatment_model / TREATMENT_MANIFEST).is_file():
            problems.append(
                f"SPOILS_TREATMENT_MODEL: no {TREATMENT_MANIFEST} in {treatment_model}"
            )
        if problems:
            raise SettingsError("; ".join(problems))
        data_dir = Path(env["SPOILS_DATA_DIR"])
        database = f"sqlite:///{data_dir / 'spoils.sqlite3'}"
        return cls(
            secret_key=secret_key,
            issuers_path=Path(env["SPOILS_ISSUERS"]),
            data_dir=data_dir,
            base_url=base_url,
            database_url=env.get("SPOILS_DATABASE_URL") or database,
            broker_url=env.get("SPOILS_BROKER_URL") or DEFAULT_BROKER,
            http_timeout_s=timeout_s,
            lease_s=lease_s,
            retention=timedelta(hours=retention_h),
            idle_life=timedelta(minutes=idle_min),
            session_life=timedelta(hours=session_h),
            treatment_model=treatment_model,
        )

    @property
    def is_https(self) -> bool:
        """Whether browsers reach this application over TLS."""
        return self.base_url.startswith("https://")


def is_secure(url: str) -> bool:
    """Tell whether a URL is https, or http that never leaves this machine."""
    parts = urlsplit(url)
    if parts.scheme == "http":
        return parts.hostname in LOOPBACK_HOSTS
    return parts.scheme == "https" and bool(parts.hostname)


def _positive(
    env: Mapping[str, str], name: str, default: str, problems: list[str]
) -> float:
    text = env.get(name) or default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        problems.append(f"{name} must be a positive number, not {text!r}")
    return value
