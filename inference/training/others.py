"""Images that are no sagittal MRI of a lumbar spine, to be refused.

Drawn ones, pictures that come with scikit-image and pydicom (CT, MRI of other parts,
ultrasound, photographs), and real spines turned so that the header would lie. Real
knees and more heads are not part of any library here: ``folder_of_series`` reads them
from DICOM where there are some.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from scipy import ndimage
from skimage import data
from skimage.color import rgb2gray

from inference.volume import SAGITTAL_DIRECTIONS, Geometry, Volume

Image = NDArray[np.float32]
SHAPE: Final = (448, 320)  # our choice: 310 x 220 mm, as a lumbar MRI
PIXEL_MM: Final = 0.7
SLICE_MM: Final = 4.0
VOID_HALF_MM: Final = (7.0, 22.0)  # our choice: a screw of 6 x 45 mm and its blooming
RIM: Final = 1.2  # our choice: outer edge of the bright rim, in half axes
PICTURES: Final = (
    "astronaut",
    "brick",
    "camera",
    "cat",
    "cell",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "moon",
    "page",
    "retina",
    "rocket",
    "shepp_logan_phantom",
    "text",
)
DICOM: Final = (
    "693_J2KI.dcm",  # CT of a head
    "CT_small.dcm",
    "MR_small.dcm",
    "examples_overlay.dcm",  # MR of an abdomen
    "liver_1frame.dcm",
)


def drawn(rng: np.random.Generator) -> Iterator[tuple[str, Image]]:
    """Yield images without anatomy, and simple shapes of other anatomy."""
    yield "empty", np.zeros(SHAPE, np.float32)
    yield "constant", np.full(SHAPE, 100, np.float32)
    yield (
        "gradient",
        np.linspace(0, 1, SHAPE[0], dtype=np.float32)[:, None]
        * np.ones(SHAPE[1], np.float32),
    )
    yield "noise", rng.random(SHAPE).astype(np.float32)
    yield "magnitude noise", np.hypot(*rng.normal(size=(2, *SHAPE))).astype(np.float32)
    for sigma in (3, 8, 20):
        smooth = ndimage.gaussian_filter(rng.normal(size=SHAPE), sigma)
        yield f"smooth noise {sigma}", smooth.astype(np.float32)
    yield "spheres", _ellipses(_grid_of_spheres())
    yield (
        "column of spheres",
        _ellipses([(row, 150, 18, 18, 1.0) for row in range(40, 440, 45)]),
    )
    yield "column of blocks", _blocks(rng)
    for index in range(4):
        yield f"knee {index}", _knee(rng)


def pictures() -> Iterator[tuple[str, Image]]:
    """Yield the pictures that come with scikit-image."""
    for name in PICTURES:
        picture = getattr(data, name)()
        gray = rgb2gray(picture[..., :3]) if picture.ndim > 2 else picture  # noqa: PLR2004
        step = -(-max(gray.shape) // max(SHAPE))
        yield name, gray[::step, ::step].astype(np.float32)


def dicom_files() -> Iterator[tuple[str, Image]]:
    """Yield CT and MRI of other parts of the body that come with pydicom."""
    for name in DICOM:
        path = get_testdata_file(name)
        if isinstance(path, str):
            yield name, pydicom.dcmread(path).pixel_array.astype(np.float32)


def turned(image: Image) -> Iterator[tuple[str, Image]]:
    """Yield a sagittal slice as a header that lies about its axes would show it."""
    yield "upside down", image[::-1]
    yield "back to front", image[:, ::-1]
    yield "quarter turn", np.rot90(image)
    yield "three quarter turn", np.rot90(image, 3)


def with_void(
    volume: Volume, center_mm: tuple[float, float], rng: np.random.Generator
) -> Volume:
    """Extinguish an ellipse in every slice, with a bright rim as metal makes it.

    Args:
        volume: Sagittal.
        center_mm: Row and column of the middle of the void, from the upper left.
        rng: Of the noise inside.

    """
    rows, columns = np.indices(volume.geometry.shape[1:])
    spacing = volume.geometry.spacing_mm
    offset = np.hypot(
        (rows * spacing[1] - center_mm[0]) / VOID_HALF_MM[0],
        (columns * spacing[2] - center_mm[1]) / VOID_HALF_MM[1],
    )
    voxels = volume.voxels.copy()
    bright = float(np.percentile(voxels, 99.5))
    voxels[:, (offset >= 1) & (offset < RIM)] *= 2
    inside = offset < 1
    noise = np.abs(rng.normal(scale=0.01 * bright, size=int(inside.sum())))
    voxels[:, inside] = noise.astype(np.float32)
    return Volume(voxels=voxels.clip(0, bright), geometry=volume.geometry)


def folder_of_series(folder: Path) -> Iterator[tuple[str, Volume]]:
    """Yield each subfolder of DICOM slices as a volume, whatever it shows."""
    for path in sorted(item for item in folder.iterdir() if item.is_dir()):
        slices = [pydicom.dcmread(file) for file in sorted(path.glob("*.dcm"))]
        voxels = np.stack([item.pixel_array.astype(np.float32) for item in slices])
        row_mm, column_mm = (float(value) for value in slices[0].PixelSpacing)
        yield path.name, volume_of(voxels, (row_mm, column_mm))


def volume_of(
    images: Image | Sequence[Image],
    pixel_mm: tuple[float, float] = (PIXEL_MM, PIXEL_MM),
) -> Volume:
    """Return one image or a stack, declared as sagittal."""
    voxels = np.array(images, dtype=np.float32)
    voxels = voxels[None] if voxels.ndim == 2 else voxels  # noqa: PLR2004
    affine = np.eye(4)
    affine[:3, :3] = SAGITTAL_DIRECTIONS * np.array([SLICE_MM, *pixel_mm])
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    return Volume(voxels=voxels, geometry=Geometry(affine_mm=affine, shape=shape))


def _grid_of_spheres() -> list[tuple[float, float, float, float, float]]:
    return [
        (row, column, 12, 12, 1.0)
        for row in range(60, 420, 60)
        for column in range(50, 300, 60)
    ]


def _ellipses(
    parts: Sequence[tuple[float, float, float, float, float]],
) -> Image:
    """Draw (row, column, half height, half width, signal) one over the other."""
    rows, columns = np.indices(SHAPE)
    image = np.zeros(SHAPE)
    for row, column, half_height, half_width, signal in parts:
        inside = np.hypot((rows - row) / half_height, (columns - column) / half_width)
        image[inside < 1] = signal
    return ndimage.gaussian_filter(image, 1.0).astype(np.float32)


def _blocks(rng: np.random.Generator) -> Image:
    """A column of blocks with gaps, as of vertebrae, and nothing else."""
    image = 0.2 + 0.03 * rng.normal(size=SHAPE)
    for row in range(30, 410, 50):
        image[row : row + 38, 120:170] = 0.6
    return ndimage.gaussian_filter(image, 1.0).astype(np.float32)


def _knee(rng: np.random.Generator) -> Image:
    """Draw shaft and condyle of a femur, a tibia, a patella and fat, roughly."""
    fat, muscle, bone, dark = rng.permutation([0.9, 0.35, rng.uniform(0.4, 0.8), 0.05])
    joint = rng.uniform(200, 240)
    image = _ellipses(
        [
            (joint, 160, 400, 110, float(fat)),
            (joint, 175, 420, 80, float(muscle)),
            (joint - 150, 160, 150, 26, float(bone)),
            (joint - 34, 172, 36, 44, float(dark)),
            (joint - 34, 172, 33, 41, float(bone)),
            (joint + 30, 165, 26, 46, float(dark)),
            (joint + 30, 165, 23, 43, float(bone)),
            (joint + 160, 160, 150, 24, float(bone)),
            (joint - 40, 90, 28, 13, float(bone)),
        ]
    )
    noise = rng.normal(scale=0.03, size=(2, *SHAPE))
    return np.hypot(image + noise[0], noise[1]).astype(np.float32)
