"""A lumbar spine of known geometry, drawn in millimeters.

It gives the demo its MRI and the tests their ground truth. Nothing here is measured on
a patient: sizes are drawn from the ranges that ``random_spec`` cites.

The spine is built upward from the sacral endplate. Each disc has a height, a wedge and
a slip; each vertebral body is a rounded box; between body and disc lies a cortical
endplate that belongs to neither, as in the masks of SPIDER.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree

from inference.results import Level, Structure, Vertebra
from inference.volume import Geometry, Volume

CSF_SIGNAL = 800.0  # our choice: fills the stored 16 bits without touching their ends
ENDPLATE_MM = 0.6  # our choice: about one pixel, as the unlabeled rim in SPIDER masks
CORNER_MM = 3.0  # our choice: rounds the corners outside the central 80 % of a body
ANNULUS_MM = 1.5  # our choice, idem for a disc
LATERAL_MM = 23.0  # half the transverse body width, clinical range 36 to 47 mm
CANAL_LATERAL_MM = 11.0  # half the canal width, 21 to 28 mm (ijssurgery 15/6/1072)
FAT_MM = 2.5  # our choice: epidural fat around the dural sac
CANAL_GAP_MM = 1.5  # our choice: posterior ligament and epidural fat
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


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySpec:
    """One vertebral body and the canal behind it."""

    height_mm: float
    width_mm: float
    canal_mm: float


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
    noise: float = 0.03
    shading: float = 0.4
    t1_weighted: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.discs) != len(self.bodies):
            raise ValueError(f"{len(self.discs)} discs for {len(self.bodies)} bodies")


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTruth:
    """Known geometry of one level, as ``LevelMeasurement`` defines it."""

    level: Level
    disc_height_mm: float
    disc_width_mm: float
    canal_diameter_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VertebraTruth:
    """Known geometry of one vertebra, as ``VertebraMeasurement`` defines it."""

    vertebra: Vertebra
    height_mm: float
    width_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phantom:
    """A drawn spine.

    Attributes:
        volume: The image.
        labels: uint8 like the volume: 0 background, then ``Structure`` from 1.
        levels: Truth per disc, L1/L2 first.
        vertebrae: Truth per vertebra, L1 first.

    """

    volume: Volume
    labels: NDArray[np.uint8]
    levels: tuple[LevelTruth, ...]
    vertebrae: tuple[VertebraTruth, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pose:
    """A box in the sagittal plane: center (posterior, superior) and tilt in radians."""

    center_mm: NDArray[np.float64]
    tilt: float

    @classmethod
    def above(cls, corner_mm: NDArray[np.float64], tilt: float, rise_mm: float) -> Self:
        """Place the center at a distance above a point, along the box's own axis."""
        up = np.array([-np.sin(tilt), np.cos(tilt)])
        return cls(center_mm=corner_mm + rise_mm * up, tilt=tilt)

    @property
    def along(self) -> NDArray[np.float64]:
        """Unit vector to the back."""
        return np.array([np.cos(self.tilt), np.sin(self.tilt)])

    @property
    def up(self) -> NDArray[np.float64]:
        """Unit vector toward the head."""
        return np.array([-np.sin(self.tilt), np.cos(self.tilt)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Segment:
    """One disc with the body above it, in place."""

    disc: DiscSpec
    disc_pose: _Pose
    body: BodySpec
    body_pose: _Pose


def random_spec(rng: np.random.Generator) -> PhantomSpec:
    """Draw a spine within published ranges.

    Disc heights of 4 to 13 mm, wider than the normal means of 6 to 13.5 mm
    (discovery.researcher.life 9fbcab06, Nepal, 106 MRIs), body height 24 to 31 mm and
    AP width 29 to 38 mm (ijssurgery 15/6/1072), canal 8 to 18 mm (PMC5590400).
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
    return PhantomSpec(
        discs=tuple(discs),
        bodies=tuple(bodies),
        sacral_slope_degrees=rng.uniform(28, 48),
        noise=rng.uniform(0.01, 0.06),
        shading=rng.uniform(0.0, 0.7),
        seed=int(rng.integers(2**31)),
    )


def draw_phantom(spec: PhantomSpec) -> Phantom:
    """Draw the spine that the specification describes.

    The lumbar spine lies in the middle of the image, whatever its size.
    """
    segments = _segments(spec)
    lumbar = [item.body_pose.center_mm for item in segments[: len(Vertebra)]]
    geometry = _geometry(spec, np.mean(lumbar, axis=0))
    painter = _Painter(spec, _voxel_positions(geometry))
    painter.paint(segments)
    volume = Volume(voxels=painter.image(), geometry=geometry)
    return Phantom(
        volume=volume,
        labels=painter.labels,
        levels=tuple(
            LevelTruth(
                level=level,
                disc_height_mm=disc.height_mm,
                disc_width_mm=body.width_mm,
                canal_diameter_mm=disc.canal_mm,
            )
            for level, disc, body in zip(
                reversed(Level), spec.discs, spec.bodies, strict=False
            )
        )[::-1],
        vertebrae=tuple(
            VertebraTruth(
                vertebra=vertebra, height_mm=body.height_mm, width_mm=body.width_mm
            )
            for vertebra, body in zip(reversed(Vertebra), spec.bodies, strict=False)
        )[::-1],
    )


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


def _segments(spec: PhantomSpec) -> list[_Segment]:
    """Stack discs and bodies upward from the sacral endplate at the origin."""
    corner = np.zeros(2)
    # Anterior is -y: a sacral endplate that slopes down to the front rises to the back.
    tilt = np.radians(spec.sacral_slope_degrees)
    segments = []
    for disc, body in zip(spec.discs, spec.bodies, strict=True):
        wedge = np.radians(disc.wedge_degrees)
        step = disc.height_mm / 2 + ENDPLATE_MM
        disc_pose = _Pose.above(corner, tilt - wedge / 2, step)
        tilt -= wedge
        corner = disc_pose.center_mm + step * disc_pose.up
        corner = corner - disc.slip_mm * disc_pose.along
        body_pose = _Pose.above(corner, tilt, body.height_mm / 2)
        segments.append(
            _Segment(disc=disc, disc_pose=disc_pose, body=body, body_pose=body_pose)
        )
        corner = corner + body.height_mm * body_pose.up
    return segments


def _geometry(spec: PhantomSpec, center_mm: NDArray[np.float64]) -> Geometry:
    """Center a sagittal grid, turned as asked, on the lumbar spine."""
    axes = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
    for axis, degrees in enumerate(spec.rotation_degrees):
        first, second = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turn[[first, second], [first, second]] = cosine
        turn[first, second], turn[second, first] = -sine, sine
        axes = turn @ axes
    affine = np.eye(4)
    affine[:3, :3] = axes * np.array(spec.spacing_mm)
    middle = (np.array(spec.shape) - 1) / 2
    affine[:3, 3] = np.array([0.0, *center_mm]) - affine[:3, :3] @ middle
    return Geometry(affine_mm=affine, shape=spec.shape)


def _voxel_positions(geometry: Geometry) -> NDArray[np.float64]:
    indices = np.indices(geometry.shape).reshape(3, -1).T.astype(float)
    return geometry.to_patient_mm(indices).T.reshape(3, *geometry.shape)


def _rounded(
    along: NDArray[np.float64],
    across: NDArray[np.float64],
    half_length: NDArray[np.float64] | float,
    half_height: NDArray[np.float64] | float,
    radius: float,
) -> NDArray[np.float64]:
    """Signed distance in mm to a box with rounded corners, negative inside."""
    qx = np.abs(along) - half_length + radius
    qy = np.abs(across) - half_height + radius
    outside = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0))
    return outside + np.minimum(np.maximum(qx, qy), 0) - radius


class _Painter:
    """Keeps the labels and the tissue signal of one phantom while it is drawn."""

    #: Signal relative to CSF on T2 and on T1 (our choice, by eye of SPIDER slices).
    T2 = {  # noqa: RUF012
        "muscle": 0.22,
        "fat": 0.75,
        "marrow": 0.42,
        "cortex": 0.04,
        "csf": 1.0,
        "root": 0.5,
        "nucleus": 0.8,
        "annulus": 0.14,
        "black disc": 0.1,
    }
    T1 = {  # noqa: RUF012
        "muscle": 0.35,
        "fat": 1.0,
        "marrow": 0.6,
        "cortex": 0.05,
        "csf": 0.2,
        "root": 0.35,
        "nucleus": 0.42,
        "annulus": 0.3,
        "black disc": 0.35,
    }

    def __init__(
        self,
        spec: PhantomSpec,
        positions_mm: NDArray[np.float64],
    ) -> None:
        self.spec = spec
        self.rng = np.random.default_rng(spec.seed)
        self.tissue = self.T1 if spec.t1_weighted else self.T2
        self.x, self.y, self.z = positions_mm
        self.labels = np.zeros(self.x.shape, np.uint8)
        self.signal = np.full(self.x.shape, self.tissue["muscle"])

    def paint(self, segments: list[_Segment]) -> None:
        """Draw from the back of the picture to the front."""
        self._soft_tissue(segments)
        self._sacrum(segments[0])
        self._canal(segments)
        for segment in segments:
            self._posterior_elements(segment.body, segment.body_pose)
        for segment in segments:
            self._body(segment.body, segment.body_pose)
        for segment in segments:
            self._disc(segment)

    def image(self) -> NDArray[np.float32]:
        """Return the signal with texture, partial volume, shading and noise."""
        shape = self.signal.shape
        texture = ndimage.gaussian_filter(self.rng.normal(size=shape), (0, 1.2, 1.2))
        signal = self.signal * (1 + 0.25 * texture)
        signal = ndimage.gaussian_filter(signal, (0, 0.6, 0.6))
        coil = np.exp(-self.spec.shading * np.clip(60 - self.y, 0, None) / 60)
        noise = self.rng.normal(scale=self.spec.noise, size=(2, *shape))
        magnitude = np.hypot(signal * coil + noise[0], noise[1])  # Rician, as in MR
        return (magnitude * CSF_SIGNAL).astype(np.float32)

    def _local(self, pose: _Pose) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        y, z = self.y - pose.center_mm[0], self.z - pose.center_mm[1]
        return (
            y * pose.along[0] + z * pose.along[1],
            y * pose.up[0] + z * pose.up[1],
        )

    def _fill(self, where: NDArray[np.bool_], tissue: str, label: int = 0) -> None:
        self.signal[where] = self.tissue[tissue]
        self.labels[where] = label

    def _soft_tissue(self, segments: list[_Segment]) -> None:
        depths = [segment.body_pose.center_mm[0] for segment in segments]
        back = max(depths) + self.rng.uniform(65, 85)
        front = back - self.rng.uniform(190, 240)
        self.signal[self.y > back - self.rng.uniform(12, 30)] = self.tissue["fat"]
        belly = self.y < min(depths) - 25
        blobs = ndimage.zoom(
            self.rng.random((1, 9, 9)), np.array(self.x.shape) / (1, 9, 9), order=1
        )
        self.signal[belly] = (0.1 + 0.5 * blobs[belly]) * self.tissue["fat"]
        self.signal[(self.y > back) | (self.y < front)] = 0

    def _sacrum(self, lowest: _Segment) -> None:
        """Draw S1 to S3 as background: the sacrum has no label in SPIDER."""
        step = lowest.disc.height_mm / 2 + ENDPLATE_MM
        corner = lowest.disc_pose.center_mm - step * lowest.disc_pose.up
        tilt = np.radians(self.spec.sacral_slope_degrees)
        for height, width in ((26.0, 30.0), (22.0, 22.0), (18.0, 15.0)):
            pose = _Pose.above(corner, tilt, -height / 2)
            along, across = self._local(pose)
            inside = _rounded(along, across, width / 2, height / 2, CORNER_MM)
            inside[np.abs(self.x) > LATERAL_MM * 1.2] = 1
            self._fill(inside < 0, "cortex")
            self._fill(inside < -ENDPLATE_MM, "marrow")
            corner = corner - (height + 1.5) * pose.up
            tilt += np.radians(14)

    def _canal(self, segments: list[_Segment]) -> None:
        line, diameter = _canal_line(segments)
        near = np.abs(self.x) < CANAL_LATERAL_MM + FAT_MM
        distance, nearest = np.full(self.x.shape, np.inf), np.zeros(self.x.shape, int)
        distance[near], nearest[near] = cKDTree(line).query(
            np.stack([self.y[near], self.z[near]], axis=-1),
            distance_upper_bound=diameter.max() / 2 + FAT_MM,
        )
        beyond = (nearest == 0) | (nearest >= len(line) - 1)
        distance[beyond], nearest[beyond] = np.inf, 0
        radius = diameter[nearest] / 2
        reach = np.hypot(distance / radius, self.x / CANAL_LATERAL_MM)
        sleeve = np.hypot(
            distance / (radius + FAT_MM), self.x / (CANAL_LATERAL_MM + FAT_MM)
        )
        self._fill(sleeve < 1, "fat")
        inside = reach < 1
        self._fill(inside, "csf", 1 + list(Structure).index(Structure.CANAL))
        roots = inside & (reach < 0.75)  # noqa: PLR2004  the bundle lies in the middle
        strands = ndimage.gaussian_filter(
            self.rng.normal(size=self.x.shape), (0.5, 4, 0.6)
        )
        self.signal[roots & (strands > 0)] = self.tissue["root"]

    def _posterior_elements(self, spec: BodySpec, pose: _Pose) -> None:
        vertebra = 1 + list(Structure).index(Structure.VERTEBRA)
        along, across = self._local(pose)
        start = spec.width_mm / 2 + spec.canal_mm + 2 * CANAL_GAP_MM + 3
        process = _rounded(along - start - 13, across + 9, 13, 7, 4.0)
        process[np.abs(self.x) > 4] = 1  # noqa: PLR2004  half the width in mm
        pedicle = _rounded(along - start / 2 - 6, across - 3, start / 2, 5.5, 3.0)
        pedicle[np.abs(np.abs(self.x) - 14) > 4] = 1  # noqa: PLR2004  idem
        for part in (process, pedicle):
            self._fill(part < 0, "cortex", vertebra)
            self._fill(part < -1, "marrow", vertebra)

    def _body(self, spec: BodySpec, pose: _Pose) -> None:
        along, across = self._local(pose)
        half = spec.width_mm / 2 * self._lateral_profile()
        distance = _rounded(along, across, half, spec.height_mm / 2, CORNER_MM)
        distance[np.abs(self.x) >= LATERAL_MM] = 1
        self._fill((distance < ENDPLATE_MM) & (self.labels == 0), "cortex")
        self._fill(
            distance < 0, "marrow", 1 + list(Structure).index(Structure.VERTEBRA)
        )
        vein = (np.abs(across) < 1.2) & (along > half - 9) & (distance < 0)  # noqa: PLR2004
        self.signal[vein & (np.abs(self.x) < 6)] = self.tissue["fat"]  # noqa: PLR2004

    def _disc(self, segment: _Segment) -> None:
        spec = segment.disc
        along, across = self._local(segment.disc_pose)
        half = segment.body.width_mm / 2 * self._lateral_profile()
        slope = np.tan(np.radians(spec.wedge_degrees) / 2)
        height = np.clip(spec.height_mm / 2 - along * slope, 0.5, None)
        distance = _rounded(along, across, half, height, ANNULUS_MM)
        distance[np.abs(self.x) >= LATERAL_MM] = 1
        inside = distance < 0
        self._fill(inside, "annulus", 1 + list(Structure).index(Structure.DISC))
        nucleus = (np.hypot(along / (0.7 * half + 1e-6), across / height) < 1) & inside
        bright, dark = self.tissue["nucleus"], self.tissue["black disc"]
        self.signal[nucleus] = bright + (dark - bright) * spec.degeneration

    def _lateral_profile(self) -> NDArray[np.float64]:
        """Depth of body and disc off the midline, as a part of that at the midline."""
        return np.sqrt(np.clip(1 - (self.x / LATERAL_MM) ** 4, 0, 1))


def _canal_line(
    segments: list[_Segment],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Center line of the canal from S2 to the top, and its diameter along it."""
    first = segments[0]
    start = np.array([*first.disc_pose.center_mm, first.disc.canal_mm])
    start[:2] -= 40 * first.disc_pose.up - 12 * first.disc_pose.along
    start[:2] += _canal_offset(first.disc, first) * first.disc_pose.along
    knots = [start]
    for segment in segments:
        for spec, pose in (
            (segment.disc, segment.disc_pose),
            (segment.body, segment.body_pose),
        ):
            center = pose.center_mm + _canal_offset(spec, segment) * pose.along
            knots.append(np.array([*center, spec.canal_mm]))
    # Monotone between the knots: no place is narrower than the narrowest level.
    spline = PchipInterpolator(range(len(knots)), np.array(knots))
    dense = spline(np.linspace(0, len(knots) - 1, 30 * len(knots)))
    return dense[:, :2], dense[:, 2]


def _canal_offset(spec: DiscSpec | BodySpec, segment: _Segment) -> float:
    """Distance from the middle of disc or body back to the middle of the canal."""
    return segment.body.width_mm / 2 + CANAL_GAP_MM + spec.canal_mm / 2
