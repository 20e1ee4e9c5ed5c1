"""Segmentation and measurements go into a real Orthanc, and only once."""

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.uid import generate_uid

from inference.levels.named_voxels import NAMES, NamedVoxels
from inference.outputs.seg import segmentation_object
from inference.outputs.source import source_series
from inference.outputs.sr import Verifier, measurement_object
from inference.phantom.mr_series import mr_series
from sandbox.services import Archive
from sandbox.studies import archive_client, store
from tests.fhir_mappings.reports import REPORT
from tests.inference.series import INVENTED, small_volume

SIGNED_AT = datetime(2026, 3, 31, 18, 0, tzinfo=UTC)
SIGNER = Verifier(name="Example^Erin", organization="Example clinic")


def objects_of(series: list[Dataset], voxels: NamedVoxels) -> list[Dataset]:
    source = source_series(series)
    segmentation = segmentation_object(voxels, source, REPORT.model, SIGNED_AT)
    return [
        segmentation,
        measurement_object(REPORT, source, segmentation, SIGNED_AT, SIGNER),
    ]


def stripes() -> NamedVoxels:
    """Every structure in rows of its own, on two slices."""
    geometry = small_volume().geometry
    labels = np.zeros(geometry.shape, np.uint8)
    labels[2:4] = np.arange(40)[None, :, None] % (len(NAMES) + 1)
    return NamedVoxels(labels=labels, geometry=geometry)


def test_what_is_stored_twice_is_in_the_study_once(archive: Archive) -> None:
    study_uid = generate_uid()
    described = replace(INVENTED, study_uid=study_uid)
    series = mr_series(small_volume(), described)
    voxels = stripes()
    store(archive, series)
    client = archive_client(archive)
    for _ in range(2):
        client.store_instances(objects_of(series, voxels))
    found = client.search_for_instances(study_uid)
    modalities = [item["00080060"]["Value"][0] for item in found]
    assert sorted(modalities) == [*["MR"] * len(series), "SEG", "SR"]
    received = {item.Modality: item for item in client.retrieve_study(study_uid)}
    (sent, _) = objects_of(series, voxels)
    assert received["SEG"].PixelData == sent.PixelData
    referenced = received["SR"].CurrentRequestedProcedureEvidenceSequence[0]
    series_uids = {
        item.SeriesInstanceUID for item in referenced.ReferencedSeriesSequence
    }
    assert series_uids == {series[0].SeriesInstanceUID, sent.SeriesInstanceUID}


def test_the_archive_draws_the_masks(archive: Archive) -> None:
    series = mr_series(small_volume(), replace(INVENTED, study_uid=generate_uid()))
    voxels = stripes()
    masks, _ = objects_of(series, voxels)
    store(archive, series)
    client = archive_client(archive)
    client.store_instances([masks])
    drawn = client.retrieve_instance_frames_rendered(
        masks.StudyInstanceUID,
        masks.SeriesInstanceUID,
        masks.SOPInstanceUID,
        frame_numbers=[1],
        media_types=("image/png",),
    )
    picture = np.array(Image.open(BytesIO(drawn)))
    np.testing.assert_array_equal(picture > 0, voxels.mask(voxels.names[0])[2])
