"""Several processes open one new database at the same moment."""

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

from sqlalchemy import text

from smart_app.database import open_database

PROCESSES, ROUNDS = 4, 60  # without the lock about 8 of these 240 starts failed


def open_all(urls: list[str], barrier: Barrier) -> None:
    for url in urls:
        barrier.wait(timeout=60)
        open_database(url)


def test_processes_that_start_at_once_all_open_the_database(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    urls = [f"sqlite:///{tmp_path}/{number}.sqlite3" for number in range(ROUNDS)]
    starters = [
        context.Process(target=open_all, args=(urls, barrier)) for _ in range(PROCESSES)
    ]
    for process in starters:
        process.start()
    for process in starters:
        process.join(timeout=120)
    assert [process.exitcode for process in starters] == [0] * PROCESSES


def test_the_database_is_in_wal_mode(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path}/x.sqlite3")() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
