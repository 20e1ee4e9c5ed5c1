"""What the DICOM attributes say against an MRI of the lumbar spine.

BodyPartExamined is often wrong (it stays from the last patient, or is the protocol's),
so one word alone never refuses: it becomes a warning, and the images decide.
"""

import re
from collections.abc import Sequence
from typing import Final

from pydicom import Dataset

from inference.errors import OtherImagesError

#: Words of a lumbar spine, also German, Dutch, Swedish and French; of DICOM PS3.16,
#: annex L: LSPINE, LSSPINE, TLSPINE.
LUMBAR: Final = re.compile(
    r"lumb|\b(l|ls|tl)[ _-]?spine|\blws\b|\blwk\b|\blwz\b|sacr|lombair|l[äa]ndrygg",
    re.IGNORECASE,
)
#: Other parts of the body, as DICOM PS3.16, annex L and protocols write them.
OTHERS: Final = {
    "head": r"head|brain|skull|neuro|cranium|orbit|pituitary|sch[äa]del|\biac\b",
    "neck": r"neck|\bc[ _-]?spine|cervic|\bhws\b",
    "thoracic spine": r"\bt[ _-]?spine|thoracic|\bbws\b",
    "chest": r"chest|thorax|heart|cardiac|breast|mamma",
    "abdomen or pelvis": r"abdomen|liver|pelvis|prostat|uterus|kidney",
    "arm": r"shoulder|elbow|wrist|\bhand\b|finger|humerus|forearm|\barm\b",
    "leg": r"knee|\bhip\b|ankle|\bfoot\b|\btoe|femur|\bleg\b|thigh|calf",
}
DESCRIPTIONS: Final = (
    "SeriesDescription",
    "ProtocolName",
    "StudyDescription",
    "RequestedProcedureDescription",
)


def refuse_other_images(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """Refuse a series that is another modality or surely another part of the body.

    Returns:
        Sentences about a single word that speaks against a lumbar spine.

    Raises:
        OtherImagesError: The modality is not MR, or BodyPartExamined and a description
            agree on another part of the body and nothing speaks of the lumbar spine.

    """
    for dataset in datasets:
        modality = str(dataset.get("Modality") or "MR")
        if modality != "MR":
            raise OtherImagesError(f"Modality (0008,0060) is {modality!r}, not 'MR'")
    first = datasets[0]
    body_part = str(first.get("BodyPartExamined") or "")
    descriptions = " | ".join(str(first.get(name) or "") for name in DESCRIPTIONS)
    by_part, by_words = _part(body_part), _part(descriptions)
    if by_part is None or LUMBAR.search(f"{body_part} | {descriptions}"):
        return ()
    if by_part == by_words:
        raise OtherImagesError(
            f"BodyPartExamined (0018,0015) and a description both name the {by_part}"
        )
    warning = (
        f"The images are filed under another part of the body ({by_part}). That is "
        "often a slip of the pen: check that they belong to this examination."
    )
    return (warning,)


def _part(words: str) -> str | None:
    """Name the other part of the body that the words speak of."""
    for part, pattern in OTHERS.items():
        if re.search(pattern, words, re.IGNORECASE):
            return part
    return None
