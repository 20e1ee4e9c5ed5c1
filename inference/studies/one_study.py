"""Analyze one study and write its folder, or the reason why not."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from pydicom import Dataset

from inference.dicom import identity_of, read_instance, study_of
from inference.errors import InferenceError, ModelError
from inference.outputs.folder import Order, is_complete, write_refusal, write_results
from inference.outputs.report_json import SCHEMA_VERSION, Refusal
from inference.pipeline import Models, Progress, analyze
from inference.results import CaseReport, ClinicalFeatures
from inference.studies.search import Source, read_sources

#: Kinds of files that a result depends on, besides the images and the models.
PROGRAM: Final = frozenset({".py", ".csv", ".toml", ".json"})

_log = logging.getLogger(__name__)


class State(StrEnum):
    """What became of a study."""

    ANALYZED = "analyzed"
    KEPT = "kept from an earlier run"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked of every study.

    Attributes:
        level_shift: By how many all names of levels are moved.
        radiomics: Whether radiomic features are written too.

    """

    level_shift: int = 0
    radiomics: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One study to analyze.

    Attributes:
        study_uid: StudyInstanceUID.
        sources: Instances of the series that was chosen.
        folder: Where its files go.
        wishes: What is asked of every study.

    """

    study_uid: str
    sources: tuple[Source, ...]
    folder: Path
    wishes: Wishes = Wishes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one study.

    Attributes:
        study_uid: StudyInstanceUID.
        folder: Where its files are.
        state: What happened.
        report: What was measured, ``None`` where nothing was or it was before.
        refusal: Why nothing was measured.

    """

    study_uid: str
    folder: Path
    state: State
    report: CaseReport | None = None
    refusal: Refusal | None = None


def analyze_study(task: Task, models: Models, progress: Progress) -> Outcome:
    """Analyze one study and write its folder, or the reason why not.

    Raises:
        ModelError: The fault is not the study's.

    """
    try:
        return _analyzed(task, models, progress)
    except ModelError:
        raise
    except InferenceError as error:
        return refused(task.study_uid, task.folder, error)
    except Exception as error:  # noqa: BLE001  a batch goes on; the log says what it was
        _log.exception("a study failed")
        return refused(task.study_uid, task.folder, error)


def _analyzed(task: Task, models: Models, progress: Progress) -> Outcome:
    contents = list(read_sources(task.sources))
    fingerprint = _fingerprint(contents, models, task.wishes)
    if is_complete(task.folder, fingerprint):
        return Outcome(study_uid=task.study_uid, folder=task.folder, state=State.KEPT)
    datasets = [read_instance(content) for content in contents]
    analysis = analyze(
        datasets,
        features=features_of(datasets),
        models=models,
        progress=progress,
        level_shift=task.wishes.level_shift,
    )
    order = Order(
        fingerprint=fingerprint,
        created=datetime.now().astimezone(),
        radiomics=task.wishes.radiomics,
    )
    write_results(task.folder, analysis, datasets, order)
    return Outcome(
        study_uid=task.study_uid,
        folder=task.folder,
        state=State.ANALYZED,
        report=analysis.report,
    )


def features_of(datasets: Sequence[Dataset]) -> ClinicalFeatures:
    """Return what the images say of the patient: age on that day, and sex."""
    identity, day = identity_of(datasets[0]), study_of(datasets).acquired_on
    born = identity.birth_date
    age = None
    if born is not None and day is not None and born <= day:
        age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return ClinicalFeatures(age_years=age, sex=identity.sex)


def _fingerprint(contents: Sequence[bytes], models: Models, wishes: Wishes) -> str:
    images = sorted(hashlib.sha256(content).hexdigest() for content in contents)
    parts = (getattr(models, part.name) for part in fields(models))
    versions = (part.version.sha256 for part in parts)
    said = (program_sha256(), repr(wishes), *versions, *images)
    return hashlib.sha256(" ".join(said).encode()).hexdigest()


@cache
def program_sha256() -> str:
    """Return the hash of all code, tables and manifests of models of ``inference``."""
    files = sorted(Path(__file__).parents[1].rglob("*"))
    parts = [path.read_bytes() for path in files if path.suffix in PROGRAM]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def refused(study_uid: str, folder: Path, error: Exception) -> Outcome:
    """Write why a study was not analyzed, in place of what an earlier run wrote."""
    refusal = Refusal(
        schema_version=SCHEMA_VERSION,
        study_uid=study_uid,
        created=datetime.now().astimezone(),
        error=type(error).__name__,
        message=str(error),
        advice=getattr(error, "advice", InferenceError.advice),
    )
    write_refusal(folder, refusal)
    return Outcome(
        study_uid=study_uid, folder=folder, state=State.REFUSED, refusal=refusal
    )
