"""Where and for whom a report is written, and what is written there."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

#: Types without which nothing is written.
NEEDED_TYPES: Final = ("Observation", "CarePlan", "Device", "Provenance")
#: Types that are written where the server takes them; the rest says the same without.
OPTIONAL_TYPES: Final = (
    *("DiagnosticReport", "Goal", "RiskAssessment", "ServiceRequest", "AuditEvent"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteContext:
    """What a signed report needs beside its own content.

    Attributes:
        patient: Reference such as ``"Patient/1"``.
        imaging_study: Reference to the study that was measured.
        encounter: Reference to the visit, ``None`` outside of one.
        signer: Reference to the practitioner who reviewed and signed.
        signer_display: Their name, ``None`` where it is not known.
        signed_at: When they signed, with timezone.
        issuer: FHIR base URL of the server, part of every identifier.
        application_url: Public URL of this program.
        software_version: Version of this program.
        takes: Resource types that the server takes; the others are left out.
        is_grouped: Whether the Observations of a level get a parent.

    """

    patient: str
    imaging_study: str
    encounter: str | None
    signer: str
    signer_display: str | None = field(repr=False)
    signed_at: datetime
    issuer: str
    application_url: str
    software_version: str
    takes: frozenset[str] = frozenset({*NEEDED_TYPES, *OPTIONAL_TYPES})
    is_grouped: bool = True

    def __post_init__(self) -> None:
        if self.signed_at.tzinfo is None:
            raise ValueError("the time of the signature has no timezone")

    @property
    def signed_instant(self) -> str:
        """Time of the signature as a FHIR instant, to the second."""
        return self.signed_at.isoformat(timespec="seconds")

    @property
    def software(self) -> str:
        """This program with its version."""
        return f"SPOILS {self.software_version}"

    @property
    def disclaimer(self) -> str:
        """What a reader must know who sees only the words of a resource."""
        reviewer = self.signer_display or self.signer
        return (
            f"AI-generated, reviewed by {reviewer}. Research software, not a cleared "
            "medical device."
        )
