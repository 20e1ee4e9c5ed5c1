"""What is kept of an analysis so that its DICOM objects can be made later.

The masks on the grid of the series, and the headers that an object copies
(``source.COPIED``): one compressed block of bytes, without any pixels of the images.
"""

from io import BytesIO
from typing import Final

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from inference.levels.named_voxels import NamedVoxels
from inference.outputs.source import SourceSeries
from inference.volume import Geometry

NOT_KEPT: Final = "these are no kept masks"


def pack_masks(voxels: NamedVoxels, source: SourceSeries) -> bytes:
    """Return masks and headers as bytes.

    Args:
        voxels: On the grid of the source.
        source: The images.

    """
    block = BytesIO()
    np.savez_compressed(
        block,
        labels=voxels.labels,
        affine_mm=voxels.geometry.affine_mm,
        frames=np.array(source.frames),
        frame_count=np.array(source.frame_count),
        headers=np.frombuffer(_encoded(source), np.uint8),
    )
    return block.getvalue()


def unpack_masks(packed: bytes) -> tuple[NamedVoxels, SourceSeries]:
    """Return what was packed.

    Raises:
        ValueError: The bytes are not from ``pack_masks``.

    """
    try:
        with np.load(BytesIO(packed), allow_pickle=False) as block:
            labels, affine_mm = block["labels"], block["affine_mm"]
            frames, count = block["frames"], block["frame_count"]
            encoded = block["headers"].tobytes()
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise ValueError(NOT_KEPT) from error
    container = dcmread(BytesIO(encoded))
    return (
        NamedVoxels(
            labels=labels, geometry=Geometry(affine_mm=affine_mm, shape=labels.shape)
        ),
        SourceSeries(
            headers=tuple(container.ReferencedInstanceSequence),
            frames=tuple(frames.tolist()),
            frame_count=int(count),
        ),
    )


def _encoded(source: SourceSeries) -> bytes:
    """Write the headers as the items of one dataset: DICOM keeps them exactly."""
    container = Dataset()
    container.ReferencedInstanceSequence = list(source.headers)
    container.file_meta = FileMetaDataset()
    container.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    container.file_meta.MediaStorageSOPClassUID = source.headers[0].SOPClassUID
    container.file_meta.MediaStorageSOPInstanceUID = source.headers[0].SOPInstanceUID
    written = BytesIO()
    container.save_as(written, enforce_file_format=True)
    return written.getvalue()
