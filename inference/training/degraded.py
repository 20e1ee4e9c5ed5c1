"""The same slice as a worse scanner, another sequence or a moving patient shows it.

Without bad images every outline fits, and nothing can be learned about confidence.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]
#: All strengths are our choice: from hardly visible to hardly readable.
NOISE_PART: Final = 0.25
BLUR_MM: Final = 2.5
COARSE_MM: Final = 2.5
GHOST_MM: Final = 22.0
AS_IT_IS: Final = "as it is"


def degraded(
    image: Image, spacing_mm: tuple[float, float], rng: np.random.Generator
) -> dict[str, Image]:
    """Return the slice and its worse versions by name.

    Args:
        image: Gray values, mostly 0 to 1, shape ``(rows, columns)``.
        spacing_mm: Distance between rows, then between columns.
        rng: Of noise, shading and contrast.

    """
    spacing = np.array(spacing_mm)
    return {
        AS_IT_IS: image,
        "noise": _noisy(image, NOISE_PART, rng),
        "blur": _blurred(image, BLUR_MM / spacing),
        "coarse pixels": _coarse(image, COARSE_MM / spacing),
        "inverted": (1 - image).astype(np.float32),
        "shaded": _shaded(image, rng),
        "ghosts": _ghosts(image, round(GHOST_MM / spacing_mm[0])),
        "another contrast": _noisy(_another_contrast(image, rng), NOISE_PART / 2, rng),
    }


def _noisy(image: Image, part: float, rng: np.random.Generator) -> Image:
    return np.hypot(
        image + rng.normal(scale=part, size=image.shape),
        rng.normal(scale=part, size=image.shape),
    ).astype(np.float32)


def _blurred(image: Image, sigma_px: NDArray[np.float64]) -> Image:
    return ndimage.gaussian_filter(image, sigma_px)


def _coarse(image: Image, step_px: NDArray[np.float64]) -> Image:
    small = ndimage.zoom(_blurred(image, step_px / 2), 1 / step_px, order=1)
    back = np.array(image.shape) / np.array(small.shape)
    return ndimage.zoom(small, back, order=1)[: image.shape[0], : image.shape[1]]


def _shaded(image: Image, rng: np.random.Generator) -> Image:
    coarse = rng.normal(scale=1.0, size=(3, 3))
    zoom = np.array(image.shape) / coarse.shape
    field = np.exp(ndimage.zoom(coarse, zoom, order=2))
    return (image * field[: image.shape[0], : image.shape[1]]).astype(np.float32)


def _ghosts(image: Image, step_px: int) -> Image:
    """Copies along the rows' direction, as of breathing in phase direction."""
    ghosts = (np.roll(image, step_px, axis=0) + np.roll(image, -step_px, axis=0)) / 2
    return (0.65 * image + 0.35 * ghosts).astype(np.float32)


def _another_contrast(image: Image, rng: np.random.Generator) -> Image:
    """A random curve over gray values that need not rise."""
    knots = np.linspace(0, 1, 5)
    return np.interp(image, knots, rng.random(5)).astype(np.float32)
