"""Write a volume as a DICOM MR series (PS3.3, A.4): phantoms, and slices without DICOM.

Nothing of a patient gets in here but what the caller gives.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from inference.volume import Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesDescription:
    """What a scanner would write beside the pixels.

    Attributes:
        patient_id: PatientID.
        patient_name: PatientName, ``"Family^Given"``.
        birth_date: PatientBirthDate.
        sex: ``"M"``, ``"F"`` or ``"O"``.
        study_date: StudyDate.
        description: SeriesDescription.
        echo_time_ms: EchoTime.
        repetition_time_ms: RepetitionTime.
        study_uid: StudyInstanceUID.

    """

    patient_id: str
    patient_name: str
    birth_date: date
    sex: str
    study_date: date
    description: str = "T2 sagittal lumbar"
    echo_time_ms: float = 100.0
    repetition_time_ms: float = 3500.0
    study_uid: str


def mr_series(volume: Volume, series: SeriesDescription) -> list[Dataset]:
    """Return one instance per slice of the volume, ready to be stored."""
    series_uid = generate_uid(entropy_srcs=[series.study_uid, series.description])
    affine = volume.geometry.affine_mm
    spacing = volume.geometry.spacing_mm
    top = max(float(volume.voxels.max()), 1.0)
    stored = np.round(volume.voxels.clip(0) / top * 4095).astype(np.uint16)
    instances = []
    for index, pixels in enumerate(stored):
        instance = _instance(series, series_uid, index)
        instance.ImagePositionPatient = _decimals(affine[:3, 3] + index * affine[:3, 0])
        instance.ImageOrientationPatient = _decimals(
            np.concatenate([affine[:3, 2] / spacing[2], affine[:3, 1] / spacing[1]])
        )
        instance.PixelSpacing = _decimals(spacing[1:])
        instance.SpacingBetweenSlices, instance.SliceThickness = _decimals(
            spacing[[0, 0]]
        )
        _set_pixels(instance, pixels)
        instances.append(instance)
    return instances


def _instance(series: SeriesDescription, series_uid: str, index: int) -> Dataset:
    instance = Dataset()
    instance.SOPClassUID = MRImageStorage
    instance.SOPInstanceUID = generate_uid(entropy_srcs=[series_uid, str(index)])
    instance.StudyInstanceUID, instance.SeriesInstanceUID = series.study_uid, series_uid
    instance.FrameOfReferenceUID = generate_uid(
        entropy_srcs=[series.study_uid, "frame"]
    )
    instance.PatientID, instance.PatientName = series.patient_id, series.patient_name
    instance.PatientBirthDate = series.birth_date.strftime("%Y%m%d")
    instance.PatientSex = series.sex
    instance.StudyDate = instance.SeriesDate = series.study_date.strftime("%Y%m%d")
    instance.StudyTime, instance.StudyID, instance.AccessionNumber = "120000", "1", ""
    instance.Modality, instance.BodyPartExamined = "MR", "LSPINE"
    instance.Manufacturer, instance.ReferringPhysicianName = "SPOILS", ""
    instance.StudyDescription = "MR lumbar spine"
    instance.SeriesDescription, instance.SeriesNumber = series.description, 1
    instance.InstanceNumber = index + 1
    instance.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    instance.ScanningSequence, instance.SequenceVariant = "SE", "SK"
    instance.ScanOptions, instance.MRAcquisitionType = "", "2D"
    instance.EchoTime = series.echo_time_ms
    instance.RepetitionTime = series.repetition_time_ms
    instance.EchoTrainLength = 1
    instance.PositionReferenceIndicator = ""
    instance.file_meta = FileMetaDataset()
    instance.file_meta.MediaStorageSOPClassUID = instance.SOPClassUID
    instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance.preamble = b"\0" * 128  # without it an archive stores what it cannot read
    return instance


def _set_pixels(instance: Dataset, pixels: NDArray[np.uint16]) -> None:
    instance.SamplesPerPixel, instance.PhotometricInterpretation = 1, "MONOCHROME2"
    instance.Rows, instance.Columns = pixels.shape
    instance.BitsAllocated, instance.BitsStored, instance.HighBit = 16, 12, 11
    instance.PixelRepresentation = 0
    instance.PixelData = np.ascontiguousarray(pixels, dtype="<u2").tobytes()


def _decimals(values: NDArray[np.float64]) -> list[float]:
    """Round to what a DS of 16 characters can hold."""
    return [float(f"{value:.8g}") for value in values]
