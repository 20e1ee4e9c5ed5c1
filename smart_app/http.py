"""How this application talks HTTP to other servers: bounded in every way."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import (
    DecodeError,
    InvalidHeader,
    ProtocolError,
    ReadTimeoutError,
)
from urllib3.util import Retry

from smart_app.errors import UpstreamError

MAX_RETRY_AFTER_S: Final = 10  # our choice: a person is waiting
#: Our choice: an imaging server that fetches images first asks for 30 s of patience
#: (SMART Imaging Access 0.1.0), up to three times.
MAX_WARM_UP_S: Final = 45
#: Our choice: a hundred large resources are below 1 MiB.
MAX_BODY_BYTES: Final = 32 * 2**20
#: Our choice: how many time-outs one answer may take that comes drop by drop.
TIMEOUTS_PER_ANSWER: Final = 3
BACKOFF_S: Final = 0.5  # our choice: doubled with every attempt
BUSY_STATUSES: Final = (429, 503)
GATEWAY_TIMEOUT: Final = 504
_CHUNK_BYTES: Final = 2**16


class OversizedBodyError(requests.RequestException):
    """The body of an answer is larger than any that makes sense."""


class SlowBodyError(requests.Timeout):
    """The body of an answer comes, but does not come to an end."""


class _Retry(Retry):
    """Waits as ``Retry-After`` says; what is no time in it counts as absent."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        try:
            return super().get_retry_after(response)
        except InvalidHeader:
            return None


class _BoundedAdapter(HTTPAdapter):
    """Sends with a time-out, repeats reads that a busy server turned away.

    A body is read as far as its limits of size and time allow.
    """

    def __init__(self, timeout_s: float, max_body_bytes: int, max_wait_s: int) -> None:
        self._timeout_s = timeout_s
        self._max_body_bytes = max_body_bytes
        retry = _Retry(
            total=3,
            connect=1,
            read=1,
            status_forcelist=BUSY_STATUSES,
            allowed_methods={"GET"},
            backoff_factor=BACKOFF_S,
            retry_after_max=max_wait_s,
            raise_on_status=False,
        )
        super().__init__(max_retries=retry)

    def send(  # noqa: PLR0913, PLR0917 - the signature of requests
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - idem
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002 - idem
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        """Add the time-out where the caller gave none, and read the body.

        Raises:
            OversizedBodyError: The body is too large.
            SlowBodyError: It takes too long.

        """
        timeout = timeout or self._timeout_s
        response = super().send(request, stream, timeout, verify, cert, proxies)
        if not stream:
            self._read(response)
        return response

    def _read(self, response: requests.Response) -> None:
        give_up_at = time.monotonic() + TIMEOUTS_PER_ANSWER * self._timeout_s
        body = bytearray()
        for part in arriving(response):
            body += part
            if len(body) > self._max_body_bytes:
                response.close()
                raise OversizedBodyError(f"more than {self._max_body_bytes} bytes")
            if time.monotonic() > give_up_at:
                response.close()
                raise SlowBodyError("the body takes too long")
        response._content = bytes(body)  # noqa: SLF001 - as requests itself does


def arriving(response: requests.Response) -> Iterator[bytes]:
    """Yield a body as it arrives; ``requests`` waits until a chunk is full."""
    try:
        while part := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            yield part
    except (ProtocolError, ReadTimeoutError) as error:
        raise requests.ConnectionError(error) from error
    except DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error) from error


def harden(
    session: requests.Session,
    timeout_s: float,
    *,
    max_body_bytes: int = MAX_BODY_BYTES,
    max_wait_s: int | None = None,
) -> None:
    """Give a session limits of time and size, bounded retries, and no redirects.

    Args:
        session: The session.
        timeout_s: Longest wait for a sign of life.
        max_body_bytes: Longest body.
        max_wait_s: Longest pause that a busy server may ask for (``Retry-After``),
            ``MAX_RETRY_AFTER_S`` where absent.

    """
    wait_s = max_wait_s or MAX_RETRY_AFTER_S
    adapter = _BoundedAdapter(timeout_s, max_body_bytes, wait_s)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.max_redirects = 0  # a redirect raises before a second host is asked


@contextmanager
def translated(error_class: type[UpstreamError], what: str) -> Iterator[None]:
    """Turn what ``requests`` raises into our error, without URLs in the message."""
    try:
        yield
    except requests.HTTPError as error:
        status = None if error.response is None else error.response.status_code
        raise error_class(f"{what}: status {status}", status=status) from error
    except (requests.RequestException, RecursionError) as error:
        # the second is what Python says of JSON that is nested without an end
        name = type(error).__name__
        raise error_class(f"{what}: {name}") from error


def json_object(response: requests.Response) -> dict[str, Any]:
    """Return the JSON object of a good answer.

    Raises:
        requests.RequestException: The status is an error, or the body no object.

    """
    response.raise_for_status()
    body = response.json()
    if not isinstance(body, dict):
        raise requests.exceptions.InvalidJSONError("the body is no JSON object")
    return body
