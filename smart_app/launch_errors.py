"""Why a launch cannot go on.

LaunchError
├── UnknownIssuerError      this EHR is not on the list
├── LaunchParameterError    ``iss``, ``code`` or ``state`` is absent
├── UnknownStateError       the answer belongs to no launch of this browser
├── ReplayedStateError      the answer was used before
├── ExpiredLaunchError      the answer came too late
├── DeniedError             the EHR refused
│   ├── RegistrationError   it does not accept how this application is registered
│   └── BusyEhrError        it could not sign in for a reason of its own
├── StandaloneError         this EHR opens applications from a chart only
├── CookiesBlockedError     the browser keeps no cookies of this application
├── RefusedScopeError       the EHR did not grant what reading the chart needs
├── NoPatientError          no patient is open in the EHR
└── IdTokenError            the EHR's statement about the user is not valid
"""

from smart_app.errors import LaunchError


class UnknownIssuerError(LaunchError):
    """This EHR is not on the list; no request was sent to it."""

    title = "This EHR is not set up"
    advice = (
        "The server that opened this application is not on its list, so it was not "
        "contacted. Ask the administrator of this application to add it."
    )


class LaunchParameterError(LaunchError):
    """A parameter that the launch needs is absent."""

    advice = (
        "This page only works when an EHR opens it for a patient. "
        "Open the application from the patient's chart."
    )


class UnknownStateError(LaunchError):
    """The answer belongs to no launch of this browser."""

    title = "This launch does not belong to this browser"
    advice = (
        "The answer of the EHR fits no launch that this browser started. Nothing was "
        "read. Open the application again from the patient's chart."
    )


class ReplayedStateError(LaunchError):
    """The answer of the EHR was used before."""

    title = "This launch was already used"
    advice = (
        "An answer of the EHR is accepted only once. "
        "Open the application again from the patient's chart."
    )


class ExpiredLaunchError(LaunchError):
    """The answer of the EHR came too late."""

    title = "The launch has expired"
    advice = (
        "Signing in took longer than ten minutes. "
        "Open the application again from the patient's chart."
    )


class DeniedError(LaunchError):
    """The EHR refused the launch or the exchange of its code."""

    title = "The EHR refused access"
    advice = (
        "The EHR did not allow this application to open the chart. Nothing was read. "
        "Open it again and allow the access, or ask the administrator of the EHR."
    )


class RegistrationError(DeniedError):
    """The EHR does not accept how this application is registered or what it asks."""

    title = "The EHR does not accept this application's registration"
    advice = (
        "The EHR and this application disagree about client id, keys, redirect "
        "address or scopes. Nothing was read. Tell the administrator of this "
        "application: its preflight command names what differs."
    )


class BusyEhrError(DeniedError):
    """The EHR could not sign in for a reason of its own."""

    title = "The EHR could not sign you in"
    advice = (
        "The EHR reports a problem of its own. Nothing was read. Wait a minute and "
        "open the application again from the patient's chart."
    )


#: Error codes of RFC 6749 (4.1.2.1, 5.2) and OpenID Connect that mean something else
#: than a refusal by the user.
_DENIALS: dict[str, type[DeniedError]] = {
    "invalid_client": RegistrationError,
    "unauthorized_client": RegistrationError,
    "invalid_request": RegistrationError,
    "invalid_scope": RegistrationError,
    "unsupported_response_type": RegistrationError,
    "unsupported_grant_type": RegistrationError,
    "server_error": BusyEhrError,
    "temporarily_unavailable": BusyEhrError,
}


def denial(where: str, code: str) -> DeniedError:
    """Return the error for a code of RFC 6749.

    Args:
        where: Who answered, for the log.
        code: As it was sent; unknown ones are cut and quoted, never shown.

    """
    return _DENIALS.get(code, DeniedError)(f"{where}: {code[:40]!r}")


class StandaloneError(LaunchError):
    """This EHR opens applications from a chart only."""

    title = "This EHR opens the application from a chart only"
    advice = "Open a patient's chart in the EHR, then the application from there."


class CookiesBlockedError(LaunchError):
    """The browser keeps no cookies of this application.

    Attributes:
        way_out: Address of the same launch, to be opened in a tab of its own.

    """

    title = "The browser blocks this application's cookies"
    advice = (
        "Without a cookie this application cannot tell your session from another one. "
        "Allow cookies for this site, or open the application in a tab of its own."
    )

    def __init__(self, message: str, *, way_out: str | None = None) -> None:
        super().__init__(message)
        self.way_out = way_out


class RefusedScopeError(LaunchError):
    """The EHR did not grant what reading the chart needs."""

    title = "The EHR did not allow reading the chart"
    advice = (
        "The analysis needs the patient, conditions, observations and imaging "
        "studies of the chart, and the EHR did not allow all of them. Nothing was "
        "read. Open the application again and allow them, or ask the administrator."
    )


class NoPatientError(LaunchError):
    """No patient is open in the EHR."""

    title = "No patient is open"
    advice = (
        "The EHR opened this application without a patient. "
        "Open a patient's chart first, then the application from there."
    )


class IdTokenError(LaunchError):
    """The EHR's statement about the user is not valid."""

    title = "The EHR's sign-in could not be verified"
    advice = (
        "The EHR's statement about who is signed in failed a check, so nothing was "
        "read. Open the application again; if it happens again, tell the administrator."
    )
