"""Everything ``fhir_mappings`` raises on purpose.

MappingError
├── UnreadablePatientError   the server's Patient cannot be read
├── NoImagingStudyError      the chart holds no lumbar MRI that can be used
├── UnusableValueError       one value of the chart is broken, the others go on
├── SiteTableError           a site's table of codes is not usable
└── UnmappableReportError    a report that must not or cannot be written
"""


class MappingError(Exception):
    """Base class. The message is for the log, ``advice`` is for the clinician."""

    #: What happened and what to do next, safe to show: no identifiers, no paths.
    advice = "The chart could not be read. Nothing was written."


class UnreadablePatientError(MappingError):
    """The server's Patient is not a valid FHIR R4 Patient with an id."""

    advice = (
        "The patient's record could not be read from the chart. Nothing was analyzed. "
        "Start again from the chart, and tell the administrator if it happens again."
    )


class NoImagingStudyError(MappingError):
    """The chart holds no lumbar MRI that can be used."""

    advice = (
        "The chart has no available MRI of the lumbar spine for this patient. Nothing "
        "was analyzed. If the MRI was taken elsewhere, ask for it to be imported."
    )


class UnusableValueError(MappingError):
    """One Observation gives no value to trust; the caller counts it and goes on."""

    advice = "One value of the chart could not be used."


class SiteTableError(MappingError):
    """A site's table of codes is not usable; only the start of the program meets it."""

    advice = "The table of this site's codes is not usable. Tell the administrator."


class UnmappableReportError(MappingError):
    """The report must not or cannot be written as FHIR R4."""

    advice = (
        "The report could not be turned into a chart entry. Nothing was written. "
        "Tell the administrator of this application."
    )
