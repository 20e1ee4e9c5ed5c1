"""Write a volume as a DICOM MR series: phantoms, and slices without DICOM.

Classic MR is one instance per slice (PS3.3, A.4), Enhanced MR one for all (A.36).

Nothing of a patient gets in here but what the caller gives.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

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
    instances = []
    for index, pixels in enumerate(_stored(volume)):
        instance = _instance(series, MRImageStorage, index)
        instance.ScanningSequence, instance.SequenceVariant = "SE", "SK"
        instance.ScanOptions, instance.MRAcquisitionType = "", "2D"
        instance.EchoTime = series.echo_time_ms
        instance.RepetitionTime = series.repetition_time_ms
        instance.EchoTrainLength = 1
        instance.ImagePositionPatient = _position(volume, index)
        instance.ImageOrientationPatient = _orientation(volume)
        instance.update(_pixel_measures(volume))
        _set_pixels(instance, pixels)
        instances.append(instance)
    return instances


def enhanced_mr(volume: Volume, series: SeriesDescription) -> Dataset:
    """Return the whole volume as one Enhanced MR instance, ready to be stored."""
    stored = _stored(volume)
    instance = _instance(series, EnhancedMRImageStorage, 0)
    instance.NumberOfFrames = len(stored)
    instance.DimensionIndexSequence = [
        _dataset(DimensionIndexPointer=0x00209056, FunctionalGroupPointer=0x00209111),
        _dataset(DimensionIndexPointer=0x00209057, FunctionalGroupPointer=0x00209111),
    ]
    instance.SharedFunctionalGroupsSequence = [
        _dataset(
            PlaneOrientationSequence=[
                _dataset(ImageOrientationPatient=_orientation(volume))
            ],
            PixelMeasuresSequence=[_pixel_measures(volume)],
            MRTimingAndRelatedParametersSequence=[
                _dataset(RepetitionTime=series.repetition_time_ms)
            ],
            MREchoSequence=[_dataset(EffectiveEchoTime=series.echo_time_ms)],
            MRImageFrameTypeSequence=[_dataset(FrameType=instance.ImageType)],
        )
    ]
    instance.PerFrameFunctionalGroupsSequence = [
        _dataset(
            FrameContentSequence=[
                _dataset(
                    StackID="1",
                    InStackPositionNumber=index + 1,
                    DimensionIndexValues=[1, index + 1],
                )
            ],
            PlanePositionSequence=[
                _dataset(ImagePositionPatient=_position(volume, index))
            ],
        )
        for index in range(len(stored))
    ]
    _set_pixels(instance, stored)
    return instance


def _dataset(**attributes: object) -> Dataset:
    dataset = Dataset()
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return dataset


def _stored(volume: Volume) -> NDArray[np.uint16]:
    top = max(float(volume.voxels.max()), 1.0)
    return np.round(volume.voxels.clip(0) / top * 4095).astype(np.uint16)


def _position(volume: Volume, index: int) -> list[float]:
    affine = volume.geometry.affine_mm
    return _decimals(affine[:3, 3] + index * affine[:3, 0])


def _orientation(volume: Volume) -> list[float]:
    affine, spacing = volume.geometry.affine_mm, volume.geometry.spacing_mm
    directions = [affine[:3, 2] / spacing[2], affine[:3, 1] / spacing[1]]
    return _decimals(np.concatenate(directions))


def _pixel_measures(volume: Volume) -> Dataset:
    slice_mm, row_mm, column_mm = _decimals(volume.geometry.spacing_mm)
    return _dataset(
        PixelSpacing=[row_mm, column_mm],
        SpacingBetweenSlices=slice_mm,
        SliceThickness=slice_mm,
    )


def _instance(series: SeriesDescription, sop_class: UID, index: int) -> Dataset:
    series_uid = generate_uid(entropy_srcs=[series.study_uid, series.description])
    instance = Dataset()
    instance.SOPClassUID = sop_class
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
    instance.PositionReferenceIndicator = ""
    instance.file_meta = FileMetaDataset()
    instance.file_meta.MediaStorageSOPClassUID = instance.SOPClassUID
    instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance.preamble = b"\0" * 128  # without it an archive stores what it cannot read
    return instance


def _set_pixels(instance: Dataset, pixels: NDArray[np.uint16]) -> None:
    instance.SamplesPerPixel, instance.PhotometricInterpretation = 1, "MONOCHROME2"
    instance.Rows, instance.Columns = pixels.shape[-2:]
    instance.BitsAllocated, instance.BitsStored, instance.HighBit = 16, 12, 11
    instance.PixelRepresentation = 0
    instance.PixelData = np.ascontiguousarray(pixels, dtype="<u2").tobytes()


def _decimals(values: NDArray[np.float64]) -> list[float]:
    """Round to what a DS of 16 characters can hold."""
    return [float(f"{value:.8g}") for value in values]
