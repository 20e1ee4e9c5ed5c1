"""DICOM MR intake: files in, one sagittal volume out, or a refusal that says why.

Header first: whatever is too large, missing or contradictory is refused before a pixel
is decoded. Only ``InferenceError`` and its children leave this package; their messages
name the tag and its value, and never whose images they are.
"""

from inference.dicom.files import read_instance
from inference.dicom.frames import Frame
from inference.dicom.identity import identity_of
from inference.dicom.selection import select_series
from inference.dicom.study import study_of
from inference.dicom.volumes import read_volume, slice_frames

__all__ = [
    "Frame",
    "identity_of",
    "read_instance",
    "read_volume",
    "select_series",
    "slice_frames",
    "study_of",
]
