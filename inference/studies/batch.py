"""Analyze many studies: each in a worker process, and one bad one stops no other.

Workers are spawned, never forked, and load the models themselves: engines that were
started before a fork hang after it.
"""

import hashlib
import multiprocessing
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import cache
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Final

from inference.dicom import select_series
from inference.errors import InferenceError, UnsuitableStudyError
from inference.pipeline import Models, load_models
from inference.results import Stage
from inference.studies.one_study import Outcome, Task, Wishes, analyze_study, refused
from inference.studies.search import FoundStudy

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

Told = tuple[str, Stage, float]

#: A StudyInstanceUID that may name a folder: digits and single dots.
UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
MAX_UID_LETTERS: Final = 64
NO_WISHES: Final = Wishes()
WATCH_S: Final = 0.2  # our choice: how often progress is told


def analyze_studies(
    studies: Sequence[FoundStudy],
    out: Path,
    *,
    jobs: int,
    told: Callable[[str, Stage, float], None],
    wishes: Wishes = NO_WISHES,
) -> Iterator[Outcome]:
    """Yield the outcome of every study as it is ready.

    Args:
        studies: What was found.
        out: Holds one folder per study afterwards.
        jobs: How many are analyzed at a time.
        told: Told study, stage and its finished part, 0 to 1.
        wishes: What is asked of each.

    Raises:
        ModelError: Nothing can be analyzed at all.

    """
    tasks = []
    for study in studies:
        folder = out / folder_name(study.study_uid)
        try:
            series = select_series(study.first_instances)
        except InferenceError as error:
            yield refused(study.study_uid, folder, error)
            continue
        sources = tuple(study.sources[series].values())
        tasks.append(
            Task(
                study_uid=study.study_uid,
                sources=sources,
                folder=folder,
                wishes=wishes,
            )
        )
    while tasks:
        done = set()
        for outcome in _in_workers(tasks, jobs, told):
            done.add(outcome.study_uid)
            yield outcome
        tasks = [task for task in tasks if task.study_uid not in done]
        suspects, tasks = tasks[:jobs], tasks[jobs:]
        for task in suspects:  # a worker died: one of those that were under way
            died = UnsuitableStudyError("the process that analyzed it ended early")
            yield from list(_in_workers([task], 1, told)) or [
                refused(task.study_uid, task.folder, died)
            ]


def folder_name(study_uid: str) -> str:
    """Return a name that stays inside of its folder, whatever the UID is."""
    if len(study_uid) <= MAX_UID_LETTERS and UID.fullmatch(study_uid):
        return study_uid
    return "no-uid-" + hashlib.sha256(study_uid.encode()).hexdigest()[:16]


def _in_workers(
    tasks: Sequence[Task], jobs: int, told: Callable[[str, Stage, float], None]
) -> Iterator[Outcome]:
    """Yield outcomes until all are there or a worker has died."""
    context = multiprocessing.get_context("spawn")
    queue: Queue[Told] = context.Queue()
    threads = max(1, (os.cpu_count() or 1) // jobs)
    pool = ProcessPoolExecutor(
        min(jobs, len(tasks)), context, initializer=_start, initargs=(queue, threads)
    )
    try:
        waiting: set[Future[Outcome]] = {pool.submit(_work, task) for task in tasks}
        while waiting:
            done, waiting = wait(waiting, WATCH_S, FIRST_COMPLETED)
            for item in _drained(queue):
                told(*item)
            for future in done:
                with suppress(BrokenProcessPool):
                    yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _drained(queue: "Queue[Told]") -> Iterator[Told]:
    with suppress(Empty):
        while True:
            yield queue.get_nowait()


#: Of a worker process: where it tells its progress, and its share of the cores.
_worker: tuple["Queue[Told]", int] | None = None


def _start(queue: "Queue[Told]", threads: int) -> None:
    global _worker  # noqa: PLW0603  a pool hands its initializer's arguments on no other way
    _worker = queue, threads


def _work(task: Task) -> Outcome:
    if _worker is None:
        raise RuntimeError("not in a worker process")
    queue, threads = _worker
    return analyze_study(
        task,
        _models(threads),
        lambda stage, part: queue.put((task.study_uid, stage, part)),
    )


@cache
def _models(threads: int) -> Models:
    return load_models(threads)
