"""Choose the series of a study that is measured, by one instance of each."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from pydicom import Dataset

from inference.dicom.header import Header, headers_of, lenient
from inference.dicom.stacks import best_stack
from inference.errors import SeriesNotFoundError, UnsuitableStudyError

_MODALITY: Final = "MR"

Preference = tuple[bool, int, bool, bool, float]  # the less, the better


@lenient()
def select_series(first_instances: Mapping[str, Dataset]) -> str:
    """Return the UID of the best sagittal series by its metadata.

    T2 is best, because grades and signal need it; then come fat-suppressed images, T1,
    and every other contrast, each by the rule of ``stacks``. Of equals, the series with
    the smaller pixels is taken.

    Args:
        first_instances: SeriesInstanceUID to the attributes of one of its instances.

    Raises:
        SeriesNotFoundError: No series is a sagittal MR acquisition. The message counts
            the reasons.

    """
    found: dict[str, Preference] = {}
    reasons: Counter[str] = Counter()
    for uid, instance in first_instances.items():
        try:
            found[uid] = _preference(instance)
        except UnsuitableStudyError as error:
            reasons[str(error)] += 1
    if not found:
        counts = "; ".join(f"{count}: {reason}" for reason, count in reasons.items())
        raise SeriesNotFoundError(
            f"none of {len(first_instances)} series is a sagittal MR acquisition: "
            f"{counts or 'there is none'}"
        )
    return min(found, key=found.__getitem__)


def _preference(instance: Dataset) -> Preference:
    modality = Header(instance=instance).text("Modality")
    if modality != _MODALITY:
        raise UnsuitableStudyError(f"Modality {modality}")
    headers = headers_of(instance)
    stack = best_stack(headers)
    too_few, weighting, derived, opposed = stack.preference
    is_whole = len(headers) > 1  # of a classic series this is one slice of many
    pixel_mm = float(stack.frames[0].spacing_mm[0])
    return is_whole and too_few, weighting, derived, opposed, pixel_mm
