"""Whose images were measured, by which model, and in which stages."""

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from inference.results.anatomy import Weighting


class Stage(StrEnum):
    """Stages of an analysis of images, in their order."""

    READING = "reading"
    SEGMENTING = "segmenting"
    MEASURING = "measuring"
    SUGGESTING = "suggesting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a chart or an image says that the patient is.

    Attributes:
        identifiers: Every identifier given (medical record numbers, PatientID).
        family: Family name as written, ``None`` when absent.
        given: First given name as written, ``None`` when absent.
        birth_date: Date of birth, ``None`` when absent or partial.
        sex: ``"male"``, ``"female"`` or ``"other"``, ``None`` when absent.

    """

    identifiers: frozenset[str] = field(repr=False)
    family: str | None = field(repr=False)
    given: str | None = field(repr=False)
    birth_date: date | None = field(repr=False)
    sex: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The images that were measured.

    Attributes:
        study_uid: StudyInstanceUID.
        series_uid: SeriesInstanceUID of the one series that was measured.
        acquired_on: Date of the study (DICOM StudyDate), ``None`` when absent.
        description: SeriesDescription, empty when absent.
        slice_count: Number of slices in the volume.
        weighting: Contrast of the series.

    """

    study_uid: str
    series_uid: str
    acquired_on: date | None
    description: str
    slice_count: int
    weighting: Weighting = Weighting.UNKNOWN

    def __post_init__(self) -> None:
        for uid in (self.study_uid, self.series_uid):
            if not re.fullmatch(r"[0-9.]{1,64}", uid):
                raise ValueError(f"not a DICOM UID: {uid!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """Which model produced the numbers.

    Attributes:
        name: Name of the model.
        version: Its version.
        sha256: Hash of its file.
        quality: A sentence that says how good it was on patients that it had never
            seen; empty where that was not measured.

    """

    name: str
    version: str
    sha256: str
    quality: str = ""
