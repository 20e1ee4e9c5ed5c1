"""A series arrives whole from archives of every manner, or is not used at all."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from sandbox.services import Archive as Orthanc
from smart_app.archive.client import Archive
from smart_app.archive.wado import MAX_FAILURES
from smart_app.upstream_errors import (
    ArchiveError,
    StudyNotInArchiveError,
    TruncatedSeriesError,
)
from tests.smart_app.archive_proxy import (
    Answer,
    Fault,
    Forward,
    Request,
    honest,
    proxy,
)
from tests.smart_app.charts import images
from tests.smart_app.conftest import Store

SLICES = 3
BOUNDARY = b"a-boundary"
STANDARD = 'multipart/related; type="application/dicom"'

Write = Callable[[list[bytes]], Answer]


def client(url: str, login: tuple[str, str]) -> Archive:
    return Archive(url, login, timeout_s=3)


@dataclass
class Asked:
    """An archive that misbehaves, and what it was asked for."""

    archive: Archive
    retrieves: list[Request]

    @property
    def instances(self) -> int:
        """How many single instances were asked for."""
        return sum("/instances/" in request.path for request in self.retrieves)


@contextmanager
def behind(orthanc: Orthanc, fault: Fault) -> Iterator[Asked]:
    retrieves: list[Request] = []

    def noted(request: Request, forward: Forward) -> Answer:
        if request.is_retrieve:
            retrieves.append(request)
        return fault(request, forward)

    with proxy(orthanc, noted) as url:
        archive = client(url, (orthanc.user, orthanc.password))
        yield Asked(archive, retrieves)


@pytest.fixture
def uids(store: Store) -> tuple[str, str]:
    """Study and series that the archive holds."""
    series = images(slices=SLICES)
    return store(series), str(series[0].SeriesInstanceUID)


def contents(answer: Answer) -> list[bytes]:
    """Return the instances of Orthanc's answer, which follows the standard."""
    boundary = answer.body[: answer.body.index(b"\r\n", 2)].strip()
    parts = answer.body.split(boundary)[1:-1]
    return [part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in parts]


def rewritten(write: Write) -> Fault:
    """Send images as another server would."""

    def fault(request: Request, forward: Forward) -> Answer:
        answer = forward()
        return write(contents(answer)) if request.is_retrieve else answer

    return fault


def multipart(
    instances: list[bytes],
    *,
    kind: str = "multipart/related; type=application/dicom; boundary=a-boundary",
    line: bytes = b"\r\n",
    header: bytes = b"Content-Type: application/dicom",
    end: bytes = b"--",
) -> Answer:
    start = b"--" + BOUNDARY + line
    head = start + (header + line + line if header else b"")
    body = b"".join(head + item + line for item in instances)
    last = b"--" + BOUNDARY + end + line if end else b""
    return Answer(status=200, body=body + last, headers={"Content-Type": kind})


def with_words_before(items: list[bytes]) -> Answer:
    whole = multipart(items)
    return replace(whole, body=b"This is multipart.\r\n" + whole.body)


DIFFERENT: dict[str, Write] = {
    "as the standard says": multipart,
    "a quoted boundary": lambda items: multipart(
        items, kind='multipart/related;type="application/dicom";boundary="a-boundary"'
    ),
    "a type with a semicolon": lambda items: multipart(
        items,
        kind='Multipart/Related; type="application/dicom; x=1"; Boundary=a-boundary',
    ),
    "no boundary": lambda items: multipart(items, kind="multipart/related"),
    "another boundary": lambda items: multipart(
        items, kind="multipart/related; boundary=something-else"
    ),
    "no type at all": lambda items: multipart(items, kind=""),
    "line feeds alone": lambda items: multipart(items, line=b"\n"),
    "no headers in the parts": lambda items: multipart(items, header=b""),
    "more headers in the parts": lambda items: multipart(
        items, header=b"Content-Length: 9\r\nContent-Type: application/dicom"
    ),
    "no last delimiter": lambda items: multipart(items, end=b""),
    "words before the first part": with_words_before,
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_series_comes_whole_however_it_is_written(
    archive: Orthanc, uids: tuple[str, str], name: str
) -> None:
    with behind(archive, rewritten(DIFFERENT[name])) as asked:
        received = asked.archive.series(*uids)
    assert len({item.PixelData for item in received}) == SLICES
    assert asked.instances == 0


def without_last(items: list[bytes]) -> Answer:
    return multipart(items[:-1])


def partial(items: list[bytes]) -> Answer:
    return replace(multipart(items[:1]), status=206)


def cut(fraction: float) -> Write:
    def write(items: list[bytes]) -> Answer:
        whole = multipart(items)
        return replace(whole, body=whole.body[: int(len(whole.body) * fraction)])

    return write


def reset(items: list[bytes]) -> Answer:
    whole = multipart(items)
    length = {"Content-Length": str(len(whole.body))}
    half = whole.body[: len(whole.body) // 2]
    return replace(whole, body=half, headers=whole.headers | length)


def mixed(items: list[bytes]) -> Answer:
    return multipart([items[0], b"<html>", items[1][:200], items[0]])


BROKEN: dict[str, tuple[Write, int]] = {
    "the last part is not there": (without_last, 1),
    "206": (partial, 2),
    "cut in half": (cut(0.5), 2),
    "cut at nine tenths": (cut(0.9), 1),
    "the connection breaks": (reset, 2),
    "empty": (lambda _: multipart([]), 3),
    "something else between": (mixed, 2),
    "a page of HTML": (lambda _: Answer(status=200, body=b"<html>sorry</html>"), 3),
    "no series, only instances": (lambda _: Answer(status=404, body=b""), 3),
    "a gateway that gave up": (lambda _: Answer(status=504, body=b""), 3),
    "gone without an answer": (lambda _: Answer(status=None, body=b""), 3),
}


@pytest.mark.parametrize("name", BROKEN)
def test_only_what_did_not_come_is_asked_for_again(
    archive: Orthanc, uids: tuple[str, str], name: str
) -> None:
    write, missing = BROKEN[name]

    def fault(request: Request, forward: Forward) -> Answer:
        is_series = request.is_retrieve and "/instances/" not in request.path
        return write(contents(forward())) if is_series else forward()

    with behind(archive, fault) as asked:
        received = asked.archive.series(*uids)
    assert len({item.PixelData for item in received}) == SLICES
    assert asked.instances == missing


@pytest.mark.parametrize(
    "write",
    [
        cut(0.5),
        cut(0.9),
        lambda _: multipart([]),
        lambda _: Answer(status=200, body=b"<html>"),
    ],
)
def test_a_series_that_stays_cut_is_not_used(
    archive: Orthanc, uids: tuple[str, str], write: Write
) -> None:
    with (
        behind(archive, rewritten(write)) as asked,
        pytest.raises(TruncatedSeriesError, match="3 were listed"),
    ):
        asked.archive.series(*uids)


@pytest.mark.parametrize("refused", range(1, 4))
def test_another_syntax_is_asked_for_where_one_cannot_be_sent(
    archive: Orthanc, uids: tuple[str, str], refused: int
) -> None:
    accepted: list[str] = []

    def fault(request: Request, forward: Forward) -> Answer:
        accept = request.headers.get("Accept", "")
        if "application/dicom+json" in accept:
            return forward()
        if accept not in accepted:
            accepted.append(accept)
        if len(accepted) <= refused:
            return Answer(status=406, body=b"")
        if "multipart" in accept:
            return forward()
        if "/instances/" not in request.path:
            return Answer(status=406, body=b"")
        (instance,) = contents(forward(accept=STANDARD))
        kind = {"Content-Type": "application/dicom"}
        return Answer(status=200, body=instance, headers=kind)

    with behind(archive, fault) as asked:
        assert len(asked.archive.series(*uids)) == SLICES
    assert len(accepted) == refused + 1


def test_a_list_that_comes_in_pages_is_read_to_its_end(
    archive: Orthanc, uids: tuple[str, str]
) -> None:
    def fault(request: Request, forward: Forward) -> Answer:
        is_list = request.path.split("?")[0].endswith("/instances")
        if not is_list or "limit" in request.path:
            return forward()
        mark = "&" if "?" in request.path else "?"
        return forward(path=f"{request.path}{mark}limit=2")

    with behind(archive, fault) as asked:
        assert len(asked.archive.series(*uids)) == SLICES


def test_the_first_instances_come_without_pixels(
    archive: Orthanc, uids: tuple[str, str]
) -> None:
    with behind(archive, honest) as asked:
        (first,) = asked.archive.first_instances(uids[0]).values()
    assert str(first.PatientName) == "Example^Ada"
    assert "PixelData" not in first or not first.PixelData


def test_a_study_that_is_not_there(archive: Orthanc) -> None:
    whole = client(archive.dicomweb_url, (archive.user, archive.password))
    with pytest.raises(StudyNotInArchiveError, match="no MR series"):
        whole.first_instances("1.2.3.4")
    with pytest.raises(StudyNotInArchiveError):
        whole.series("1.2.3.4", "1.2.3.4.5")


def test_a_wrong_password_is_an_error_without_the_password(archive: Orthanc) -> None:
    secret = base64.b64encode(b"wrong").decode()
    with pytest.raises(ArchiveError, match="401") as raised:
        client(archive.dicomweb_url, ("spoils", secret)).first_instances("1.2.3")
    assert secret not in str(raised.value)


def test_a_series_beyond_the_limit_is_given_up(
    archive: Orthanc, uids: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smart_app.archive.client.MAX_SERIES_BYTES", 1000)
    with (
        behind(archive, honest) as asked,
        pytest.raises(ArchiveError, match="ContentDecodingError"),
    ):
        asked.archive.series(*uids)
    assert asked.instances <= MAX_FAILURES


def test_an_archive_that_went_away_is_not_asked_for_every_image(
    archive: Orthanc, uids: tuple[str, str]
) -> None:
    def gone(request: Request, forward: Forward) -> Answer:
        return Answer(status=None, body=b"") if request.is_retrieve else forward()

    with behind(archive, gone) as asked, pytest.raises(ArchiveError):
        asked.archive.series(*uids)
    # each is repeated once by the session, and the series was asked for too
    assert len(asked.retrieves) <= 2 * (1 + MAX_FAILURES)
