"""The database: SQLite in WAL mode by default, PostgreSQL by its URL."""

import fcntl
from pathlib import Path
from typing import Any, cast

from sqlalchemy import (
    CursorResult,
    Delete,
    Engine,
    Update,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.schema import CreateIndex, CreateTable

from smart_app.tables import Base

BUSY_TIMEOUT_S = 15  # our choice: transactions last milliseconds
SCHEMA_LOCK = 7307  # our choice: any number that all processes share

Sessions = sessionmaker[Session]


def open_database(url: str) -> Sessions:
    """Connect, create absent tables, and return the maker of sessions."""
    if url.startswith("sqlite"):
        engine = create_engine(
            url, connect_args={"timeout": BUSY_TIMEOUT_S}, hide_parameters=True
        )
        event.listen(engine, "connect", _configure_sqlite)
        _use_wal(engine)
    else:
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)
    _create_tables(engine)
    return sessionmaker(engine, expire_on_commit=False)


def changed_rows(session: Session, statement: Update | Delete) -> int:
    """Run a statement and return how many rows it changed."""
    result = cast("CursorResult[Any]", session.execute(statement))
    return result.rowcount


def _configure_sqlite(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(engine: Engine) -> None:
    """Switch the file to WAL, which it keeps, one process after the other.

    The switch needs the file alone, and SQLite then answers "locked" at once, without
    its time-out, to a process that starts at the same time.
    """
    with (
        Path(f"{engine.url.database}-start").open("w") as lock,
        engine.connect() as connection,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")


def _create_tables(engine: Engine) -> None:
    # "if not exists" and a lock, because several processes start at once
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})"))
        for table in Base.metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))
