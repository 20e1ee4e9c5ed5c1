"""How this application talks HTTP to other servers: bounded in every way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from smart_app.errors import UpstreamError

MAX_RETRY_AFTER_S = 10  # our choice: a person is waiting
BUSY_STATUSES = (429, 503)
GATEWAY_TIMEOUT = 504


class _TimeoutAdapter(HTTPAdapter):
    """Sends with a time-out, and repeats reads that a busy server turned away."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        retry = Retry(
            total=3,
            connect=1,
            read=1,
            status_forcelist=BUSY_STATUSES,
            allowed_methods={"GET"},
            backoff_factor=0.5,
            retry_after_max=MAX_RETRY_AFTER_S,
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
        """Add the time-out where the caller gave none."""
        timeout = timeout or self._timeout_s
        return super().send(request, stream, timeout, verify, cert, proxies)


def harden(session: requests.Session, timeout_s: float) -> None:
    """Give a session time-outs and bounded retries, and forbid redirects."""
    adapter = _TimeoutAdapter(timeout_s)
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
    except requests.RequestException as error:
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
