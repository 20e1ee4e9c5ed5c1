"""The chart leads to the DICOM objects: one DocumentReference each, exactly once.

Written only after the objects are in the archive, where the EHR takes documents.
"""

from collections.abc import Sequence
from typing import Final

from fhir_mappings.bundle import key
from fhir_mappings.dicom_documents import StoredObject, dicom_document
from fhir_mappings.withdrawal import stands
from smart_app.cases.store import Case, Signature, signature
from smart_app.fhir_server.chart import fhir_client
from smart_app.fhir_server.client import FhirClient, Resource
from smart_app.fhir_server.finding import reference_of
from smart_app.fhir_server.write_requests import create_request
from smart_app.launch.launches import OpenLaunch
from smart_app.launch.smart import can_write_type
from smart_app.locks import exclusive
from smart_app.services import Services
from smart_app.tables import WriteState
from smart_app.upstream_errors import EhrError
from smart_app.writing.outgoing import write_context
from smart_app.writing.sending import Sender
from smart_app.writing.signed_report import write_lock

DOCUMENT: Final = "DocumentReference"


def link_objects(
    services: Services,
    launch: OpenLaunch,
    case: Case,
    signed: Signature,
    stored: Sequence[StoredObject],
) -> list[str]:
    """Write what is not in the chart yet, and look whether it is there.

    Returns:
        References of the documents; none where the EHR takes no documents.

    Raises:
        EhrError: The EHR fails, or does not keep them.
        WriteBusyError: Somebody else is writing.

    """
    client, patient_id = fhir_client(services, launch), launch.context.patient_id
    is_granted = can_write_type(launch.scopes, DOCUMENT)
    if not is_granted or not (capabilities := client.capabilities()).creates(DOCUMENT):
        return []
    context = write_context(services, launch, case, signed)
    documents = [dicom_document(item, context) for item in stored]
    with exclusive(services, write_lock(launch.issuer)) as lock:
        now = signature(services, launch.id)
        if now is None or now.state != WriteState.WRITTEN:
            return []  # withdrawn while the objects were being stored
        sender = Sender(
            services=services,
            client=client,
            run_id=launch.id,
            patient_id=patient_id,
            lock=lock,
        )
        is_conditional = DOCUMENT in capabilities.conditional_creates
        for document in documents:
            if not _find(client, document, patient_id):
                sender.send(create_request(document, {}, is_conditional=is_conditional))
    found = [_find(client, document, patient_id) for document in documents]
    if not all(found):
        raise EhrError("the EHR did not keep the documents that lead to the archive")
    return [reference for reference in found if reference]


def _find(client: FhirClient, document: Resource, patient_id: str) -> str | None:
    # by type, because some servers keep no identifier of documents
    coding = document["type"]["coding"][0]
    params = {"patient": patient_id, "type": f"{coding['system']}|{coding['code']}"}
    answer = client.search(DOCUMENT, params, patient_id=patient_id)
    same = [
        item for item in answer.resources if key(item) == key(document) and stands(item)
    ]
    if not same and not answer.is_complete:
        raise EhrError("cannot tell which documents are on the server already")
    return reference_of(same[0]) if same else None
