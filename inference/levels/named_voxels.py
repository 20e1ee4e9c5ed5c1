"""Names for the voxels of all slices, from the instances of the mid-sagittal plane.

The rule, for each of vertebra, disc and canal:

1. A voxel takes the name of the instance that is nearest along paths that do not leave
   the structure. So a spinous process belongs to the body that its own pedicles lead
   to, not to the body that it hangs in front of.
2. Where no path leads to an instance, the nearest voxel that has a name gives it, up to
   ``MAX_GAP_MM``: thick slices break laminae.
3. What is farther away has no name, and belongs to nothing that is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from inference.geometry.midsagittal import CHANNEL, MidSagittal
from inference.levels.naming import NamedSpine
from inference.results import Level, Structure, Vertebra
from inference.volume import Geometry, SpineSegmentation

Scalar = TypeVar("Scalar", np.float32, np.uint8)
Name = Vertebra | Level | Structure
#: Everything that can have a name, in the order of its label from 1.
NAMES: Final[tuple[Name, ...]] = (*Vertebra, *Level, Structure.CANAL)
#: Label of instances that are told apart but have no name, such as T12.
OTHER: Final = len(NAMES) + 1
#: Our choice: two slices of 4 mm, less than the least distance between two discs.
MAX_GAP_MM: Final = 8.0
#: Steps to neighbors, as (slice, row, column); each is taken in both directions.
STEPS: Final = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (0, 1, -1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamedVoxels:
    """Which named structure each voxel belongs to.

    Attributes:
        labels: uint8, shape ``(slices, rows, columns)``: 0 for none, else 1 plus the
            index into ``NAMES``.
        geometry: Where the voxels lie.

    """

    labels: NDArray[np.uint8]
    geometry: Geometry

    @property
    def names(self) -> tuple[Name, ...]:
        """The structures that have at least one voxel, in the order of ``NAMES``."""
        counts = np.bincount(self.labels.ravel(), minlength=OTHER)
        return tuple(
            name for name, count in zip(NAMES, counts[1:], strict=False) if count
        )

    def mask(self, name: Name) -> NDArray[np.bool_]:
        """Where a structure is."""
        found: NDArray[np.bool_] = self.labels == label_of(name)
        return found


def label_of(name: Name) -> int:
    """Return the label of a name."""
    return 1 + NAMES.index(name)


def name_voxels(
    segmentation: SpineSegmentation,
    plane: MidSagittal,
    spine: NamedSpine,
    target: Geometry,
) -> NamedVoxels:
    """Name the voxels of another grid of the same slices.

    Args:
        segmentation: All slices, as the network sees them.
        plane: The mid-sagittal plane of it.
        spine: The instances on that plane.
        target: The grid to fill, such as that of the series itself.

    """
    into = np.linalg.inv(segmentation.geometry.affine_mm) @ target.affine_mm
    labels = np.zeros(target.shape, np.uint8)
    if not segmentation.labels.any():
        return NamedVoxels(labels=labels, geometry=target)
    box = _box_on(segmentation.labels > 0, into, target.shape)
    inside = labels[box]
    into[:3, 3] += into[:3, :3] @ [part.start for part in box]
    classes = _classes_on(segmentation, into, inside.shape)
    for structure, instances in _instances(spine).items():
        names = _spread(segmentation, plane, structure, instances)
        here = classes == CHANNEL[structure]
        inside[here] = _resampled(names, into, inside.shape, order=0)[here]
    inside[inside == OTHER] = 0
    return NamedVoxels(labels=labels, geometry=target)


def _box_on(
    mask: NDArray[np.bool_],
    into: NDArray[np.float64],
    shape: tuple[int, int, int],
) -> tuple[slice, slice, slice]:
    """Return the part of another grid that a mask can reach, and a voxel more."""
    found = np.nonzero(mask)
    ends = [(values.min() - 1, values.max() + 1) for values in found]
    corners = np.array(np.meshgrid(*ends)).reshape(3, -1) - into[:3, 3:]
    there = np.linalg.solve(into[:3, :3], corners)
    first, second, third = (
        slice(max(0, int(values.min()) - 1), min(size, int(values.max()) + 2))
        for values, size in zip(there, shape, strict=True)
    )
    return first, second, third


def _instances(
    spine: NamedSpine,
) -> dict[Structure, list[tuple[int, NDArray[np.bool_]]]]:
    """Label and mask on the plane of every instance of a structure."""
    other = [
        [(OTHER, mask) for kind, mask in spine.unnamed if kind is structure]
        for structure in (Structure.VERTEBRA, Structure.DISC)
    ]
    return {
        Structure.VERTEBRA: _labeled(spine.bodies) + other[0],
        Structure.DISC: _labeled(spine.discs) + other[1],
        Structure.CANAL: [(label_of(Structure.CANAL), spine.canal)],
    }


def _labeled(
    masks: Mapping[Vertebra, NDArray[np.bool_]] | Mapping[Level, NDArray[np.bool_]],
) -> list[tuple[int, NDArray[np.bool_]]]:
    return [(label_of(name), mask) for name, mask in masks.items()]


def _classes_on(
    segmentation: SpineSegmentation,
    into: NDArray[np.float64],
    shape: tuple[int, int, int],
) -> NDArray[np.uint8]:
    """Most probable class on another grid, with probabilities interpolated."""
    best = np.zeros(shape, np.float32)
    classes = np.zeros(shape, np.uint8)
    for channel, probability in enumerate(segmentation.probabilities):
        here = _resampled(probability, into, shape, order=1)
        is_better = here > best
        best[is_better], classes[is_better] = here[is_better], channel
    return classes


def _resampled(
    values: NDArray[Scalar],
    into: NDArray[np.float64],
    shape: tuple[int, int, int],
    *,
    order: Literal[0, 1],
) -> NDArray[Scalar]:
    return ndimage.affine_transform(
        values,
        into[:3, :3],
        offset=into[:3, 3],
        output_shape=shape,
        order=order,
        mode="nearest",
    )


def _spread(
    segmentation: SpineSegmentation,
    plane: MidSagittal,
    structure: Structure,
    instances: list[tuple[int, NDArray[np.bool_]]],
) -> NDArray[np.uint8]:
    """Label per voxel on the grid of the segmentation, a little beyond the structure.

    A little beyond, so that the structure may end between two voxels on another grid.
    """
    spacing_mm = segmentation.geometry.spacing_mm
    mask = segmentation.labels == CHANNEL[structure]
    spread = np.zeros(mask.shape, np.uint8)
    if not mask.any():
        return spread
    box = _box(mask, spacing_mm)
    seeds = _seeds(mask, plane, instances, spacing_mm)
    labels = _nearest_by_path(mask[box], seeds[box], spacing_mm)
    distance_mm, nearest = ndimage.distance_transform_edt(
        labels == 0, sampling=spacing_mm, return_indices=True
    )
    near = labels[tuple(nearest)]
    near[distance_mm > MAX_GAP_MM] = 0
    spread[box] = near
    return spread


def _box(
    mask: NDArray[np.bool_], spacing_mm: NDArray[np.float64]
) -> tuple[slice, slice, slice]:
    """Return the part of the grid that holds a structure and what is named near it."""
    first, second, third = (
        slice(max(0, found.min() - reach), found.max() + reach + 1)
        for found, reach in zip(
            np.nonzero(mask), np.ceil(MAX_GAP_MM / spacing_mm).astype(int), strict=True
        )
    )
    return first, second, third


def _seeds(
    mask: NDArray[np.bool_],
    plane: MidSagittal,
    instances: list[tuple[int, NDArray[np.bool_]]],
    spacing_mm: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Labels of the instances on the slices that they were found on."""
    fine: NDArray[np.uint8] = np.zeros(plane.signal.shape, np.uint8)
    for label, instance in instances:
        fine[instance] = label
    slices, rows = plane.nearest_rows(mask.shape[1])
    fine_columns = (np.arange(mask.shape[2]) + 0.5) * spacing_mm[2] / plane.pixel_mm
    columns = np.clip(np.round(fine_columns - 0.5), 0, fine.shape[1] - 1).astype(int)
    seeds = np.zeros(mask.shape, np.uint8)
    every_row = np.arange(mask.shape[1])
    own = mask[slices, every_row]
    seeds[slices, every_row] = fine[np.ix_(rows, columns)] * own
    return seeds


def _nearest_by_path(
    mask: NDArray[np.bool_],
    seeds: NDArray[np.uint8],
    spacing_mm: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Give each voxel of the mask the label of the seed that is nearest within it."""
    node = np.full(mask.shape, -1, np.int64)
    count = np.count_nonzero(mask)
    node[mask] = np.arange(count)
    starts, ends, lengths = [], [], []
    for step in STEPS:
        here, there = _shifted(node, step)
        both = (here >= 0) & (there >= 0)
        starts.append(here[both])
        ends.append(there[both])
        lengths.append(np.full(starts[-1].size, np.linalg.norm(step * spacing_mm)))
    paths = coo_array(
        (np.concatenate(lengths), (np.concatenate(starts), np.concatenate(ends))),
        shape=(count, count),
    ).tocsr()
    labels = np.zeros(mask.shape, np.uint8)
    seeded = node[(seeds > 0) & mask]
    if not seeded.size:
        return labels
    _, _, sources = dijkstra(
        paths, directed=False, indices=seeded, min_only=True, return_predecessors=True
    )
    is_reached = sources >= 0
    found = np.zeros(count, np.uint8)
    found[is_reached] = seeds[mask][sources[is_reached]]
    labels[mask] = found
    return labels


def _shifted(
    node: NDArray[np.int64], step: tuple[int, int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two views of an array of which one is a step further along."""
    here = tuple(slice(max(0, -by), min(0, -by) or None) for by in step)
    there = tuple(slice(max(0, by), min(0, by) or None) for by in step)
    return node[here], node[there]
