"""A DICOM series of three small slices, for tests that need no anatomy."""

import numpy as np
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

SIDE_PIXELS = 8


def tiny_series(*, study_uid: str, description: str, slices: int = 3) -> list[Dataset]:
    series_uid = generate_uid()
    return [
        _slice(study_uid, series_uid, description, number)
        for number in range(1, slices + 1)
    ]


def _slice(study_uid: str, series_uid: str, description: str, number: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = study_uid
    dataset.SeriesInstanceUID = series_uid
    dataset.SeriesDescription = description
    dataset.Modality = "MR"
    dataset.PatientID = "SB-1"
    dataset.PatientName = "Example^Ada"
    dataset.InstanceNumber = number
    dataset.Rows = dataset.Columns = SIDE_PIXELS
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    pixels = np.full((SIDE_PIXELS, SIDE_PIXELS), number, np.uint16)
    dataset.PixelData = pixels.tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.preamble = b"\0" * 128  # Orthanc cannot give back what has none
    return dataset
