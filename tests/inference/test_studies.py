"""Studies are found wherever they lie, and no archive can do harm."""

import shutil
import struct
import zipfile
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from inference import studies
from inference.errors import UnsuitableStudyError
from inference.studies import Source, find_studies, read_sources
from tests.sandbox.tiny_dicom import tiny_instance

UID = "2.25.1001"


def saved(folder: Path, name: str, **attributes: str) -> Path:
    """Write a tiny instance under a name."""
    folder.mkdir(exist_ok=True, parents=True)
    dataset = tiny_instance()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.save_as(folder / name)
    return folder / name
