"""What makes two runs give the same object: derived UIDs, and one time.

An object that is written twice is then one object to an archive.
"""

import uuid
from datetime import datetime
from typing import Final

from highdicom.base import SOPClass
from pydicom.valuerep import DA, DT, TM

#: Drawn once for this program.
NAMESPACE: Final = uuid.UUID("f603cfd0-3914-47d9-86cb-1f5f6681d0af")


def derived_uid(*parts: str) -> str:
    """Return the UID that these parts always give (ITU-T X.667: UUIDs of version 5)."""
    return f"2.25.{uuid.uuid5(NAMESPACE, '|'.join(parts)).int}"


def stamp(dataset: SOPClass, created: datetime) -> None:
    """Replace every time that highdicom takes from the clock."""
    dataset.InstanceCreationDate = DA(created.date())
    dataset.InstanceCreationTime = TM(created.time().replace(microsecond=0))
    for item in dataset.get("ContributingEquipmentSequence", ()):
        item.ContributionDateTime = DT(created.replace(microsecond=0))
    for item in dataset.get("VerifyingObserverSequence", ()):
        item.VerificationDateTime = DT(created.replace(microsecond=0))
