"""Public keys of CDS clients, fetched from listed addresses only and kept a while."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

import requests

from smart_app.errors import UpstreamError
from smart_app.http import translated

KEPT: Final = timedelta(minutes=10)  # our choice: a withdrawn key ends that soon
#: Our choice: strangers can ask for keys that do not exist, but not flood the client.
PAUSE: Final = timedelta(seconds=30)
TIMEOUT_S: Final = 3.0  # our choice: a clinician waits for the chart to open
MAX_BYTES: Final = 256 * 1024  # our choice: a hundred keys need less
_CHUNK_BYTES: Final = 16 * 1024

Json = dict[str, Any]
Keys = dict[str, Json]


@dataclass(slots=True)
class KeyCache:
    """The keys that one process knows, and when it asked for them.

    Attributes:
        known: When an address answered last, and its keys by ``kid``.
        asked: When an address was asked last, whatever it answered.
        lock: Held while an address is asked: others wait instead of asking too.

    """

    known: dict[str, tuple[datetime, Keys]] = field(default_factory=dict)
    asked: dict[str, datetime] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def key(self, url: str, kid: str, *, now: datetime) -> Json | None:
        """Return a public JWK, ``None`` where the address has none of this name.

        Raises:
            UpstreamError: The address does not answer with keys.

        """
        if found := self._fresh(url, now).get(kid):
            return found
        with self.lock:
            if url not in self.asked or now - self.asked[url] >= PAUSE:
                self.asked[url] = now
                self.known[url] = now, _fetch(url)
            if not (keys := self._fresh(url, now)):
                raise UpstreamError("keys of the CDS client: none a moment ago")
            return keys.get(kid)

    def _fresh(self, url: str, now: datetime) -> Keys:
        answered = self.known.get(url)
        return answered[1] if answered and now - answered[0] < KEPT else {}


def _fetch(url: str) -> Keys:
    with translated(UpstreamError, "keys of the CDS client"):
        content = _content(url)
    try:
        found = json.loads(content)["keys"]
        return {key["kid"]: key for key in found if isinstance(key.get("kid"), str)}
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise UpstreamError("keys of the CDS client: no JWKS") from error


def _content(url: str) -> bytes:
    content = b""
    with requests.get(
        url, timeout=TIMEOUT_S, allow_redirects=False, stream=True
    ) as response:
        if response.status_code != requests.codes.ok:
            raise requests.HTTPError(response=response)
        for chunk in response.iter_content(_CHUNK_BYTES):
            content += chunk
            if len(content) > MAX_BYTES:
                raise requests.exceptions.ContentDecodingError("too many bytes")
    return content
