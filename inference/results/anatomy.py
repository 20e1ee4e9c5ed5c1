"""What is told apart in the images: vertebrae, levels, structures, contrasts."""

from enum import StrEnum


class Vertebra(StrEnum):
    """Lumbar vertebra."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"
    L5 = "L5"


class Level(StrEnum):
    """Disc level, named by the vertebrae above and below it."""

    L1_L2 = "L1/L2"
    L2_L3 = "L2/L3"
    L3_L4 = "L3/L4"
    L4_L5 = "L4/L5"
    L5_S1 = "L5/S1"

    @property
    def upper_vertebra(self) -> Vertebra:
        """The vertebra above the disc."""
        return self.vertebrae[0]

    @property
    def vertebrae(self) -> tuple[Vertebra, ...]:
        """The lumbar vertebrae above and below the disc; the sacrum is none."""
        return tuple(name for name in Vertebra if name in self.value.split("/"))


class Structure(StrEnum):
    """What the segmentation tells apart, in the order of its labels 1, 2, 3."""

    VERTEBRA = "vertebra"
    DISC = "disc"
    CANAL = "canal"


class Weighting(StrEnum):
    """Contrast of a series; signal is compared and graded on T2 alone."""

    T2 = "T2"
    FAT_SUPPRESSED = "fat-suppressed"
    T1 = "T1"
    UNKNOWN = "unknown"
