"""The image archive, through dicomweb-client (DICOM PS3.18: QIDO, WADO and STOW-RS).

What came is counted against what the archive said that it holds, and every image must
be whole (``wado``). Worker only: this imports pydicom.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Self

import requests
from dicomweb_client import DICOMwebClient
from pydicom import Dataset
from pydicom.errors import InvalidDicomError
from requests.auth import AuthBase

from smart_app.archive.answers import StoreAnswer, store_answer
from smart_app.archive.wado import Wado
from smart_app.ehrs.issuers import Issuer
from smart_app.http import MAX_WARM_UP_S, harden, translated
from smart_app.upstream_errors import (
    ArchiveError,
    NotStoredError,
    StudyNotInArchiveError,
    TruncatedSeriesError,
)

MAX_INSTANCES: Final = 4096  # our choice: as many frames as are read of a series
HTTP_NOT_FOUND: Final = 404
MAX_METADATA_BYTES: Final = 2**27  # our choice: 32 KiB of JSON for each of 4096
MAX_SERIES_BYTES: Final = 2**30  # our choice: more than any series of slices
#: Statuses of a service that does not search, but perhaps sends what it is asked for.
NO_SEARCH: Final = frozenset({400, 404, 405, 406, 501})
TAGS: Final = {"PatientID": "00100020", "AccessionNumber": "00080050"}
STUDY_UID: Final = "0020000D"
SERIES_UID: Final = "0020000E"
INSTANCE_UID: Final = "00080018"

Json = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyHit:
    """A study with MR that an archive lists.

    Attributes:
        study_uid: StudyInstanceUID.
        study_date: StudyDate, ``YYYYMMDD`` or empty.
        description: StudyDescription, empty where the archive does not tell it.

    """

    study_uid: str
    study_date: str
    description: str


class Archive:
    """One DICOMweb service with its login."""

    def __init__(
        self, url: str, auth: AuthBase | tuple[str, str] | None, timeout_s: float
    ) -> None:
        session = requests.Session()
        session.auth = auth
        session.trust_env = auth is not None  # no login from a .netrc
        harden(
            session,
            timeout_s,
            max_body_bytes=MAX_METADATA_BYTES,
            max_wait_s=MAX_WARM_UP_S,
        )
        client = DICOMwebClient(url, session, timeout=timeout_s)
        client.set_http_retry_params(retry=False)  # our session repeats what may be
        self._client = client
        self._session = session
        self._listed: dict[str, list[str]] = {}
        self._fetched: dict[str, Dataset] = {}

    @classmethod
    def of(cls, issuer: Issuer, timeout_s: float) -> Self:
        """Return the archive of the list of EHRs."""
        return cls(issuer.dicomweb_url, issuer.dicomweb_login, timeout_s)

    def studies(self, **attributes: str) -> list[StudyHit]:
        """Return the studies with MR that have these attributes.

        Args:
            attributes: Values by their DICOM keyword, such as ``PatientID``; wildcards
                are taken literally, and what has another value is left out.

        Raises:
            ArchiveError: The archive does not answer.

        """
        if not all(
            value and not set(value) & set("*?\\") for value in attributes.values()
        ):
            return []
        with _translated():
            found = self._client.search_for_studies(
                search_filters={**attributes, "ModalitiesInStudy": "MR"},
                fields=["StudyDescription"],
            )
        return [
            StudyHit(
                study_uid=_value(item, STUDY_UID),
                study_date=_text(item, "00080020"),
                description=_text(item, "00081030"),
            )
            for item in found
            if all(
                _text(item, TAGS[name]) in {value, ""}
                for name, value in attributes.items()
            )
        ]

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
        try:
            found = dict(self._searched(study_uid))
        except ArchiveError as error:
            if error.status not in NO_SEARCH:
                raise
            found = self._listed_by_wado(study_uid)
        if not found:
            raise StudyNotInArchiveError("no MR series of this study")
        return found

    def _searched(self, study_uid: str) -> Iterator[tuple[str, Dataset]]:
        with _translated():
            series = self._client.search_for_series(
                study_uid, search_filters={"Modality": "MR"}
            )
        for series_uid in (_value(item, SERIES_UID) for item in series):
            with suppress(StudyNotInArchiveError):  # an empty series
                yield series_uid, self.header(study_uid, series_uid)

    def _listed_by_wado(self, study_uid: str) -> dict[str, Dataset]:
        """List a study by its metadata, or by fetching it: some cannot be searched."""
        try:
            with _translated():
                items = self._client.retrieve_study_metadata(study_uid)
                datasets = [_from_json(item) for item in items]
        except ArchiveError as error:
            if error.status not in NO_SEARCH:
                raise
            with _translated():
                datasets = self._wado().study(study_uid)
            self._fetched = {str(item.SOPInstanceUID): item for item in datasets}
        found: dict[str, Dataset] = {}
        for item in datasets:
            if item.get("Modality") == "MR":
                series_uid = str(item.SeriesInstanceUID)
                found.setdefault(series_uid, item)
                uids = self._listed.setdefault(series_uid, [])
                uids.append(str(item.SOPInstanceUID))
        return found

    def _wado(self) -> Wado:
        return Wado(self._session, self._client.base_url, MAX_SERIES_BYTES)

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
            listed = self._listed.get(series_uid) or self._instance_uids(
                study_uid, series_uid
            )
            if not listed:
                raise StudyNotInArchiveError("no instance of this series")
            found = self._fetched or self._wado().instances(
                study_uid, series_uid, listed
            )
        datasets = [found[uid] for uid in listed if uid in found]
        if len(datasets) < len(listed):
            raise TruncatedSeriesError(
                f"{len(datasets)} whole instances came, {len(listed)} were listed"
            )
        return datasets

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
            return _from_json(metadata)

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

    def url_of(self, instance: Dataset) -> str:
        """Return where WADO-RS sends an instance."""
        return (
            f"{self._client.base_url}/studies/{instance.StudyInstanceUID}"
            f"/series/{instance.SeriesInstanceUID}"
            f"/instances/{instance.SOPInstanceUID}"
        )

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


def _from_json(item: Json) -> Dataset:
    return Dataset.from_json(item, bulk_data_uri_handler=_skip_bulk_data)


def _skip_bulk_data(_uri: str) -> None:
    """Leave pixels where they are."""


def _value(item: Json, tag: str) -> str:
    return str(item[tag]["Value"][0])


def _text(item: Json, tag: str) -> str:
    values = item.get(tag, {}).get("Value") or [""]
    return str(values[0]).strip()
