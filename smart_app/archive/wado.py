"""Instances by WADO-RS (DICOM PS3.18, 10.4), whole or not at all.

A series is asked for once; what did not come, or came damaged, is asked for instance by
instance, so that a cut body, a partial answer (206) or a token that expires on the way
costs only what is missing. An archive that cannot send the syntax that was asked for
(406) is asked for another one. Worker only: this imports pydicom.
"""

import logging
from collections.abc import Collection, Iterator
from typing import Final

import requests
from pydicom import Dataset

from inference.dicom import read_instance
from inference.errors import UnsuitableStudyError
from smart_app.archive.multipart import parts
from smart_app.http import arriving

#: What is asked for, one after the other until an archive can send it: as its own
#: default, as it is stored, uncompressed, and as one instance without multipart.
ACCEPTED: Final = (
    'multipart/related; type="application/dicom"',
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1',
    "application/dicom",
)
NOT_ACCEPTABLE: Final = frozenset({406, 415})
#: Statuses of an archive that does not send series, but perhaps instances.
NO_SERIES: Final = NOT_ACCEPTABLE | {400, 404, 405, 413, 500, 501, 502, 504}
ATTEMPTS: Final = 2  # our choice: for each instance that did not come with the series
MAX_FAILURES: Final = 3  # our choice: in a row, then the archive is not there
MAX_INSTANCE_BYTES: Final = 256 * 2**20  # as ``inference.dicom`` reads them

logger = logging.getLogger(__name__)


class Wado:
    """Downloads from one DICOMweb service."""

    def __init__(self, session: requests.Session, url: str, max_bytes: int) -> None:
        self._session = session
        self._url = url
        self._left = max_bytes
        self._accepted = list(ACCEPTED)

    def instances(
        self, study_uid: str, series_uid: str, wanted: Collection[str]
    ) -> dict[str, Dataset]:
        """Return those of the wanted instances that the archive sends whole.

        Args:
            study_uid: StudyInstanceUID.
            series_uid: SeriesInstanceUID.
            wanted: SOPInstanceUIDs; others that come are passed over.

        Raises:
            requests.RequestException: The archive does not answer, or refuses.

        """
        url = f"{self._url}/studies/{study_uid}/series/{series_uid}"
        found: dict[str, Dataset] = {}
        try:
            self._collect(url, wanted, found)
        except requests.HTTPError as error:
            if _status(error) not in NO_SERIES:
                raise
            logger.info("the archive sends no series: status %s", _status(error))
        except requests.RequestException as error:
            logger.warning("a series came in part: %s", type(error).__name__)
        missing = [uid for uid in wanted if uid not in found]
        if missing:
            logger.info("%s of %s instances asked again", len(missing), len(wanted))
        failures = 0
        for uid in (uid for uid in missing for _ in range(ATTEMPTS)):
            if uid in found:
                continue
            try:
                self._collect(f"{url}/instances/{uid}", [uid], found)
                failures = 0
            except requests.RequestException:
                failures += 1
                if failures == MAX_FAILURES:
                    raise
        return found

    def study(self, study_uid: str) -> list[Dataset]:
        """Return all instances of a study, for archives that send only whole ones.

        Raises:
            requests.RequestException: The archive does not answer, or what came is
                cut: nothing tells what is missing.

        """
        datasets = []
        for part, is_sure in self._parts(f"{self._url}/studies/{study_uid}"):
            dataset = _read(part)
            if dataset is None or not is_sure:
                raise requests.exceptions.ChunkedEncodingError("the study is cut")
            datasets.append(dataset)
        return datasets

    def _collect(
        self, url: str, wanted: Collection[str], found: dict[str, Dataset]
    ) -> None:
        """Add what is whole of one answer."""
        for part, is_sure in self._parts(url):
            dataset = _read(part)
            uid = str(dataset.get("SOPInstanceUID", "")) if dataset else ""
            if dataset and uid in wanted and is_whole(dataset, is_sure=is_sure):
                found.setdefault(uid, dataset)

    def _parts(self, url: str) -> Iterator[tuple[bytes, bool]]:
        """Yield the parts of an answer, and whether the end of each was seen."""
        with self._get(url) as response:
            kind = response.headers.get("Content-Type", "")
            has_length = "Content-Length" in response.headers  # which urllib3 checks
            chunks = self._chunks(response)
            try:
                for part in parts(chunks, kind, max_part_bytes=MAX_INSTANCE_BYTES):
                    yield part.body, part.is_closed or has_length
            except ValueError as error:
                raise requests.exceptions.ContentDecodingError(error) from error

    def _get(self, url: str) -> requests.Response:
        """Ask, in other words where the archive cannot answer these."""
        while True:
            headers = {"Accept": self._accepted[0]}
            response = self._session.get(url, headers=headers, stream=True)
            if response.status_code in NOT_ACCEPTABLE and len(self._accepted) > 1:
                response.close()
                del self._accepted[0]
                continue
            response.raise_for_status()
            return response

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        for chunk in arriving(response):
            self._left -= len(chunk)
            if self._left < 0:
                raise ValueError("the series is larger than the limit")
            yield chunk


def is_whole(dataset: Dataset, *, is_sure: bool = True) -> bool:
    """Tell whether the pixels that the header announces are there.

    Args:
        dataset: An instance.
        is_sure: Whether its end was seen; compressed pixels cannot be counted, and the
            decoder refuses a cut frame.

    """
    pixels = dataset.get("PixelData")
    if not pixels:
        return False
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        return is_sure
    try:
        count = dataset.Rows * dataset.Columns * int(dataset.get("SamplesPerPixel", 1))
        frames = int(dataset.get("NumberOfFrames", 1) or 1)
        announced = count * frames * (dataset.BitsAllocated // 8)
    except (AttributeError, TypeError, ValueError):
        return False
    return len(bytes(pixels)) >= int(announced)


def _read(body: bytes) -> Dataset | None:
    try:
        return read_instance(body)
    except UnsuitableStudyError:
        return None  # cut or no DICOM: asked for again


def _status(error: requests.HTTPError) -> int | None:
    return None if error.response is None else error.response.status_code
