"""Masks that were kept give the same DICOM objects as those of the analysis."""

import pytest

from inference.outputs.kept_masks import pack_masks, unpack_masks
from inference.outputs.seg import segmentation_object
from inference.outputs.source import source_series
from inference.outputs.sr import measurement_object
from tests.inference.outputs.conftest import CREATED, Written
from tests.inference.series import changed


def test_kept_masks_give_the_same_objects(written: Written) -> None:
    voxels, source = unpack_masks(pack_masks(written.voxels, written.source))
    model = written.report.model
    segmentation = segmentation_object(voxels, source, model, CREATED)
    assert segmentation == written.segmentation
    sent = measurement_object(written.report, source, segmentation, CREATED)
    assert sent == measurement_object(
        written.report, written.source, written.segmentation, CREATED
    )


def test_kept_masks_are_small(written: Written) -> None:
    packed = pack_masks(written.voxels, written.source)
    assert len(packed) < written.voxels.labels.nbytes / 20


def test_names_in_other_alphabets_are_kept(written: Written) -> None:
    name = "Яковлев^Юрий"
    series = [
        changed(item, SpecificCharacterSet="ISO_IR 192", PatientName=name)
        for item in written.datasets
    ]
    _, source = unpack_masks(pack_masks(written.voxels, source_series(series)))
    assert {str(header.PatientName) for header in source.headers} == {name}


@pytest.mark.parametrize("broken", [b"", b"PK", b"\x80\x04."])
def test_other_bytes_are_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="no kept masks"):
        unpack_masks(broken)
