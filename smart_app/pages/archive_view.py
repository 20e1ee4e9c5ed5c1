"""What the page says of the image archive, before and after the signature. Pure."""

from dataclasses import dataclass, field
from typing import Final

from smart_app.archive.writes import ArchiveWriteStatus
from smart_app.tables import ArchiveState

OFFER: Final = (
    "Then the masks (DICOM SEG) and the measurements (DICOM SR) are stored in the "
    "image archive, beside the images, if it takes them."
)
NO_OFFER: Final = "Nothing is stored in the image archive."


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveView:
    """The image archive, as the page shows it.

    Attributes:
        offer: What a signature would do there, as a sentence.
        state: ``"stored"``, ``"waiting"``, ``"refused"`` or ``"none"``.
        warnings: What the archive changed.
        links: Documents of the chart that lead there, with their URL.
        link_problem: Why there are none, ``None`` where nothing failed.
        title: What happened, only when it was refused.
        advice: What to do next, only when it was refused.

    """

    offer: str
    state: str
    warnings: tuple[str, ...] = ()
    links: dict[str, str] = field(default_factory=dict)
    link_problem: str | None = None
    title: str | None = None
    advice: str | None = None


def archive_view(
    stored: ArchiveWriteStatus | None, *, has_masks: bool, issuer: str
) -> ArchiveView:
    """Return what the page says.

    Args:
        stored: What became of the objects, ``None`` where nothing is queued.
        has_masks: Whether there is something to store after a signature.
        issuer: FHIR base of the EHR.

    """
    offer = OFFER if has_masks else NO_OFFER
    if stored is None:
        return ArchiveView(offer=offer, state="none")
    words = {ArchiveState.STORED: "stored", ArchiveState.FAILED: "refused"}
    return ArchiveView(
        offer=offer,
        state=words.get(stored.state, "waiting"),
        warnings=stored.warnings,
        links={reference: f"{issuer}/{reference}" for reference in stored.links},
        link_problem=stored.link_problem,
        title=stored.title,
        advice=stored.advice,
    )
