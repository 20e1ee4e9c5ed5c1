"""From an image to its named spine, as the pipeline finds it."""

from inference.geometry.midsagittal import MidSagittal, mid_sagittal
from inference.levels.naming import NamedSpine, name_levels
from inference.segmentation.model import SegmentationModel
from inference.segmentation.preprocessing import NETWORK_SPACING_MM
from inference.segmentation.segment import segment
from inference.volume import Volume


def found_spine(
    volume: Volume, model: SegmentationModel
) -> tuple[Volume, MidSagittal, NamedSpine]:
    """Segment and name; the volume comes back on the network's grid.

    Raises:
        SpineNotFoundError: Nothing like a spine was found.

    """
    volume = volume.resampled_in_plane(NETWORK_SPACING_MM)
    plane = mid_sagittal(volume, segment(volume, model, lambda _: None))
    return volume, plane, name_levels(plane)
