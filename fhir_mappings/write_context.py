"""Where and for whom a report is written."""

from dataclasses import dataclass, field
from datetime import datetime


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
        software_version: Version of this program.
        takes_risk_assessments: Whether the server lets predicted outcomes be written.

    """

    patient: str
    imaging_study: str
    encounter: str | None
    signer: str
    signer_display: str | None = field(repr=False)
    signed_at: datetime
    issuer: str
    software_version: str
    takes_risk_assessments: bool = True

    def __post_init__(self) -> None:
        if self.signed_at.tzinfo is None:
            raise ValueError("the time of the signature has no timezone")

    @property
    def signed_instant(self) -> str:
        """Time of the signature as a FHIR instant, to the second."""
        return self.signed_at.isoformat(timespec="seconds")

    @property
    def disclaimer(self) -> str:
        """What a reader must know who sees only the words of a resource."""
        reviewer = self.signer_display or self.signer
        return (
            f"AI-generated, reviewed by {reviewer}. Research software, not a cleared "
            "medical device."
        )
