"""The phantom spine of each invented patient. Sizes are our choice, within anatomy."""

from dataclasses import dataclass

from inference.phantom.spec import WEDGE_DEGREES, BodySpec, DiscSpec, PhantomSpec

#: Heights and depths from L5 up to T11: the mean sizes of ``phantom.spec.random_spec``.
BODY_HEIGHTS_MM = (27.5, 27.0, 26.5, 26.0, 25.5, 25.0, 24.5)
BODY_WIDTHS_MM = (34.0, 33.5, 33.0, 32.5, 32.0, 31.5, 31.0)
DISC_HEIGHTS_MM = (9.5, 10.5, 10.0, 9.5, 9.0, 6.5, 6.0)
CANAL_MM = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """What is worn at one disc.

    Attributes:
        height: Part of the healthy height that is left.
        degeneration: 0 (bright) to 1 (black).
        canal: Part of the healthy canal that is left.
        slip_mm: Forward slip of the body above.

    """

    height: float = 1.0
    degeneration: float = 0.15
    canal: float = 1.0
    slip_mm: float = 0.0


#: From L5/S1 upward; discs that are not listed are healthy.
WORN = {
    "demo-axial": (
        Wear(height=0.7, degeneration=0.85),
        Wear(height=0.85, degeneration=0.6),
    ),
    "demo-radicular": (
        Wear(height=0.6, degeneration=0.9, canal=0.8),
        Wear(degeneration=0.3),
    ),
    "demo-claudication": (
        Wear(height=0.65, degeneration=0.9, canal=0.7),
        Wear(height=0.6, degeneration=0.95, canal=0.52, slip_mm=4.0),
        Wear(height=0.75, degeneration=0.8, canal=0.62),
        Wear(height=0.85, degeneration=0.6, canal=0.8),
    ),
    "demo-red-flag": (Wear(height=0.8, degeneration=0.6), Wear(degeneration=0.4)),
}


def spine(key: str, *, t1_weighted: bool = False) -> PhantomSpec:
    """Return the spine of a person, by ``Person.key``."""
    healthy = (Wear(),) * len(DISC_HEIGHTS_MM)
    worn = WORN[key]
    return PhantomSpec(
        discs=tuple(
            DiscSpec(
                height_mm=height * wear.height,
                wedge_degrees=wedge * wear.height,
                slip_mm=wear.slip_mm,
                degeneration=wear.degeneration,
                canal_mm=CANAL_MM * wear.canal,
            )
            for height, wedge, wear in zip(
                DISC_HEIGHTS_MM,
                WEDGE_DEGREES,
                worn + healthy[len(worn) :],
                strict=True,
            )
        ),
        bodies=tuple(
            BodySpec(height_mm=height, width_mm=width, canal_mm=CANAL_MM)
            for height, width in zip(BODY_HEIGHTS_MM, BODY_WIDTHS_MM, strict=True)
        ),
        t1_weighted=t1_weighted,
        seed=list(WORN).index(key),
    )
