"""What a phantom is drawn from: sizes of discs and bodies, and the image's grid."""

from dataclasses import dataclass, replace

import numpy as np

from inference.results import Vertebra

THORACIC = 2  # T12 and T11 are drawn above L1, unnamed
#: Disc wedge from L5/S1 upward. Our choice: heights of 13.5 mm in front and 7 mm behind
#: at L5/S1 on 34 mm (source as in ``random_spec``) make 11 degrees, falling upward.
WEDGE_DEGREES = (13.0, 11.0, 8.0, 6.0, 4.0, 2.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscSpec:
    """One disc: ``degeneration`` runs from 0 (bright) to 1 (black)."""

    height_mm: float
    wedge_degrees: float
    slip_mm: float
    degeneration: float
    canal_mm: float


#: Wedge of the bodies from L5 upward, negative where the front is higher. Our choice:
#: heights of 30.3 mm in front and 26.3 mm behind at L5 on 35.7 mm (CT of 196,
#: ijssurgery 15/6/1072) make -6.5 degrees, rising to the thoracic kyphosis.
BODY_WEDGE_DEGREES = (-6.5, -3.5, -1.5, 0.0, 1.5, 2.5, 2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySpec:
    """One vertebral body and the canal behind it.

    ``height_mm`` is its height in the middle; ``wedge_degrees`` the angle between its
    endplates, positive where the front is lower.
    """

    height_mm: float
    width_mm: float
    canal_mm: float
    wedge_degrees: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomSpec:
    """What to draw. Discs and bodies run upward from L5/S1 and L5.

    Attributes:
        discs: L5/S1, L4/L5, ..., each below the body of the same index.
        bodies: L5, L4, ..., T11.
        sacral_slope_degrees: Tilt of the sacral endplate against the horizontal.
        shape: Slices, rows, columns.
        spacing_mm: Distance between slices, rows, columns.
        rotation_degrees: Rotation of the image planes about the x, y and z axis.
        scoliosis_degrees: Angle between the ends of 150 mm of spine, seen from the
            front: it bends evenly to one side.
        noise: Standard deviation of the noise, as a part of the CSF signal.
        shading: Strength of the coil's signal fall-off, 0 to 1.
        t1_weighted: Draw T1 contrast (dark CSF, bright fat) instead of T2.
        seed: Of texture and noise.

    """

    discs: tuple[DiscSpec, ...]
    bodies: tuple[BodySpec, ...]
    sacral_slope_degrees: float = 38.0
    shape: tuple[int, int, int] = (15, 384, 320)
    spacing_mm: tuple[float, float, float] = (4.0, 0.75, 0.75)
    rotation_degrees: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scoliosis_degrees: float = 0.0
    noise: float = 0.03
    shading: float = 0.4
    t1_weighted: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.discs) != len(self.bodies):
            raise ValueError(f"{len(self.discs)} discs for {len(self.bodies)} bodies")


def random_spec(rng: np.random.Generator) -> PhantomSpec:
    """Draw a spine within published ranges.

    Disc heights of 4 to 13 mm, wider than the normal means of 6 to 13.5 mm
    (discovery.researcher.life 9fbcab06, Nepal, 106 MRIs), body height 24 to 31 mm and
    AP width 29 to 38 mm (ijssurgery 15/6/1072), canal 8 to 18 mm (PMC5590400). Bodies
    are wedged and the spine bends to a side, as far as is common in adults.
    """
    count = len(Vertebra) + THORACIC
    size = rng.uniform(0.9, 1.1)
    canal = rng.uniform(13.0, 18.0)
    discs, bodies = [], []
    for index in range(count):
        degeneration = float(np.clip(rng.beta(1.2, 1.2) - 0.05 * index, 0, 1))
        collapse = 1 - 0.5 * degeneration * rng.random()
        lumbar = 1.0 if index < len(Vertebra) else 0.65
        height = lumbar * collapse * size * rng.uniform(8.0, 12.0)
        slip = rng.uniform(-3, 5) if rng.random() < 0.15 else 0.0  # noqa: PLR2004
        narrowing = rng.uniform(0.6, 1.0) if degeneration > 0.6 else 1.0  # noqa: PLR2004
        discs.append(
            DiscSpec(
                height_mm=height,
                wedge_degrees=WEDGE_DEGREES[index] * rng.uniform(0.6, 1.1),
                slip_mm=slip,
                degeneration=degeneration,
                canal_mm=canal * narrowing,
            )
        )
        bodies.append(
            BodySpec(
                height_mm=size * (27.5 - 0.5 * index) * rng.uniform(0.95, 1.05),
                width_mm=size * (34.0 - 0.5 * index) * rng.uniform(0.96, 1.04),
                canal_mm=canal,
            )
        )
    straight = PhantomSpec(
        discs=tuple(discs),
        bodies=tuple(bodies),
        sacral_slope_degrees=rng.uniform(28, 48),
        noise=rng.uniform(0.01, 0.06),
        shading=rng.uniform(0.0, 0.7),
        seed=int(rng.integers(2**31)),
    )
    return _wedged_and_bent(straight, rng)


def _wedged_and_bent(spec: PhantomSpec, rng: np.random.Generator) -> PhantomSpec:
    """Give bodies their wedge and the spine its bend to a side."""
    wedges = BODY_WEDGE_DEGREES + rng.normal(scale=2.0, size=len(BODY_WEDGE_DEGREES))
    bodies = [
        replace(body, wedge_degrees=float(wedge))
        for body, wedge in zip(spec.bodies, wedges, strict=True)
    ]
    bend = float(rng.normal(scale=8.0))
    return replace(spec, bodies=tuple(bodies), scoliosis_degrees=bend)


def with_grid(
    spec: PhantomSpec,
    *,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    rotation_degrees: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> PhantomSpec:
    """Return the same spine imaged on another grid."""
    return replace(
        spec, shape=shape, spacing_mm=spacing_mm, rotation_degrees=rotation_degrees
    )
