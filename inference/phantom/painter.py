"""Labels and tissue signal of a phantom: bodies are rounded boxes, discs wedges."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from inference.phantom.anatomy import (
    CANAL_GAP_MM,
    ENDPLATE_MM,
    Block,
    Pose,
    Segment,
    canal_line,
)
from inference.phantom.spec import BodySpec, PhantomSpec
from inference.results import Structure

CSF_SIGNAL = 800.0  # our choice: fills the stored 16 bits without touching their ends
CORNER_MM = 3.0  # our choice: rounds the corners outside the central 80 % of a body
ANNULUS_MM = 1.5  # our choice, idem for a disc
LATERAL_MM = 23.0  # half the transverse body width, clinical range 36 to 47 mm
CANAL_LATERAL_MM = 11.0  # half the canal width, 21 to 28 mm (ijssurgery 15/6/1072)
FAT_MM = 2.5  # our choice: epidural fat around the dural sac


class Painter:
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

    def paint(self, segments: list[Segment]) -> None:
        """Draw from the back of the picture to the front."""
        self._soft_tissue(segments)
        self._sacrum(segments[0])
        self._canal(segments)
        for segment in segments:
            self._posterior_elements(segment.body, segment.body_pose)
        for segment in segments:
            self._body(segment.body_block)
        for segment in segments:
            self._disc(segment.disc_block, segment.disc.degeneration)

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

    def _local(self, pose: Pose) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        y, z = self.y - pose.center_mm[0], self.z - pose.center_mm[1]
        return (
            y * pose.along[0] + z * pose.along[1],
            y * pose.up[0] + z * pose.up[1],
        )

    def _fill(self, where: NDArray[np.bool_], tissue: str, label: int = 0) -> None:
        self.signal[where] = self.tissue[tissue]
        self.labels[where] = label

    def _soft_tissue(self, segments: list[Segment]) -> None:
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

    def _sacrum(self, lowest: Segment) -> None:
        """Draw S1 to S3 as background: the sacrum has no label in SPIDER."""
        step = lowest.disc.height_mm / 2 + ENDPLATE_MM
        corner = lowest.disc_pose.center_mm - step * lowest.disc_pose.up
        tilt = np.radians(self.spec.sacral_slope_degrees)
        for height, width in ((26.0, 30.0), (22.0, 22.0), (18.0, 15.0)):
            pose = Pose.above(corner, tilt, -height / 2)
            along, across = self._local(pose)
            inside = _rounded(along, across, width / 2, height / 2, CORNER_MM)
            inside[np.abs(self.x) > LATERAL_MM * 1.2] = 1
            self._fill(inside < 0, "cortex")
            self._fill(inside < -ENDPLATE_MM, "marrow")
            corner = corner - (height + 1.5) * pose.up
            tilt += np.radians(14)

    def _canal(self, segments: list[Segment]) -> None:
        line, diameter = canal_line(segments)
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

    def _posterior_elements(self, spec: BodySpec, pose: Pose) -> None:
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

    def _body(self, block: Block) -> None:
        along, across = self._local(block.pose)
        half = block.width_mm / 2 * self._lateral_profile()
        height = block.half_height_mm(along)
        distance = _rounded(along, across, half, height, CORNER_MM)
        distance[np.abs(self.x) >= LATERAL_MM] = 1
        self._fill((distance < ENDPLATE_MM) & (self.labels == 0), "cortex")
        self._fill(
            distance < 0, "marrow", 1 + list(Structure).index(Structure.VERTEBRA)
        )
        vein = (np.abs(across) < 1.2) & (along > half - 9) & (distance < 0)  # noqa: PLR2004
        self.signal[vein & (np.abs(self.x) < 6)] = self.tissue["fat"]  # noqa: PLR2004

    def _disc(self, block: Block, degeneration: float) -> None:
        along, across = self._local(block.pose)
        half = block.width_mm / 2 * self._lateral_profile()
        height = block.half_height_mm(along)
        radius = np.minimum(ANNULUS_MM, height)
        distance = _rounded(along, across, half, height, radius)
        distance[np.abs(self.x) >= LATERAL_MM] = 1
        inside = distance < 0
        self._fill(inside, "annulus", 1 + list(Structure).index(Structure.DISC))
        nucleus = (np.hypot(along / (0.7 * half + 1e-6), across / height) < 1) & inside
        bright, dark = self.tissue["nucleus"], self.tissue["black disc"]
        self.signal[nucleus] = bright + (dark - bright) * degeneration

    def _lateral_profile(self) -> NDArray[np.float64]:
        """Depth of body and disc off the midline, as a part of that at the midline."""
        return np.sqrt(np.clip(1 - (self.x / LATERAL_MM) ** 4, 0, 1))


def _rounded(
    along: NDArray[np.float64],
    across: NDArray[np.float64],
    half_length: NDArray[np.float64] | float,
    half_height: NDArray[np.float64] | float,
    radius: NDArray[np.float64] | float,
) -> NDArray[np.float64]:
    """Signed distance in mm to a box with rounded corners, negative inside."""
    qx = np.abs(along) - half_length + radius
    qy = np.abs(across) - half_height + radius
    outside = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0))
    return outside + np.minimum(np.maximum(qx, qy), 0) - radius
