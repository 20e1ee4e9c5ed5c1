"""An archive that sends a part of a series is noticed, however it cuts."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests

from sandbox.services import Archive as Orthanc
from smart_app.archive import Archive
from smart_app.issuers import Issuer
from smart_app.upstream_errors import (
    ArchiveError,
    StudyNotInArchiveError,
    TruncatedSeriesError,
)
from tests.smart_app.charts import images
from tests.smart_app.conftest import Store

Cut = Callable[[bytes], bytes]


def client(url: str, login: tuple[str, str]) -> Archive:
    issuer = Issuer(
        url="https://ehr.example",
        name="",
        client_id="",
        client_secret=None,
        private_keys=(),
        dicomweb_url=url,
        dicomweb_login=login,
    )
    return Archive(issuer, timeout_s=3)


@contextmanager
def cutting(orthanc: Orthanc, cut: Cut) -> Iterator[Archive]:
    """Stand between client and archive and cut every multipart body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            names = ("Accept", "Authorization")
            headers = {name: self.headers[name] for name in names}
            url = orthanc.dicomweb_url + self.path
            answer = requests.get(url, headers=headers, timeout=5)
            kind = answer.headers["Content-Type"]
            is_images = kind.startswith("multipart")
            body = cut(answer.content) if is_images else answer.content
            self.send_response(answer.status_code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield client(url, (orthanc.user, orthanc.password))
        server.shutdown()


def without_last_part(body: bytes) -> bytes:
    boundary = body[: body.index(b"\r\n", 2)].strip()
    *kept, _last, end = body.split(boundary)
    return boundary.join([*kept, end])


@pytest.fixture
def uids(store: Store) -> tuple[str, str]:
    """Study and series that the archive holds."""
    series = images()
    return store(series), str(series[0].SeriesInstanceUID)


def test_a_whole_series_comes_through(archive: Orthanc, uids: tuple[str, str]) -> None:
    with cutting(archive, lambda body: body) as whole:
        assert len(whole.series(*uids)) == 3
        (first,) = whole.first_instances(uids[0]).values()
    assert str(first.PatientName) == "Example^Ada"
    assert "PixelData" not in first or not first.PixelData


@pytest.mark.parametrize(
    "cut",
    [
        without_last_part,
        lambda body: body[: len(body) // 2],
        lambda body: body[: int(len(body) * 0.9)],
        lambda body: body[:-120],
        lambda _: b"",
    ],
)
def test_a_cut_body_is_never_taken_for_a_series(
    archive: Orthanc, uids: tuple[str, str], cut: Cut
) -> None:
    with cutting(archive, cut) as part, pytest.raises(TruncatedSeriesError):
        part.series(*uids)


def test_a_study_that_is_not_there(archive: Orthanc) -> None:
    whole = client(archive.dicomweb_url, (archive.user, archive.password))
    with pytest.raises(StudyNotInArchiveError, match="no MR series"):
        whole.first_instances("1.2.3.4")
    with pytest.raises(StudyNotInArchiveError, match="404"):
        whole.series("1.2.3.4", "1.2.3.4.5")


def test_a_wrong_password_is_an_error_without_the_password(archive: Orthanc) -> None:
    secret = base64.b64encode(b"wrong").decode()
    with pytest.raises(ArchiveError, match="401") as raised:
        client(archive.dicomweb_url, ("spoils", secret)).first_instances("1.2.3")
    assert secret not in str(raised.value)
