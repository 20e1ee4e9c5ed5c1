"""Find studies in folders, zip files and single files, by their StudyInstanceUID.

Nothing is unpacked to disk, and no zip file is trusted: how large an entry is, is
counted while it is read, never believed.
"""

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from pydicom import Dataset

from inference.dicom import read_instance
from inference.dicom.files import HEAD_BYTES, MAX_FILE_BYTES, looks_like_dicom
from inference.errors import NotDicomError, UnsuitableStudyError

MAX_ZIP_ENTRIES: Final = 100_000  # our choice: above any collection in one file
#: Unpacked size of all that is read from a zip file. Our choice: MR images shrink to a
#: half or a third, blank ones to a hundredth.
MAX_ZIP_BYTES: Final = 64 << 30
MAX_ZIP_RATIO: Final = 100
SMALL_ZIP_BYTES: Final = 1 << 30  # the ratio does not matter below
ZIP_START: Final = b"PK\x03\x04"
READ_ERRORS: Final = (
    OSError,
    EOFError,
    RuntimeError,  # encrypted
    NotImplementedError,  # an unknown compression
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Source:
    """One file, or one entry of a zip file.

    Attributes:
        path: The file.
        entry: Number of the entry in the zip file, ``None`` for a plain file.

    """

    path: Path
    entry: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class FoundStudy:
    """One study, as it was found.

    Attributes:
        study_uid: StudyInstanceUID.
        first_instances: One instance of each series, by SeriesInstanceUID.
        sources: All instances of each series, by SeriesInstanceUID and SOPInstanceUID;
            of copies the first.

    """

    study_uid: str
    first_instances: dict[str, Dataset] = field(default_factory=dict)
    sources: dict[str, dict[str, Source]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Found:
    """What a search found.

    Attributes:
        studies: By StudyInstanceUID.
        others: How many files are not DICOM.
        unreadable: Why files could not be read, and how many.

    """

    studies: dict[str, FoundStudy] = field(default_factory=dict)
    others: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)

    def add(self, source: Source, content: bytes) -> None:
        """Put one file where it belongs."""
        try:
            dataset = read_instance(content)
            study_uid, series_uid, instance_uid = (
                _uid(dataset, name)
                for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
            )
        except NotDicomError:
            self.others += 1
            return
        except UnsuitableStudyError as error:
            self.unreadable[str(error)] += 1
            return
        study = self.studies.setdefault(study_uid, FoundStudy(study_uid=study_uid))
        study.first_instances.setdefault(series_uid, _without_pixels(dataset))
        study.sources.setdefault(series_uid, {}).setdefault(instance_uid, source)


def find_studies(paths: Sequence[Path]) -> Found:
    """Look at every file of the folders, zip files and files.

    What cannot be read is counted, and does not stop the search.
    """
    found = Found()
    for path in _files(paths):
        try:
            if _is_zip(path):
                for source, content in _entries(path, found):
                    found.add(source, content)
            elif path.stat().st_size > MAX_FILE_BYTES:
                found.unreadable[f"a file is larger than {MAX_FILE_BYTES} bytes"] += 1
            else:
                found.add(Source(path=path), path.read_bytes())
        except READ_ERRORS as error:
            found.unreadable[f"a file cannot be read: {error}"] += 1
        except UnsuitableStudyError as error:
            found.unreadable[str(error)] += 1
    return found


def read_sources(sources: Sequence[Source]) -> Iterator[bytes]:
    """Yield the content of each source.

    Raises:
        UnsuitableStudyError: One is gone, broken or too large.

    """
    with ExitStack() as stack:
        archives: dict[Path, zipfile.ZipFile] = {}
        for source in sources:
            try:
                if source.entry is None:
                    yield source.path.read_bytes()
                    continue
                if source.path not in archives:
                    archive = stack.enter_context(zipfile.ZipFile(source.path))
                    archives[source.path] = archive
                archive = archives[source.path]
                with archive.open(archive.infolist()[source.entry]) as file:
                    yield _bounded(file, b"")
            except READ_ERRORS as error:
                raise UnsuitableStudyError(f"a file cannot be read: {error}") from error


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(item for item in path.rglob("*") if item.is_file())
        else:
            yield path


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(ZIP_START)) == ZIP_START


def _entries(path: Path, found: Found) -> Iterator[tuple[Source, bytes]]:
    """Yield the entries of a zip file that look like DICOM.

    Raises:
        UnsuitableStudyError: It holds more than the limits allow.

    """
    left = min(MAX_ZIP_BYTES, max(SMALL_ZIP_BYTES, MAX_ZIP_RATIO * path.stat().st_size))
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_ZIP_ENTRIES:
            raise UnsuitableStudyError(
                f"a zip file has {len(entries)} entries, at most {MAX_ZIP_ENTRIES}"
            )
        for number, entry in enumerate(entries):
            if entry.is_dir():
                continue
            try:
                with archive.open(entry) as file:
                    head = file.read(HEAD_BYTES)
                    content = _bounded(file, head) if looks_like_dicom(head) else b""
            except (*READ_ERRORS, UnsuitableStudyError) as error:
                found.unreadable[f"an entry of a zip file cannot be read: {error}"] += 1
                continue
            left -= len(content)
            if left < 0:
                raise UnsuitableStudyError("a zip file unpacks to more than is allowed")
            if content:
                yield Source(path=path, entry=number), content
            else:
                found.others += 1


def _bounded(file: IO[bytes], head: bytes) -> bytes:
    rest = file.read(MAX_FILE_BYTES + 1)
    if len(rest) > MAX_FILE_BYTES:
        raise UnsuitableStudyError(f"a file is larger than {MAX_FILE_BYTES} bytes")
    return head + rest


def _uid(dataset: Dataset, name: str) -> str:
    value = str(dataset.get(name) or "")
    if not value:
        raise UnsuitableStudyError(f"a file has no {name}")
    return value


def _without_pixels(dataset: Dataset) -> Dataset:
    for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"):
        if name in dataset:
            del dataset[name]
    return dataset
