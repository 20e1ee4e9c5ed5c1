"""What an archive answers to STOW-RS (DICOM PS3.18, 10.5.3.2 and Annex I.2). Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydicom import Dataset

#: Reasons by their code, or by the first code of their range (PS3.4, Annex B.2.3, and
#: PS3.7, Annex C, as pynetdicom's table of statuses has them).
REASONS: Final = {
    0x0110: "processing failure",
    0x0111: "duplicate instance",
    0x0117: "invalid object",
    0x0122: "kind of object not supported",
    0x0124: "not authorized",
    0x0213: "resource limitation",
    0xA700: "out of resources",
    0xA900: "content does not match the kind of object",
    0xB000: "elements were changed",
    0xB006: "elements were discarded",
    0xB007: "content does not match the kind of object",
    0xC000: "cannot understand",
}
RANGES: Final = {0xA700: 0xFF00, 0xA900: 0xFF00, 0xC000: 0xF000}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAnswer:
    """What became of the instances of one request.

    Attributes:
        failed: Why instances were refused, one reason each.
        warnings: What the archive changed in those that it took.

    """

    failed: tuple[str, ...]
    warnings: tuple[str, ...]


def store_answer(answer: Dataset) -> StoreAnswer:
    """Read the module of a STOW-RS answer; its reasons name no instance."""
    refused = [*answer.get("FailedSOPSequence", ()), *answer.get("OtherFailures", ())]
    taken = answer.get("ReferencedSOPSequence", ())
    return StoreAnswer(
        failed=tuple(_reason(item.get("FailureReason")) for item in refused),
        warnings=tuple(_warnings(taken)),
    )


def _warnings(items: list[Dataset]) -> Iterator[str]:
    for item in items:
        if item.get("WarningReason"):
            yield _reason(item.WarningReason)


def _reason(code: int | None) -> str:
    if code is None:
        return "no reason given"
    for first, mask in RANGES.items():
        if code & mask == first:
            return f"{REASONS[first]} ({code:04X})"
    return f"{REASONS.get(code, 'reason unknown')} ({code:04X})"
