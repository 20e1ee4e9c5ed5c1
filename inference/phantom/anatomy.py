"""Where the parts of a phantom lie in the sagittal plane: (posterior, superior) in mm.

The spine is built upward from the sacral endplate. Between body and disc lies an
endplate that belongs to neither, as in the masks of SPIDER.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from inference.phantom.spec import BodySpec, DiscSpec, PhantomSpec

ENDPLATE_MM = 0.6  # our choice: about one pixel, as the unlabeled rim in SPIDER masks
MIN_HALF_MM = 0.5  # our choice: half of the lowest part of a wedged disc
CANAL_GAP_MM = 1.5  # our choice: posterior ligament and epidural fat


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pose:
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
class Block:
    """One disc or body in place: a box whose endplates open to the front or the back.

    Attributes:
        pose: Of its middle plane.
        height_mm: In its middle.
        width_mm: From front to back.
        slope: Rise of half of its height per way to the back.

    """

    pose: Pose
    height_mm: float
    width_mm: float
    slope: float

    def half_height_mm(self, along_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Half of its height at a way to the back of its middle."""
        return np.clip(self.height_mm / 2 + along_mm * self.slope, MIN_HALF_MM, None)

    def point_mm(self, along_mm: float, side: int) -> NDArray[np.float64]:
        """Return a point of its upper (side 1) or lower (side -1) endplate."""
        rise = side * (self.height_mm / 2 + along_mm * self.slope)
        point: NDArray[np.float64] = (
            self.pose.center_mm + along_mm * self.pose.along + rise * self.pose.up
        )
        return point


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """One disc with the body above it, in place; both are as deep as the body."""

    disc: DiscSpec
    disc_pose: Pose
    body: BodySpec
    body_pose: Pose

    @property
    def disc_block(self) -> Block:
        """The disc, higher in front for a positive wedge."""
        return Block(
            pose=self.disc_pose,
            height_mm=self.disc.height_mm,
            width_mm=self.body.width_mm,
            slope=-float(np.tan(np.radians(self.disc.wedge_degrees) / 2)),
        )

    @property
    def body_block(self) -> Block:
        """The body, lower in front for a positive wedge."""
        return Block(
            pose=self.body_pose,
            height_mm=self.body.height_mm,
            width_mm=self.body.width_mm,
            slope=float(np.tan(np.radians(self.body.wedge_degrees) / 2)),
        )


def segments_of(spec: PhantomSpec) -> list[Segment]:
    """Stack discs and bodies upward from the sacral endplate at the origin."""
    corner = np.zeros(2)
    # Anterior is -y: a sacral endplate that slopes down to the front rises to the back.
    tilt = np.radians(spec.sacral_slope_degrees)
    segments = []
    for disc, body in zip(spec.discs, spec.bodies, strict=True):
        wedge = np.radians(disc.wedge_degrees)
        step = disc.height_mm / 2 + ENDPLATE_MM
        disc_pose = Pose.above(corner, tilt - wedge / 2, step)
        tilt -= wedge
        corner = disc_pose.center_mm + step * disc_pose.up
        corner = corner - disc.slip_mm * disc_pose.along
        wedge = np.radians(body.wedge_degrees)
        body_pose = Pose.above(corner, tilt + wedge / 2, body.height_mm / 2)
        tilt += wedge
        segments.append(
            Segment(disc=disc, disc_pose=disc_pose, body=body, body_pose=body_pose)
        )
        corner = corner + body.height_mm * body_pose.up
    return segments


def canal_line(
    segments: list[Segment],
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


def _canal_offset(spec: DiscSpec | BodySpec, segment: Segment) -> float:
    """Distance from the middle of disc or body back to the middle of the canal."""
    return segment.body.width_mm / 2 + CANAL_GAP_MM + spec.canal_mm / 2
