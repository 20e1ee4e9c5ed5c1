"""The picture of the report with its outlines and calipers."""

from dataclasses import dataclass, field

from inference.results.anatomy import Structure


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One structure drawn on the mid-sagittal picture.

    Attributes:
        name: ``"L4"``, ``"L4/L5"``, ``"canal"``, or ``""`` where it has no name.
        structure: What it is.
        points_px: Closed polygon as (column, row) pixels of the picture.

    """

    name: str
    structure: Structure
    points_px: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaliperLine:
    """One caliper drawn on the mid-sagittal picture.

    Attributes:
        name: Where it measures: ``"L4"``, ``"L4/L5"``, or ``"spine"``.
        quantity: Name of the measured field.
        start_px: One end as (column, row) pixels of the picture.
        end_px: The other end.

    """

    name: str
    quantity: str
    start_px: tuple[float, float]
    end_px: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The mid-sagittal surface as the page shows it, superior up, anterior left.

    Attributes:
        png: The gray values, resampled to square pixels.
        width_px: Columns of the picture.
        height_px: Rows of the picture.
        pixel_mm: Edge of one pixel.
        outlines: The structures on it.
        calipers: Where the lengths on it were measured.

    """

    png: bytes = field(repr=False)
    width_px: int
    height_px: int
    pixel_mm: float
    outlines: tuple[Outline, ...]
    calipers: tuple[CaliperLine, ...] = ()
