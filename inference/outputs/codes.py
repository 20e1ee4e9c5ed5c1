"""Coded concepts of the DICOM objects, each from pydicom's own dictionary or ours.

pydicom's dictionary is made from DICOM PS3.16. What it does not hold has a code of our
own coding scheme, which each object defines (PS3.3, C.12.1.1.7).
"""

from typing import Final

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from inference.levels.named_voxels import Name
from inference.results import Level, Structure, Vertebra

SCHEME: Final = "99SPOILS"
#: The same as ``fhir_mappings.codes.CODE_SYSTEM``, so that both worlds agree.
SCHEME_UID: Final = "2.25.197260191722575001109920992403883620705"
PRODUCT: Final = "SPOILS"

ANATOMICAL_STRUCTURE: Final = codes.SCT.AnatomicalStructure
LUMBAR_SPINE: Final = codes.SCT.LumbarSpine
ARTIFICIAL_INTELLIGENCE: Final = codes.DCM.ArtificialIntelligence
#: Not in pydicom's dictionary; verified in a public value set of imaging orders.
MR_LUMBAR_SPINE: Final = Code("24968-0", "LN", "MR Lumbar spine")

STRUCTURES: Final[dict[Name, Code]] = {
    Vertebra.L1: codes.SCT.L1Vertebra,
    Vertebra.L2: codes.SCT.L2Vertebra,
    Vertebra.L3: codes.SCT.L3Vertebra,
    Vertebra.L4: codes.SCT.L4Vertebra,
    Vertebra.L5: codes.SCT.L5Vertebra,
    Level.L1_L2: codes.SCT.L1L2Disc,
    Level.L2_L3: codes.SCT.L2L3Disc,
    Level.L3_L4: codes.SCT.L3L4Disc,
    Level.L4_L5: codes.SCT.L4L5Disc,
    Level.L5_S1: codes.SCT.L5S1Disc,
    Structure.CANAL: codes.SCT.VertebralCanal,
}
LEVELS: Final[dict[Level, Code]] = {
    Level.L1_L2: codes.SCT.LevelOfL1L2IntervertebralDisc,
    Level.L2_L3: codes.SCT.LevelOfL2L3IntervertebralDisc,
    Level.L3_L4: codes.SCT.LevelOfL3L4IntervertebralDisc,
    Level.L4_L5: codes.SCT.LevelOfL4L5IntervertebralDisc,
    Level.L5_S1: codes.SCT.LevelOfL5S1IntervertebralDisc,
}


def own_code(value: str, meaning: str) -> Code:
    """Return a code of our scheme; ``value`` has at most 16 characters (VR SH)."""
    return Code(value, SCHEME, meaning)


PFIRRMANN: Final = own_code("pfirrmann-grade", "Pfirrmann grade")
PFIRRMANN_GRADES: Final = {
    grade: own_code(f"pfirrmann-{grade}", f"Pfirrmann grade {roman}")
    for grade, roman in enumerate(("I", "II", "III", "IV", "V"), start=1)
}
MEYERDING: Final = own_code("meyerding-grade", "Meyerding grade")
MEYERDING_GRADES: Final = {
    grade: own_code(f"meyerding-{grade}", f"Meyerding grade {name}")
    for grade, name in enumerate(("0, no slip", "I", "II", "III", "IV", "V"))
}


def coding_scheme() -> CodingSchemeIdentificationItem:
    """Define our coding scheme inside of an object."""
    item = CodingSchemeIdentificationItem(
        designator=SCHEME,
        name="Spine measurements of SPOILS",
        responsible_organization=PRODUCT,
    )
    item.CodingSchemeUID = SCHEME_UID
    return item
