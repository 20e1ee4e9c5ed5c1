"""The image archive, through dicomweb-client (DICOM PS3.18: QIDO, WADO and STOW-RS).

What came is counted against what the archive said that it holds, and every image must
be whole (``wado``). Worker only: this imports pydicom.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import requests
from dicomweb_client import DICOMwebClient
from pydicom import Dataset
from pydicom.errors import InvalidDicomError

from smart_app.archive_answers import StoreAnswer, store_answer
from smart_app.http import harden, translated
from smart_app.issuers import Issuer
from smart_app.upstream_errors import (
    ArchiveError,
    NotStoredError,
    StudyNotInArchiveError,
    TruncatedSeriesError,
)
from smart_app.wado import Wado

MAX_INSTANCES: Final = 4096  # our choice: as many frames as are read of a series
HTTP_NOT_FOUND: Final = 404
MAX_SERIES_BYTES: Final = 2**30  # our choice: more than any series of slices
STUDY_UID: Final = "0020000D"
SERIES_UID: Final = "0020000E"
INSTANCE_UID: Final = "00080018"

Json = dict[str, dict[str, Any]]


class Archive:
    """One DICOMweb service with its login."""

    def __init__(self, issuer: Issuer, timeout_s: float) -> None:
        session = requests.Session()
        session.auth = issuer.dicomweb_login
        harden(session, timeout_s, max_body_bytes=MAX_SERIES_BYTES)
        client = DICOMwebClient(issuer.dicomweb_url, session, timeout=timeout_s)
        client.set_http_retry_params(retry=False)  # our session repeats what may be
        self._client = client
        self._session = session

    def first_instances(self, study_uid: str) -> dict[str, Dataset]:
        """Return the metadata of one instance of every MR series of a study.

        Args:
            study_uid: StudyInstanceUID.

        Returns:
            SeriesInstanceUID to dataset, without pixels.

        Raises:
            StudyNotInArchiveError: The archive holds no MR series of this study.
            ArchiveError: It does not answer.

        """
        with _translated():
            series = self._client.search_for_series(
                study_uid, search_filters={"Modality": "MR"}
            )
            found = {}
            for series_uid in (_value(item, SERIES_UID) for item in series):
                some = self._client.search_for_instances(study_uid, series_uid, limit=1)
                if some:
                    instance_uid = _value(some[0], INSTANCE_UID)
                    metadata = self._client.retrieve_instance_metadata(
                        study_uid, series_uid, instance_uid
                    )
                    found[series_uid] = Dataset.from_json(
                        metadata, bulk_data_uri_handler=_skip_bulk_data
                    )
        if not found:
            raise StudyNotInArchiveError("no MR series of this study")
        return found

    def series(self, study_uid: str, series_uid: str) -> list[Dataset]:
        """Return every instance of a series, whole.

        Args:
            study_uid: StudyInstanceUID.
            series_uid: SeriesInstanceUID.

        Raises:
            TruncatedSeriesError: Images are missing or damaged.
            ArchiveError: The archive does not answer.

        """
        with _translated():
            listed = self._instance_uids(study_uid, series_uid)
            if not listed:
                raise StudyNotInArchiveError("no instance of this series")
            wado = Wado(self._session, self._client.base_url, MAX_SERIES_BYTES)
            found = wado.instances(study_uid, series_uid, listed)
        if len(found) < len(listed):
            raise TruncatedSeriesError(
                f"{len(found)} whole instances came, {len(listed)} were listed"
            )
        return [found[uid] for uid in listed]

    def _instance_uids(self, study_uid: str, series_uid: str) -> list[str]:
        """List a series, page by page where the archive sends only some at once."""
        uids: dict[str, None] = {}
        while len(uids) <= MAX_INSTANCES:
            page = self._client.search_for_instances(
                study_uid, series_uid, offset=len(uids) or None
            )
            before = len(uids)
            uids.update(dict.fromkeys(_value(item, INSTANCE_UID) for item in page))
            # some archives know no offset and send the first page again
            if len(uids) == before:
                return list(uids)
        raise TruncatedSeriesError(f"the series has more than {MAX_INSTANCES} images")

    def header(self, study_uid: str, series_uid: str) -> Dataset:
        """Return the metadata of one instance of a series, without pixels.

        Raises:
            StudyNotInArchiveError: The archive does not hold the series.
            ArchiveError: It does not answer.

        """
        with _translated():
            some = self._client.search_for_instances(study_uid, series_uid, limit=1)
            if not some:
                raise StudyNotInArchiveError("no instance of this series")
            metadata = self._client.retrieve_instance_metadata(
                study_uid, series_uid, _value(some[0], INSTANCE_UID)
            )
            return Dataset.from_json(metadata, bulk_data_uri_handler=_skip_bulk_data)

    def count(self, study_uid: str, instance_uid: str) -> int:
        """Return how many instances of a study have this SOPInstanceUID.

        Raises:
            ArchiveError: The archive does not answer.

        """
        with _translated():
            found = self._client.search_for_instances(
                study_uid, search_filters={"SOPInstanceUID": instance_uid}
            )
        # some archives pass over filters that they do not know
        return sum(_value(item, INSTANCE_UID) == instance_uid for item in found)

    def takes_objects(self) -> bool:
        """Tell whether the archive may take objects; ``False`` where it says not."""
        try:
            answer = self._session.options(f"{self._client.base_url}/studies")
        except requests.RequestException:
            return True  # silence says nothing
        allowed = answer.headers.get("Allow", "")
        return not allowed or "POST" in allowed.upper()

    def store(self, study_uid: str, datasets: Sequence[Dataset]) -> StoreAnswer:
        """Store instances in a study that is there.

        Returns:
            What the archive says became of them, which only a search confirms.

        Raises:
            NotStoredError: The archive refused them all.
            ArchiveError: It does not answer; then they may be there or not.

        """
        try:
            with translated(ArchiveError, "archive"):
                answer = self._client.store_instances(datasets, study_uid)
        except ArchiveError as error:
            cause = error.__cause__
            if not isinstance(cause, requests.HTTPError) or cause.response is None:
                raise
            said = store_answer(_answer_of(cause.response))
            reasons = said.failed or (f"HTTP status {error.status}",)
            raise NotStoredError(
                str(error), status=error.status, reasons=reasons
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            # an answer that is no DICOM says nothing on what became of the instances
            name = type(error).__name__
            raise ArchiveError(f"archive: unreadable answer: {name}") from error
        return store_answer(answer)


def _answer_of(response: requests.Response) -> Dataset:
    try:
        return Dataset.from_json(response.json())
    except (ValueError, KeyError, TypeError, AttributeError):
        return Dataset()  # XML, HTML or nothing: the status has to do


@contextmanager
def _translated() -> Iterator[None]:
    try:
        with translated(ArchiveError, "archive"):
            yield
    except ArchiveError as error:
        if error.status == HTTP_NOT_FOUND:
            raise StudyNotInArchiveError("archive: status 404", status=404) from error
        raise
    except (InvalidDicomError, EOFError, ValueError, KeyError, OSError) as error:
        # what dicomweb-client and pydicom raise on bodies that are cut or no DICOM
        name = type(error).__name__
        raise TruncatedSeriesError(f"archive: unreadable body: {name}") from error


def _skip_bulk_data(_uri: str) -> None:
    """Leave pixels where they are."""


def _value(item: Json, tag: str) -> str:
    return str(item[tag]["Value"][0])
