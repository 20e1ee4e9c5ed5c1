"""Signal voids at the spine, as implants make them: a stated heuristic.

Titanium and steel extinguish the signal around screws and rods far beyond their own
size (blooming). There are no operated spines in the data of this project, so this rule
was set on voids that were painted into real slices, and on real slices without any.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.errors import MetalError
from inference.geometry.midsagittal import MidSagittal
from inference.geometry.pieces import around, centroid
from inference.levels.naming import NamedSpine
from inference.results import Structure
from inference.volume import Volume

#: Signal below this part of the marrow's is a void. Our choice: ligaments and cortical
#: bone of SPIDER are mostly brighter, and what is darker is thin.
VOID_PART: Final = 0.1
SMOOTHING_MM: Final = 1.0  # our choice: noise does not break a void into pieces
#: Width of a void that no healthy tissue explains: a screw of 6 mm with its blooming.
#: Our choice, above the widest of real spines without metal (9.4 mm, the ligaments
#: between spinous processes; `python -m inference.training quality`).
MAX_VOID_MM: Final = 10.0
BEHIND_CANAL_MM: Final = 50.0  # our choice: to the tips of the spinous processes
BESIDE_MM: Final = 25.0  # our choice: from the middle to the outer end of a pedicle


def refuse_metal(volume: Volume, plane: MidSagittal, spine: NamedSpine) -> None:
    """Refuse a spine with a void from the middle of its bodies backward.

    Raises:
        MetalError: A void is wider than ``MAX_VOID_MM``.

    """
    refuse_void(widest_void_mm(volume, plane, spine))


def refuse_void(width_mm: float) -> None:
    """Refuse a void of this width.

    Raises:
        MetalError: It is wider than ``MAX_VOID_MM``.

    """
    if width_mm > MAX_VOID_MM:
        raise MetalError(f"a signal void of {width_mm:.0f} mm at the spine")


def widest_void_mm(volume: Volume, plane: MidSagittal, spine: NamedSpine) -> float:
    """Return the diameter of the largest circle that fits into a void.

    Voids that reach the edge of the zone are air, vessels or saturation bands, and do
    not count.

    Args:
        volume: The slices that were segmented, with square pixels.
        plane: The mid-sagittal slice of this volume.
        spine: Its instances.

    """
    spacing = volume.geometry.spacing_mm
    bodies = spine.instances(Structure.VERTEBRA)
    marrow = float(np.median(plane.signal[np.logical_or.reduce(bodies)]))
    zone = _on_grid(_zone(plane, bodies, spine), plane, volume)
    crop = around(zone, 0)
    beside = round(BESIDE_MM / spacing[0])
    first = max(0, plane.slice_index - beside)
    return max(
        _widest_px(image[crop], VOID_PART * marrow, zone[crop], float(spacing[1]))
        for image in volume.voxels[first : plane.slice_index + beside + 1]
    ) * float(spacing[1])


def _zone(
    plane: MidSagittal, bodies: list[NDArray[np.bool_]], spine: NamedSpine
) -> NDArray[np.bool_]:
    """From the middle of the bodies to behind the canal, between the end bodies."""
    height, width = plane.signal.shape
    middles = np.array([centroid(body) for body in reversed(bodies)])
    front = np.interp(np.arange(height), *middles.T)
    back = spine.center_line + BEHIND_CANAL_MM / plane.pixel_mm
    columns = np.arange(width)
    zone = (columns >= front[:, None]) & (columns <= back[:, None])
    rows = np.flatnonzero(np.logical_or.reduce(bodies).any(axis=1))
    zone[: rows[0]] = zone[rows[-1] + 1 :] = False
    return zone


def _on_grid(
    mask: NDArray[np.bool_], plane: MidSagittal, volume: Volume
) -> NDArray[np.bool_]:
    """Take a mask of the fine surface to rows and columns of the volume."""
    _, row_count, column_count = volume.geometry.shape
    _, rows = plane.nearest_rows(row_count)
    step = float(volume.geometry.spacing_mm[2]) / plane.pixel_mm
    columns = ((np.arange(column_count) + 0.5) * step).astype(int)
    return mask[np.ix_(rows, columns.clip(0, mask.shape[1] - 1))]


def _widest_px(
    image: NDArray[np.float32],
    void_signal: float,
    zone: NDArray[np.bool_],
    pixel_mm: float,
) -> float:
    smooth = ndimage.gaussian_filter(image, SMOOTHING_MM / pixel_mm)
    labels, _ = ndimage.label(smooth < void_signal)
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    inner = (labels > 0) & ~np.isin(labels, np.unique(np.concatenate(edges)))
    return float(2 * (ndimage.distance_transform_edt(inner) * zone).max())
