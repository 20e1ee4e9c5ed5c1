"""What is read of a patient's chart for one analysis."""

import logging
import time
from dataclasses import dataclass
from typing import Final

from fhir_mappings.gather import (
    OPTIONAL_TYPES,
    Gaps,
    Search,
    clinical_features,
    identity,
    searches,
)
from inference.results import ClinicalFeatures, Identity
from smart_app.fhir_server.client import FhirClient, Found, Resource
from smart_app.launch.launches import OpenLaunch
from smart_app.launch.smart import allows
from smart_app.launch.tokens import BearerAuth
from smart_app.services import Services
from smart_app.upstream_errors import EhrError, SessionEndedError

REFUSALS: Final = frozenset({400, 403, 404, 405, 501})
MAX_CHART_S: Final = 120  # our choice: after that nothing is asked that can be left out

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The part of a chart that the analysis uses.

    Attributes:
        identity: Who the patient is.
        features: Facts for the suggestion.
        imaging_studies: Its studies, as they came; others may be listed elsewhere.
        has_all_studies: False where only a part of them came.

    """

    identity: Identity
    features: ClinicalFeatures
    imaging_studies: tuple[Resource, ...]
    has_all_studies: bool


def fhir_client(services: Services, launch: OpenLaunch) -> FhirClient:
    """Return a client with the authorization of a launch."""
    auth, timeout_s = BearerAuth(services, launch.id), services.settings.http_timeout_s
    aliases = services.issuers.known(launch.issuer).aliases
    homes = (launch.issuer, *aliases)
    return FhirClient(launch.issuer, auth, timeout_s, homes=homes)


def read_chart(services: Services, launch: OpenLaunch) -> Chart:
    """Read the patient and all that the chart says about their back.

    Raises:
        EhrError: The server fails at what is needed.
        MappingError: The patient is unreadable.

    """
    client = fhir_client(services, launch)
    patient_id = launch.context.patient_id
    site = services.issuers.known(launch.issuer).site_codes
    patient = client.read("Patient", patient_id)
    give_up_at = time.monotonic() + MAX_CHART_S
    answers = [
        (search, _search(client, launch, search, give_up_at))
        for search in searches(patient_id, site)
    ]
    found = [answer for _, answer in answers if answer]
    resources = [resource for part in found for resource in part.resources]
    studies = [item for item in resources if item["resourceType"] == "ImagingStudy"]
    unread = [search.resource_type for search, answer in answers if answer is None]
    partial = [
        s.resource_type for s, found in answers if found and not found.is_complete
    ]
    return Chart(
        identity=identity(patient),
        features=clinical_features(
            patient,
            resources,
            today=services.clock().date(),
            site=site,
            gaps=Gaps(
                unreadable=sum(part.unreadable for part in found),
                partial_types=tuple(dict.fromkeys(partial)),
                unread_types=tuple(unread),
            ),
        ),
        imaging_studies=tuple(studies),
        has_all_studies="ImagingStudy" not in partial,
    )


def _search(
    client: FhirClient, launch: OpenLaunch, search: Search, give_up_at: float
) -> Found | None:
    """Return what a search brings, ``None`` where an optional type is not to be had."""
    is_optional = search.resource_type in OPTIONAL_TYPES
    # studies may be listed elsewhere, which does not excuse a server that fails
    may_be_refused = is_optional or search.resource_type == "ImagingStudy"
    is_late = time.monotonic() > give_up_at
    if may_be_refused and not allows(launch.scopes, search.resource_type, "s"):
        return None
    if is_optional and is_late:
        return None
    patient_id = launch.context.patient_id
    try:
        return client.search(
            search.resource_type,
            search.params,
            patient_id=patient_id,
            otherwise=search.otherwise,
        )
    except SessionEndedError:
        raise
    except EhrError as error:
        is_refusal = may_be_refused and error.status in REFUSALS
        if not (is_optional or is_refusal):
            raise
        name = search.resource_type
        logger.warning("%s not read: status %s", name, error.status)
        return None
