"""What is read of a patient's chart for one analysis."""

from dataclasses import dataclass
from datetime import date

from fhir_mappings.gather import clinical_features, identity, searches
from fhir_mappings.imaging import ImagingStudyRef, newest_lumbar_mri
from inference.results import ClinicalFeatures, Identity
from smart_app.fhir_client import FhirClient
from smart_app.launches import OpenLaunch
from smart_app.services import Services
from smart_app.tokens import BearerAuth


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The part of a chart that the analysis uses.

    Attributes:
        identity: Who the patient is.
        features: Facts for the suggestion.
        study: The lumbar MRI to measure.

    """

    identity: Identity
    features: ClinicalFeatures
    study: ImagingStudyRef


def fhir_client(services: Services, launch: OpenLaunch) -> FhirClient:
    """Return a client with the authorization of a launch."""
    auth = BearerAuth(services, launch.id)
    return FhirClient(launch.issuer, auth, services.settings.http_timeout_s)


def read_chart(client: FhirClient, launch: OpenLaunch, today: date) -> Chart:
    """Read the patient, conditions, observations and imaging studies.

    Raises:
        EhrError: The server fails.
        MappingError: The patient is unreadable, or there is no lumbar MRI.

    """
    patient_id = launch.context.patient_id
    patient = client.read("Patient", patient_id)
    found = [
        client.search(search.resource_type, search.params, patient_id=patient_id)
        for search in searches(patient_id)
    ]
    resources = [resource for part in found for resource in part.resources]
    studies = [item for item in resources if item["resourceType"] == "ImagingStudy"]
    return Chart(
        identity=identity(patient),
        features=clinical_features(
            patient,
            resources,
            today=today,
            unreadable=sum(part.unreadable for part in found),
            is_complete=all(part.is_complete for part in found),
        ),
        study=newest_lumbar_mri(
            studies, patient_id=patient_id, preferred=launch.context.imaging_study
        ),
    )
