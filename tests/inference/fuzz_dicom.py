"""Fuzz the DICOM intake: ``python -m tests.inference.fuzz_dicom --cases 10000``.

Half of the cases change bytes of valid files of every transfer syntax, classic and
Enhanced; the other half let hypothesis put wrong values into headers. Whatever comes,
the intake has to give a volume or raise an ``InferenceError``: no other exception, no
crash, no hang, no more than a gigabyte. Prints the counts as JSON; ends with 1 if a
case failed. A hang is told by time on the processor, decoders included, so that other
work on the machine does not count.
"""

import argparse
import json
import os
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from inference.dicom import (
    identity_of,
    read_instance,
    read_volume,
    select_series,
    study_of,
)
from inference.dicom.header import READ_ERRORS, lenient
from inference.errors import InferenceError
from tests.inference.series import enhanced_series, small_series, small_volume
from tests.inference.syntaxes import LOSSLESS, LOSSY, NATIVE, encoded

MAX_S: Final = 5.0
MAX_MB: Final = 1024
CHUNK: Final = 100  # cases of one process
ODD_NUMBERS: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
HEADER_BYTES: Final = 1800  # of these small files: half of the changes go there
KEYWORDS: Final = (
    "AcquisitionNumber",
    "BitsAllocated",
    "BitsStored",
    "Columns",
    "DimensionIndexSequence",
    "EchoTime",
    "FrameOfReferenceUID",
    "HighBit",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "ImageType",
    "InversionTime",
    "Modality",
    "NumberOfFrames",
    "PatientID",
    "PatientBirthDate",
    "PatientName",
    "PatientSex",
    "PerFrameFunctionalGroupsSequence",
    "PhotometricInterpretation",
    "PixelData",
    "PixelRepresentation",
    "PixelSpacing",
    "RepetitionTime",
    "RescaleIntercept",
    "RescaleSlope",
    "Rows",
    "SOPInstanceUID",
    "SamplesPerPixel",
    "ScanOptions",
    "ScanningSequence",
    "SequenceName",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SharedFunctionalGroupsSequence",
    "StudyDate",
    "StudyInstanceUID",
    "TemporalPositionIndex",
    "TriggerTime",
)

Files = list[bytes]


@dataclass(kw_only=True)
class Tally:
    """What came of some cases."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest_cpu_s: float = 0.0
    peak_mb: int = 0
    decoder_peak_mb: int = 0

    def add(self, other: "Tally") -> None:
        """Take in what came of other cases."""
        self.outcomes += other.outcomes
        self.failures += other.failures
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.slowest_cpu_s = max(self.slowest_cpu_s, other.slowest_cpu_s)
        self.peak_mb = max(self.peak_mb, other.peak_mb)
        self.decoder_peak_mb = max(self.decoder_peak_mb, other.decoder_peak_mb)


@contextmanager
def timed(tally: Tally) -> Iterator[None]:
    """Take the time of one case, and fail it where it is too long."""
    wall, before = time.monotonic(), os.times()
    yield
    tally.slowest_s = max(tally.slowest_s, time.monotonic() - wall)
    cpu_s = sum(os.times()[:4]) - sum(before[:4])
    tally.slowest_cpu_s = max(tally.slowest_cpu_s, cpu_s)
    if cpu_s > MAX_S:
        raise AssertionError(f"{cpu_s:.1f} s on the processor")


def valid_files() -> list[Files]:
    """Return the same small volume in every syntax, classic and Enhanced.

    Uncompressed syntaxes come as often as compressed ones, which take longer.
    """
    series, enhanced = small_series(), enhanced_series(small_volume())
    compressed = [uid for uid in (*LOSSLESS, *LOSSY) if uid not in NATIVE]
    syntaxes = [*compressed, *islice(cycle(NATIVE), len(compressed))]
    with TemporaryDirectory() as folder:
        return [
            [encoded(item, syntax, Path(folder)) for item in items]
            for syntax in syntaxes
            for items in (series, [enhanced])
        ]


def mutated(content: bytes, draw: np.random.Generator) -> bytes:
    """Change some bytes of a file."""
    changed = bytearray(content)
    for _ in range(int(draw.integers(1, 8))):
        reach = HEADER_BYTES if draw.random() < 0.5 else len(changed)
        start = int(draw.integers(min(reach, len(changed)) + 1))
        stop = start + int(draw.integers(1, 64))
        piece = changed[start:stop]
        number = int(draw.choice(ODD_NUMBERS))
        width = int(draw.choice((2, 4)))
        replacements = (
            draw.bytes(len(piece)),
            b"",
            piece * 2,
            piece + draw.bytes(16),
            number.to_bytes(4, "little")[:width] + piece[width:],
            bytes(reversed(piece)),
            bytes([changed[start % len(changed)] ^ (1 << int(draw.integers(8)))])
            + piece[1:],
        )
        changed[start:stop] = replacements[int(draw.integers(len(replacements)))]
        if draw.random() < 0.05:
            del changed[start:]
        if not changed:
            return b""
    return bytes(changed)


def wrong_values() -> SearchStrategy[list[tuple[str, object]]]:
    """Return values of any kind for attributes that the intake reads."""
    scalars = st.one_of(
        st.none(),
        st.integers(-(2**33), 2**33),
        st.floats(),
        st.text(max_size=20),
        st.binary(max_size=20),
        st.sampled_from(["MONOCHROME1", "LOCALIZER", "1e400", "0x10", "1\\2\\3"]),
        st.builds(Dataset),
    )
    values = scalars | st.lists(scalars, max_size=7)
    return st.lists(
        st.tuples(st.sampled_from(KEYWORDS), values), min_size=1, max_size=4
    )


@lenient()
def with_wrong_values(
    datasets: Sequence[Dataset], values: Sequence[tuple[str, object]], *, all_: bool
) -> list[Dataset]:
    """Return copies of which one, or each, has other values."""
    copies = deepcopy(list(datasets))
    for item in copies if all_ else copies[:1]:
        for name, value in values:
            try:
                setattr(item, name, value)
            except READ_ERRORS:  # pydicom refuses to hold it: keep its bytes
                raw, tag = repr(value).encode(), Tag(name)
                item[tag] = RawDataElement(
                    tag=tag,
                    VR=dictionary_VR(tag),
                    length=len(raw),
                    value=raw,
                    value_tell=0,
                    is_implicit_VR=False,
                    is_little_endian=True,
                )
    return copies


def outcome_of_files(files: Sequence[bytes]) -> str:
    """Read files as the command line does: what cannot be read is left out."""
    datasets = []
    for content in files:
        try:
            datasets.append(read_instance(content))
        except InferenceError:
            continue
    return outcome_of(datasets)


def outcome_of(datasets: Sequence[Dataset]) -> str:
    """Use the whole intake; return what came of it, and let nothing else pass."""
    for step in (
        lambda: [identity_of(item) for item in datasets],
        lambda: select_series({str(key): item for key, item in enumerate(datasets)}),
        lambda: study_of(datasets),
    ):
        try:
            step()
        except InferenceError:
            continue
    try:
        voxels = read_volume(datasets).voxels
    except InferenceError as error:
        return type(error).__name__
    if not np.isfinite(voxels).all():
        raise AssertionError("a volume holds what is no number")
    return "volume"


def measured(case: str, tally: Tally, files: Sequence[bytes]) -> None:
    """Run one case of bytes."""
    try:
        with timed(tally):
            tally.outcomes[outcome_of_files(files)] += 1
    except Exception:  # noqa: BLE001  this is what is looked for
        tally.failures.append(f"{case}: {traceback.format_exc(limit=-4)}")


def fuzz_bytes(corpus: Sequence[Files], first: int, count: int) -> Tally:
    """Run cases of changed bytes; the number of a case is its seed."""
    tally = Tally()
    for number in range(first, first + count):
        draw = np.random.default_rng(number)
        files = list(corpus[number % len(corpus)])
        chosen = range(len(files)) if draw.random() < 0.3 else [0]
        for index in chosen:
            files[index] = mutated(files[index], draw)
        measured(f"bytes {number}", tally, files)
    return with_memory(tally)


def fuzz_headers(corpus: Sequence[Files], first: int, count: int) -> Tally:
    """Run cases of wrong values; hypothesis shrinks what fails."""
    tally = Tally()
    read = [[read_instance(content) for content in files] for files in corpus]

    @seed(first)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, len(read) - 1), wrong_values(), st.booleans())
    def run(
        index: int,
        values: list[tuple[str, object]],
        all_: bool,  # noqa: FBT001
    ) -> None:
        with timed(tally):
            wrong = with_wrong_values(read[index], values, all_=all_)
            tally.outcomes[outcome_of(wrong)] += 1

    try:
        run()
    except Exception:  # noqa: BLE001  this is what is looked for
        tally.failures.append(
            f"headers {first}: {traceback.format_exc(limit=-4)[-3000:]}"
        )
    return with_memory(tally)


def with_memory(tally: Tally) -> Tally:
    """Add the peaks of this process and of its decoders."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    decoders = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    tally.peak_mb, tally.decoder_peak_mb = own, decoders
    if max(own, decoders) > MAX_MB:
        tally.failures.append(f"{own} MB, decoders {decoders} MB")
    return tally


Work = Callable[[Sequence[Files], int, int], Tally]
WORKS: Final[tuple[Work, ...]] = (fuzz_bytes, fuzz_headers)


def in_a_process(work: Work, corpus: Sequence[Files], first: int, count: int) -> Tally:
    """Run cases apart, so that a crash is seen and stops nothing else."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        try:
            return process.submit(work, corpus, first, count).result()
        except BrokenProcessPool:
            return Tally(failures=[f"{work.__name__} from {first}: a crash"])


def main(argv: list[str] | None = None) -> int:
    """Run the cases and print what came of them."""
    parser = argparse.ArgumentParser(prog="fuzz_dicom", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args(argv)
    started, total, corpus = time.monotonic(), Tally(), valid_files()
    numbers = range(arguments.first, arguments.first + arguments.cases // 2)
    with ThreadPoolExecutor(arguments.jobs) as threads:
        works = [
            threads.submit(in_a_process, work, corpus, first, min(CHUNK, left))
            for first in numbers[::CHUNK]
            for left in (numbers.stop - first,)
            for work in WORKS
        ]
        for work in as_completed(works):
            total.add(work.result())
            sys.stderr.write(f"\r{sum(total.outcomes.values())} cases")
    report = {
        "cases": sum(total.outcomes.values()),
        "outcomes": dict(total.outcomes.most_common()),
        "slowest_s": round(total.slowest_s, 2),
        "slowest_cpu_s": round(total.slowest_cpu_s, 2),
        "peak_mb": total.peak_mb,
        "decoder_peak_mb": total.decoder_peak_mb,
        "total_s": round(time.monotonic() - started),
        "failures": total.failures,
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
