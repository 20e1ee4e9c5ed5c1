"""How another server can fail.

UpstreamError
├── SessionEndedError       the EHR no longer accepts the access token
├── DiscoveryError          the EHR's SMART configuration is unusable
├── EhrError                the FHIR server failed
│   ├── ForeignAddressError it leads to another server
│   ├── WriteFailedError    it failed while a report was being written
│   ├── RefusedError        it turned away what a report was written as
│   ├── UnversionedError    it does not tell the version of what would be updated
│   └── StillStandingError  it did not let all of a report be withdrawn
└── ArchiveError            the image archive failed
    ├── StudyNotInArchiveError  it does not hold the study
    ├── TruncatedSeriesError    it sent a part of the series
    └── NotStoredError          it did not take what was to be stored
"""

from collections.abc import Sequence

from smart_app.errors import UpstreamError


class SessionEndedError(UpstreamError):
    """The EHR no longer accepts the access token."""

    title = "The session with the EHR has ended"
    advice = (
        "The EHR no longer accepts this session. "
        "Open the application again from the patient's chart."
    )


class DiscoveryError(UpstreamError):
    """The EHR's SMART configuration cannot be read or used."""

    title = "The EHR could not be reached"
    advice = (
        "The EHR did not say how to sign in. Nothing was read. "
        "Try again in a minute; if it happens again, tell the administrator."
    )


class EhrError(UpstreamError):
    """The FHIR server failed."""

    title = "The EHR did not answer properly"
    advice = (
        "The EHR failed while it was asked. Try again in a minute; if it happens "
        "again, tell the administrator of the EHR."
    )


class ForeignAddressError(EhrError):
    """The FHIR server leads to another server, which is never asked."""

    title = "The EHR points to another server"
    advice = (
        "The EHR wanted this application to ask another server. That was not done, and "
        "nothing was sent there. Tell the administrator of the EHR."
    )


class WriteFailedError(EhrError):
    """The FHIR server failed while a report was being written."""

    title = "The report was not written completely"
    advice = (
        "The EHR failed while the report was being written. Your signature is kept. "
        "Try again: what has arrived already is found and is not written twice."
    )


class RefusedError(EhrError):
    """The FHIR server turned away what a report was written as.

    Attributes:
        refused: Type of the resource, or ``"transaction"``.

    """

    title = "The EHR did not take the report in this form"
    advice = (
        "Your signature is kept. Below stands what this EHR may take instead: read it, "
        "then try again. What has arrived already is not written twice."
    )

    def __init__(self, refused: str, *, status: int | None = None) -> None:
        super().__init__(f"{refused}: status {status}", status=status)
        self.refused = refused


class UnversionedError(EhrError):
    """The FHIR server tells no version, so an update could undo somebody's change."""

    title = "The EHR does not say which version it has"
    advice = (
        "Nothing was changed, because a change by somebody else could be lost. "
        "Make the change in the EHR itself."
    )


class StillStandingError(EhrError):
    """The FHIR server did not let all of a report be withdrawn."""

    title = "The EHR did not let all of the report be withdrawn"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        marked: int = 0,
        unchanged: Sequence[str] = (),
    ) -> None:
        super().__init__(message, status=status)
        self.advice = (
            f"{marked} resources are marked as entered in error. The EHR refused to "
            f"change these: {', '.join(unchanged)}. They stand in the chart as before: "
            "correct them in the EHR itself, or let its administrator grant updates "
            "and withdraw the report again."
        )


class ArchiveError(UpstreamError):
    """The image archive failed."""

    title = "The image archive did not answer"
    advice = (
        "The archive with the images could not be reached or failed. Nothing was "
        "analyzed. Try again in a minute; if it happens again, tell the imaging "
        "department."
    )


class StudyNotInArchiveError(ArchiveError):
    """The chart names a study that the archive does not hold."""

    title = "The images are not in the archive"
    advice = (
        "The chart names an imaging study that the archive does not hold. Nothing "
        "was analyzed. Ask the imaging department for the images."
    )


class TruncatedSeriesError(ArchiveError):
    """The archive sent only a part of the series, or unreadable images."""

    title = "The images arrived incomplete"
    advice = (
        "The archive sent fewer or damaged images of the series. Nothing was analyzed, "
        "because measurements on a part could be wrong. Try again; if it happens "
        "again, ask the imaging department to send the study again."
    )


class NotStoredError(ArchiveError):
    """The archive did not take the DICOM objects of a signed report."""

    title = "The image archive did not take the masks and measurements"

    def __init__(
        self, message: str, *, status: int | None = None, reasons: Sequence[str] = ()
    ) -> None:
        super().__init__(message, status=status)
        said = f" It said: {'; '.join(reasons)}." if reasons else ""
        self.advice = (
            f"The report in the chart is not affected.{said} Try again; if it happens "
            "again, tell the imaging department."
        )
