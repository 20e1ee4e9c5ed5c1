"""A DICOM object in the archive is one document of the chart that leads to it."""

from dataclasses import replace
from typing import Final

from fhir_mappings.dicom_documents import StoredObject, dicom_document
from fhir_mappings.identifiers import key
from tests.fhir_mappings.reports import CONTEXT

MASKS: Final = StoredObject(
    modality="SEG",
    sop_class=("1.2.840.10008.5.1.4.1.1.66.4", "Segmentation Storage"),
    instance_uid="2.25.77",
    url="https://archive.example/dicom-web/studies/1/series/2/instances/2.25.77",
    algorithm="swespine 0.2.0",
    is_verified=False,
)
MEASUREMENTS: Final = replace(
    MASKS,
    modality="SR",
    sop_class=("1.2.840.10008.5.1.4.1.1.88.34", "Comprehensive 3D SR Storage"),
    instance_uid="2.25.78",
    is_verified=True,
)


def test_it_leads_to_the_object_and_names_its_kind() -> None:
    document = dicom_document(MASKS, CONTEXT)
    (content,) = document["content"]
    assert content["attachment"]["url"] == MASKS.url
    assert content["attachment"]["contentType"] == "application/dicom"
    assert content["format"] == {
        "system": "urn:oid:1.2.840.10008.2.6.1",
        "code": "1.2.840.10008.5.1.4.1.1.66.4",
        "display": "Segmentation Storage",
    }
    uid = {"system": "urn:dicom:uid", "value": "urn:oid:2.25.77"}
    assert document["masterIdentifier"] == uid
    assert uid in document["identifier"]
    assert document["context"]["related"] == [{"reference": "ImagingStudy/12"}]


def test_only_the_measurements_are_in_the_name_of_the_signer() -> None:
    masks, measurements = (
        dicom_document(item, CONTEXT) for item in (MASKS, MEASUREMENTS)
    )
    assert "authenticator" not in masks
    assert "not verified by a person" in masks["text"]["div"]
    assert measurements["authenticator"]["reference"] == "Practitioner/3"
    assert masks["author"] == [{"display": "swespine 0.2.0"}]


def test_the_same_object_is_the_same_document_for_every_signer() -> None:
    other = replace(CONTEXT, signer="Practitioner/9", encounter=None)
    assert key(dicom_document(MASKS, other)) == key(dicom_document(MASKS, CONTEXT))
    assert key(dicom_document(MASKS, CONTEXT)) != key(
        dicom_document(MEASUREMENTS, CONTEXT)
    )


def test_it_is_found_again_where_the_server_drops_its_identifier() -> None:
    document = dicom_document(MASKS, CONTEXT)
    dropped = {name: x for name, x in document.items() if name != "identifier"}
    assert key(dropped) == key(document)
