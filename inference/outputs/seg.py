"""The named structures as a DICOM segmentation (PS3.3, A.51), by highdicom."""

import hashlib
from datetime import datetime
from typing import Final

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)

from inference.levels.named_voxels import Name, NamedVoxels
from inference.outputs.codes import (
    ANATOMICAL_STRUCTURE,
    ARTIFICIAL_INTELLIGENCE,
    PRODUCT,
    STRUCTURES,
)
from inference.outputs.repeatable import derived_uid, stamp
from inference.outputs.source import SourceSeries
from inference.results import Level, ModelVersion, Structure, Vertebra

SERIES_NUMBER: Final = 7001  # our choice: above those of scanners
LABEL: Final = "SPINE"
#: Red, green, blue; our choice: the same as in the picture. Neighbors alternate.
COLORS: Final[dict[type, tuple[tuple[int, int, int], ...]]] = {
    Vertebra: ((92, 179, 255), (41, 121, 214)),
    Level: ((255, 183, 77), (239, 120, 40)),
    Structure: ((129, 212, 120),),
}


def segmentation_object(
    voxels: NamedVoxels,
    source: SourceSeries,
    model: ModelVersion,
    created: datetime,
) -> Segmentation:
    """Return one segment per named structure, on the images that it was found on.

    Args:
        voxels: On the grid of the source.
        source: The images.
        model: What found the structures.
        created: When.

    """
    names = voxels.names
    content = hashlib.sha256(voxels.labels.tobytes()).hexdigest()
    identity = (source.study_uid, source.series_uid, model.sha256)
    dataset = Segmentation(
        source_images=source.headers,
        pixel_array=_frames(voxels, source, names),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(number, name, source, model)
            for number, name in enumerate(names, start=1)
        ],
        series_instance_uid=derived_uid(*identity, "SEG series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derived_uid(*identity, "SEG", content),
        instance_number=1,
        manufacturer=PRODUCT,
        manufacturer_model_name=model.name,
        software_versions=model.version,
        device_serial_number=model.sha256[:16],
        content_label=LABEL,
        content_description="Vertebrae, discs and canal by AI; not verified",
        series_description="Spine segmentation by AI, not verified",
        content_date=created.date(),
        content_time=created.time().replace(microsecond=0),
    )
    uid = derived_uid(str(dataset.SOPInstanceUID), "dimensions")
    dimensions = (
        *dataset.DimensionOrganizationSequence,
        *dataset.DimensionIndexSequence,
    )
    for item in dimensions:
        item.DimensionOrganizationUID = uid
    stamp(dataset, created)
    return dataset


def tracking_uid(source: SourceSeries, name: Name) -> str:
    """Return the UID by which segment and measurements name the same structure."""
    return derived_uid(source.study_uid, source.series_uid, "structure", name)


def color_of(name: Name) -> tuple[int, int, int]:
    """Return the color of a structure as red, green, blue."""
    colors = COLORS[type(name)]
    return colors[list(type(name)).index(name) % len(colors)]


def _frames(
    voxels: NamedVoxels, source: SourceSeries, names: tuple[Name, ...]
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Segment numbers on every frame of the source; those not used stay empty."""
    frames = np.zeros((source.frame_count, *voxels.geometry.shape[1:]), np.uint8)
    for number, name in enumerate(names, start=1):
        for frame, mask in zip(source.frames, voxels.mask(name), strict=True):
            frames[frame][mask] = number
    return frames


def _description(
    number: int, name: Name, source: SourceSeries, model: ModelVersion
) -> SegmentDescription:
    return SegmentDescription(
        segment_number=number,
        segment_label=str(name),
        segmented_property_category=ANATOMICAL_STRUCTURE,
        segmented_property_type=STRUCTURES[name],
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=model.name,
            family=ARTIFICIAL_INTELLIGENCE,
            version=model.version,
            source=PRODUCT,
            parameters={"sha256": model.sha256},
        ),
        tracking_uid=tracking_uid(source, name),
        tracking_id=str(name),
        display_color=CIELabColor.from_rgb(*color_of(name)),
    )
