"""Random geometry and contrast, on whole batches, in torch.

One interpolation from the source slice to the crop: position, rotation, scale, aspect
and elastic deformation together. Contrast follows SynthSeg (Billot et al. 2023,
doi:10.1016/j.media.2023.102789): signal that the mask decides, so that the network
learns shapes that hold on T1, T2 and STIR of any scanner.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.geometry.midsagittal import CHANNEL
from inference.results import Structure
from inference.segmentation.network import LUMBOSACRAL
from inference.segmentation.preprocessing import NETWORK_SPACING_MM, normalized
from inference.training.data import LabeledSlice

CROP = (352, 256)  # rows, columns: 229 x 166 mm, the lumbar spine with its sacrum
ROTATION_DEGREES = 15.0
LOG_SCALE = 0.3  # about 0.74 to 1.35
LOG_ASPECT = 0.12
ELASTIC_MM = 4.0
ELASTIC_GRID = (6, 5)


def random_crops(
    slices: Sequence[LabeledSlice], rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Cut one random, deformed crop out of each slice.

    Returns:
        Images ``(n, 1, *CROP)`` and labels ``(n, *CROP)``.

    """
    pairs = [_crop(item, rng) for item in slices]
    images = torch.stack([image for image, _ in pairs])
    labels = torch.stack([labels for _, labels in pairs])
    return images, labels


def random_contrast(images: Tensor, labels: Tensor, rng: np.random.Generator) -> Tensor:
    """Change signal, shading, sharpness and noise of each image at random."""
    return torch.stack(
        [
            _contrast(image, label, rng)
            for image, label in zip(images, labels, strict=True)
        ]
    )


def _crop(item: LabeledSlice, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    rows, columns = item.image.shape
    grid_mm = _deformed_grid_mm(rng)
    center = _center(item, rng)
    pixels = grid_mm / np.array(item.spacing_mm, np.float32) + center
    scale = 2 / np.array([rows - 1, columns - 1], np.float32)
    grid = torch.from_numpy((pixels * scale - 1)[None, ..., ::-1].copy())
    image = torch.from_numpy(item.image)[None, None]
    labels = torch.from_numpy(item.labels.astype(np.float32))[None, None]
    return (
        functional.grid_sample(image, grid, "bilinear", align_corners=True)[0],
        functional.grid_sample(labels, grid, "nearest", align_corners=True)[
            0, 0
        ].long(),
    )


def _center(item: LabeledSlice, rng: np.random.Generator) -> np.ndarray:
    """Choose the crop's center, nine times of ten on the spine."""
    rows, columns = item.image.shape
    if rng.random() < 0.9 and item.labels.any():  # noqa: PLR2004  our choice
        spine = np.flatnonzero(item.labels)
        return np.array(divmod(int(rng.choice(spine)), columns), np.float32)
    return np.array([rng.uniform(0, rows), rng.uniform(0, columns)], np.float32)


def _deformed_grid_mm(rng: np.random.Generator) -> np.ndarray:
    """Offsets in mm of each crop pixel from the center, shape ``(*CROP, 2)``."""
    axes = [(np.arange(size) - size / 2) * NETWORK_SPACING_MM for size in CROP]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    angle = np.radians(rng.uniform(-ROTATION_DEGREES, ROTATION_DEGREES))
    cosine, sine = np.cos(angle), np.sin(angle)
    aspect = np.exp(rng.uniform(-LOG_ASPECT, LOG_ASPECT))
    stretch = np.exp(rng.uniform(-LOG_SCALE, LOG_SCALE)) * np.array(
        [aspect, 1 / aspect]
    )
    grid = grid @ np.array([[cosine, -sine], [sine, cosine]]) * stretch
    coarse = torch.from_numpy(
        rng.normal(scale=ELASTIC_MM / 2, size=(1, 2, *ELASTIC_GRID))
    )
    smooth = functional.interpolate(coarse, CROP, mode="bicubic", align_corners=True)
    return (grid + smooth[0].permute(1, 2, 0).numpy()).astype(np.float32)


def _contrast(image: Tensor, labels: Tensor, rng: np.random.Generator) -> Tensor:
    if rng.random() < 0.4:  # noqa: PLR2004  our choice
        image = _signal_by_class(image, labels, rng)
    if rng.random() < 0.6:  # noqa: PLR2004  our choice
        image = _remapped(image, rng)
    if rng.random() < 0.8:  # noqa: PLR2004  our choice
        image = image * _bias_field(rng)
    if rng.random() < 0.4:  # noqa: PLR2004  our choice
        image = _low_resolution(image, rng)
    noise = torch.from_numpy(rng.normal(size=tuple(image.shape)).astype(np.float32))
    image = image + noise * float(rng.uniform(0, 0.08))
    return torch.from_numpy(normalized(image.numpy()))


def _signal_by_class(image: Tensor, labels: Tensor, rng: np.random.Generator) -> Tensor:
    """Give each structure another mean and contrast, with soft borders."""
    tissues = LUMBOSACRAL  # L5/S1 looks like any disc
    labels = torch.where(labels == LUMBOSACRAL, CHANNEL[Structure.DISC], labels)
    masks = functional.one_hot(labels, tissues).permute(2, 0, 1).float()
    soft = functional.avg_pool2d(masks[None], 3, stride=1, padding=1)[0]
    mean = (image * masks).sum((1, 2)) / masks.sum((1, 2)).clamp(min=1)
    wanted = torch.from_numpy(rng.uniform(0.05, 0.95, tissues).astype(np.float32))
    contrast = torch.from_numpy(rng.uniform(0.3, 1.5, tissues).astype(np.float32))
    contrast = contrast * torch.from_numpy(
        rng.choice([1.0, -1.0], tissues, p=[0.8, 0.2]).astype(np.float32)
    )
    keep = float(rng.uniform(0, 0.5))
    wanted = keep * mean + (1 - keep) * wanted
    changed = wanted[:, None, None] + contrast[:, None, None] * (
        image - mean[:, None, None]
    )
    # Background keeps its own tissues: only their contrast is changed, not replaced.
    return (soft * changed).sum(0, keepdim=True)


def _remapped(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Apply a random piecewise linear curve; one in four is not monotone."""
    knots = np.linspace(0, 1, 6)
    values = np.cumsum(rng.gamma(1.0, size=6))
    values = (values - values[0]) / (values[-1] - values[0])
    if rng.random() < 0.25:  # noqa: PLR2004  our choice
        values = rng.random(6)
    if rng.random() < 0.15:  # noqa: PLR2004  our choice
        values = 1 - values
    mapped = np.interp(image.numpy(), knots, values).astype(np.float32)
    return torch.from_numpy(mapped)


def _bias_field(rng: np.random.Generator) -> Tensor:
    coarse = torch.from_numpy(
        rng.normal(scale=0.4, size=(1, 1, 4, 3)).astype(np.float32)
    )
    field = functional.interpolate(coarse, CROP, mode="bicubic", align_corners=True)
    return torch.exp(field[0])


def _low_resolution(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur as an acquisition with larger pixels would."""
    factor = rng.uniform(0.4, 0.9)
    size = [round(length * factor) for length in CROP]
    if rng.random() < 0.5:  # noqa: PLR2004  anisotropic: one axis only
        size[int(rng.integers(2))] = CROP[int(rng.integers(2))]
    small = functional.interpolate(image[None], size, mode="bilinear", antialias=True)
    return functional.interpolate(small, CROP, mode="bilinear")[0]
