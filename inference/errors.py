"""Everything ``inference`` raises on purpose.

InferenceError
├── UnsuitableStudyError       these images cannot be analyzed
│   ├── NotDicomError          a file is something else
│   ├── SeriesNotFoundError    no sagittal MR series in the study
│   ├── IrregularVolumeError   the slices do not form one regular volume
│   ├── OtherImagesError       the header says that they show something else
│   ├── SpineNotFoundError     no lumbar spine in the images
│   │   ├── TooLittleSpineError  too few vertebrae are in view
│   │   └── UnlikeSpineError   what was found does not look like a lumbar spine
│   ├── MetalError             signal voids as of implants
│   └── UnderageError          the patient is a child
├── UnmeasurableError          one structure failed, the others go on
└── ModelError                 weights are absent, altered or of another version
"""

MIN_AGE_YEARS = 18  # our choice: as the cleared products, adults only


class InferenceError(Exception):
    """Base class. The message is for the log, ``advice`` is for the clinician."""

    #: What happened and what to do next, safe to show: no identifiers, no paths.
    advice = "The images could not be analyzed."


class UnsuitableStudyError(InferenceError):
    """The images are not a lumbar MRI that the pipeline can read."""

    advice = (
        "These images cannot be read as a lumbar MRI series. Nothing was analyzed. "
        "Ask the imaging department whether the series is complete."
    )


class NotDicomError(UnsuitableStudyError):
    """A file is no DICOM file."""

    advice = "This file is not a DICOM image. Nothing was analyzed."


class SeriesNotFoundError(UnsuitableStudyError):
    """The study holds no sagittal MR series that shows anatomy."""

    advice = (
        "This study has no sagittal MR series of the lumbar spine. "
        "Nothing was analyzed. Choose another study or read the images directly."
    )


class IrregularVolumeError(UnsuitableStudyError):
    """The slices do not form one regular volume."""

    advice = (
        "The slices of the series do not form one regular volume, so no length "
        "measured on them could be trusted. Nothing was analyzed."
    )


class SpineNotFoundError(UnsuitableStudyError):
    """The segmentation finds no lumbar spine in the images."""

    advice = (
        "No lumbar spine was recognized in the images. Nothing was measured. "
        "Read the images directly."
    )


class OtherImagesError(UnsuitableStudyError):
    """The DICOM header says that the images show something else."""

    advice = (
        "These images are filed as something else than an MRI of the lumbar spine. "
        "Nothing was analyzed. Choose another study, or ask the imaging department to "
        "correct the header."
    )


class TooLittleSpineError(SpineNotFoundError):
    """Too few vertebrae are in view to name or to compare them."""

    advice = (
        "Too little of the lumbar spine is in view to name its levels. Nothing was "
        "measured. Read the images directly."
    )


class UnlikeSpineError(SpineNotFoundError):
    """What was found does not look like the lumbar spines that the models know."""

    advice = (
        "What was found in these images does not look like a lumbar spine that this "
        "application knows: another part of the body, another orientation, a strong "
        "deformity or poor images. Nothing was measured. Read the images directly."
    )


class MetalError(UnsuitableStudyError):
    """There are signal voids at the spine as implants make them."""

    advice = (
        "The signal is extinguished at the spine as by metal. Operated spines with "
        "implants cannot be measured here. Nothing was measured. Read the images "
        "directly."
    )


class UnderageError(UnsuitableStudyError):
    """The patient is a child: nothing here was made or checked for children."""

    advice = (
        f"The patient is younger than {MIN_AGE_YEARS}. This application is for adults "
        "only. Nothing was analyzed."
    )


class UnmeasurableError(InferenceError):
    """One structure could not be measured; the caller records ``None`` and goes on."""

    advice = "This structure could not be measured."


class ModelError(InferenceError):
    """The model files are absent, altered or of another version."""

    advice = (
        "The analysis is not installed correctly. Nothing was analyzed. "
        "Tell the administrator of this application."
    )
