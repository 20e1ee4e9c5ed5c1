"""Everything ``smart_app`` raises on purpose, and the status of every error.

AppError                        message for the log, ``advice`` for the person
├── LaunchError                 the launch cannot go on (launch_errors.py)
├── NotSignedInError            no launch in this browser
│   └── SessionTimedOutError    it was away or signed in for too long
├── ForeignRequestError         a form was sent by a page of another site
├── CaseNotFoundError           no such case for this browser
├── PlanWithdrawnError          a signed plan that no longer holds
├── IdentityError               images and chart are not surely the same person
│   ├── IdentityMismatchError   they contradict each other
│   ├── UnconfirmedIdentityError  nothing confirms that they agree
│   ├── PatientChangedError     the chart says something else than before
│   └── ForeignSubjectError     what would be written is of another patient
├── SignatureError              a signature that cannot be accepted
│   ├── NotConfirmedError       the checks were not confirmed
│   ├── OutdatedPageError       the report is not the one that the signer saw
│   ├── AlreadySignedError      a signed report does not change
│   ├── ImpossibleMoveError     the names of the levels cannot be moved there
│   ├── NotReadyError           there is no report to sign
│   ├── WriteNotGrantedError    the EHR did not grant writing, or no user is known
│   ├── PlanChangedError        what the EHR takes is not what the signer saw
│   └── WriteBusyError          the same report is being written at this moment
├── CdsRequestError             a CDS Hooks request that is not understood
│   ├── CdsTokenError           its token is absent or not valid
│   └── CdsClientError          its sender may not ask
├── NoAuthorityError            nobody is signed in whose tokens a command may use
├── WorkerLostError             the worker stopped again and again
├── JobTooLongError             the analysis took far too long
├── LeaseLostError              another worker has taken this job over
└── UpstreamError               another server failed (upstream_errors.py)
"""

from fhir_mappings.errors import MappingError, NoImagingStudyError
from inference.errors import (
    InferenceError,
    ModelError,
    UnmeasurableError,
    UnsuitableStudyError,
)


class AppError(Exception):
    """Base class. The message is for the log, ``advice`` is for the person."""

    title = "This did not work"
    #: What happened and what to do next, safe to show: no identifiers, no paths.
    advice = "Something failed in this application."


class LaunchError(AppError):
    """The launch cannot go on."""

    title = "The launch did not complete"
    advice = "Nothing was read. Open the application again from the patient's chart."


class NotSignedInError(AppError):
    """No launch in this browser."""

    title = "You are not signed in"
    advice = "Open this application from a patient's chart in the EHR."


class SessionTimedOutError(NotSignedInError):
    """This browser was away or signed in for too long."""

    title = "You were signed out"
    advice = (
        "This browser was not used for a while or was signed in for too long, so its "
        "cases were closed. What was signed is kept. "
        "Open the application again from the patient's chart."
    )


class ForeignRequestError(AppError):
    """A form was sent by a page of another site."""

    title = "This request came from another site"
    advice = "Nothing was done. Use the pages of this application itself."


class CaseNotFoundError(AppError):
    """There is no such case for this browser."""

    title = "This case is not available here"
    advice = (
        "The case was opened in another browser, was closed, or is too old and was "
        "deleted. Open the application again from the patient's chart."
    )


class PlanWithdrawnError(AppError):
    """A signed plan that no longer holds."""

    title = "This plan no longer holds"
    advice = (
        "It was withdrawn, or a plan that was signed later took its place. Open the "
        "application from the patient's chart to see which one holds."
    )


class IdentityError(AppError):
    """Images and chart are not surely the same person."""

    title = "The images may belong to somebody else"
    advice = "Nothing was analyzed."


class IdentityMismatchError(IdentityError):
    """The images contradict the chart about who the patient is."""

    advice = (
        "The name, birth date, sex or record number in the images contradicts the "
        "chart. Nothing was analyzed. Report it to the imaging department: the images "
        "may be filed under the wrong patient."
    )


class UnconfirmedIdentityError(IdentityError):
    """Fewer than two facts confirm that images and chart are the same person."""

    title = "The images do not say clearly whose they are"
    advice = (
        "Fewer than two of record number, name and birth date in the images match the "
        "chart. Nothing was analyzed. Ask the imaging department to complete the "
        "patient data of the study."
    )


class PatientChangedError(IdentityError):
    """The chart names another person than when the images were analyzed."""

    title = "The patient's record has changed"
    advice = (
        "The chart names the patient differently than when the images were analyzed. "
        "Nothing was written. Open the application again from the patient's chart."
    )


class ForeignSubjectError(IdentityError):
    """What would be written is of another patient: a defect, stopped in time."""

    title = "The report was not written"
    advice = (
        "A part of it was not of the patient whose chart is open. Nothing of that part "
        "was written. Tell the administrator of this application."
    )


class SignatureError(AppError):
    """A signature that cannot be accepted."""

    title = "Nothing was signed"


class NotConfirmedError(SignatureError):
    """The signer did not confirm the checks."""

    advice = (
        "Confirm that you have checked the patient and the level names, then sign. "
        "Nothing was written."
    )


class OutdatedPageError(SignatureError):
    """The report is not the one that was shown to the signer."""

    title = "The report has changed since you saw it"
    advice = (
        "Something was typed in or analyzed again, perhaps in another window. Nothing "
        "was signed. Go back, load the page again and read it before you sign."
    )


class AlreadySignedError(SignatureError):
    """A signed report does not change."""

    title = "The report is signed"
    advice = (
        "A signed report does not change, and what you typed in or moved was not kept. "
        "Open the application again from the patient's chart to make another report."
    )


class ImpossibleMoveError(SignatureError):
    """The names of the levels cannot be moved there."""

    title = "The names cannot be moved there"
    advice = (
        "The names of the levels can be moved by one, and by three in all. They are as "
        "before. If they are farther off, read the images directly."
    )


class NotReadyError(SignatureError):
    """There is no report to sign, or nothing to repeat."""

    advice = "There is nothing to do at this stage of the case. Go back to its page."


class WriteNotGrantedError(SignatureError):
    """The EHR did not grant writing, or did not say who the user is."""

    title = "This EHR does not allow writing"
    advice = (
        "The EHR did not allow this application to write, so the report can be read "
        "and printed only. Nothing was written."
    )


class PlanChangedError(SignatureError):
    """What the EHR takes is not what was shown to the signer."""

    title = "What would be written has changed"
    advice = (
        "The EHR takes something else than a moment ago. Nothing was written. Read "
        "again what would be written, then repeat."
    )


class WriteBusyError(SignatureError):
    """The same report is being written at this moment."""

    title = "The report is being written"
    advice = (
        "The same report is being written at this moment. Your signature is kept. "
        "Wait a moment, then try again: nothing is written twice."
    )


class CdsRequestError(AppError):
    """A CDS Hooks request that is not understood; the message is for its sender."""

    title = "This CDS Hooks request cannot be answered"
    advice = "The request is not as CDS Hooks 2.0 describes it."


class CdsTokenError(CdsRequestError):
    """The token of a CDS Hooks request is absent or not valid."""

    advice = "The request carries no valid token of a CDS client."


class CdsClientError(CdsRequestError):
    """The sender of a CDS Hooks request may not ask."""

    advice = (
        "This CDS client is not set up. "
        "Ask the administrator of this application to add it."
    )


class NoAuthorityError(AppError):
    """Nobody is signed in whose tokens a command may use."""

    title = "Nobody is signed in who may do this"
    advice = (
        "This application keeps no access to the EHR beyond a session. Let the "
        "clinician who signed open it again from that patient's chart: then withdraw "
        "the report on its page, or repeat this command while the session lasts."
    )


class WorkerLostError(AppError):
    """The worker stopped again and again during this job."""

    title = "The analysis was interrupted"
    advice = (
        "The analysis stopped several times before it was finished. Nothing was "
        "written. Try again; if it happens again, tell the administrator."
    )


class JobTooLongError(AppError):
    """The analysis took far longer than any analysis should."""

    title = "The analysis took too long"
    advice = (
        "The analysis did not end and was given up. Nothing was written. "
        "Try again later; if it happens again, tell the administrator."
    )


class LeaseLostError(AppError):
    """Another worker has taken this job over; this one must stop."""


class UpstreamError(AppError):
    """Another server failed.

    Attributes:
        status: HTTP status of the answer, ``None`` when there was none.

    """

    title = "Another system did not answer"
    advice = "A system that this application needs failed. Try again in a minute."

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


#: The one table: every error that may reach a person, by its family.
STATUS: dict[type[Exception], int] = {
    LaunchError: 400,
    NotSignedInError: 401,
    ForeignRequestError: 403,
    CaseNotFoundError: 404,
    PlanWithdrawnError: 410,
    IdentityError: 409,
    SignatureError: 409,
    NotConfirmedError: 400,
    WriteNotGrantedError: 403,
    CdsRequestError: 400,
    CdsTokenError: 401,
    CdsClientError: 403,
    NoAuthorityError: 403,
    WorkerLostError: 500,
    JobTooLongError: 500,
    LeaseLostError: 500,
    UpstreamError: 502,
    UnsuitableStudyError: 422,
    UnmeasurableError: 422,
    ModelError: 503,
    NoImagingStudyError: 422,
    MappingError: 502,
}


def status_of(error: Exception) -> int:
    """Return the HTTP status of the nearest family that the table holds."""
    return next(STATUS[family] for family in type(error).__mro__ if family in STATUS)


def title_of(error: Exception) -> str:
    """Return the headline for a person about any error."""
    if isinstance(error, AppError):
        return error.title
    titles: dict[type[Exception], str] = {
        InferenceError: "The images could not be analyzed",
        NoImagingStudyError: "There is no lumbar MRI to analyze",
        MappingError: "The chart could not be used",
    }
    families = [family for family in titles if isinstance(error, family)]
    return titles[families[0]] if families else AppError.title


def advice_of(error: Exception) -> str:
    """Return what may be shown to a person about any error."""
    if any(family in STATUS for family in type(error).__mro__):
        return str(getattr(error, "advice", AppError.advice))
    return f"{AppError.advice} The administrator finds the reason in its log."
