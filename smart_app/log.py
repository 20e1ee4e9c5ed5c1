"""Logging: once per process, without anything that may say something of a person."""

import logging
import traceback
from types import TracebackType
from typing import Final

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
#: These write URLs, and URLs of a FHIR server name the patient.
CHATTY: Final = ("urllib3", "fhirclient", "dicomweb_client", "pydicom", "authlib")

ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
)


class FramesOnlyFormatter(logging.Formatter):
    """Shows where an unexpected error came from, and never its message.

    Messages of other people's errors quote the value that they dislike: a name, an
    identifier, a whole resource.
    """

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - name of the stdlib
        """Return frames and class names along the chain of causes."""
        lines: list[str] = []
        error = ei[1]
        while error is not None:
            lines += traceback.format_tb(error.__traceback__)
            lines.append(f"{type(error).__module__}.{type(error).__qualname__}\n")
            error = error.__cause__ or error.__context__
        return "".join(lines).rstrip()


def configure_logging() -> None:
    """Send the log to stderr; libraries that write URLs only report errors."""
    handler = logging.StreamHandler()
    handler.setFormatter(FramesOnlyFormatter(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
