"""Where the images of a launch are: which study, and which archive sends it.

In this order: the study that the EHR has open (``fhirContext``) or else the newest
lumbar MRI of the chart, from its Endpoint where it names one; SMART Imaging Access; the
configured archive, asked by record number. The access token goes to the EHR's own
server and to listed ones (``imaging_origins``), and nobody else is asked at all.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fhir_mappings.dicom_words import archived_study
from fhir_mappings.endpoints import WadoEndpoint, wado_endpoint
from fhir_mappings.errors import NoImagingStudyError
from fhir_mappings.imaging import ImagingStudyRef, newest_lumbar_mri
from smart_app.archive.client import Archive
from smart_app.fhir_server.chart import Chart, fhir_client
from smart_app.fhir_server.client import FhirClient, Resource, origin
from smart_app.http import MAX_WARM_UP_S
from smart_app.launch.launches import OpenLaunch
from smart_app.launch.oauth import discover
from smart_app.launch.tokens import BearerAuth
from smart_app.services import Services
from smart_app.settings import is_secure
from smart_app.upstream_errors import (
    DiscoveryError,
    EhrError,
    SessionEndedError,
    StudyNotInArchiveError,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """A study and the archive that sends it.

    Attributes:
        reference: Of the study, as ``ImagingStudyRef`` has it.
        study_uid: StudyInstanceUID.
        archive: Where it is.
        is_configured: Whether that is the archive of the list of EHRs, which may be
            written to.

    """

    reference: str
    study_uid: str
    archive: Archive
    is_configured: bool


def find_images(services: Services, launch: OpenLaunch, chart: Chart) -> Images:
    """Return the study to analyze and where it is.

    Raises:
        NoImagingStudyError: There is none, or not the one that the EHR has open.
        StudyNotInArchiveError: The chart names one that the archive does not hold.
        UpstreamError: A server fails that was needed.

    """
    finder = _Finder(services, launch, chart)
    study = finder.of_chart() or finder.of_imaging_server() or finder.of_archive()
    if study is None:
        raise NoImagingStudyError("no lumbar MRI in chart, imaging server or archive")
    return finder.located(study)


class _Finder:
    def __init__(self, services: Services, launch: OpenLaunch, chart: Chart) -> None:
        self._services = services
        self._launch = launch
        self._chart = chart
        self._issuer = services.issuers.known(launch.issuer)
        self._patient_id = launch.context.patient_id

    def of_chart(self) -> ImagingStudyRef | None:
        opened = self._launch.context.imaging_study
        studies = [*self._chart.imaging_studies]
        if opened and opened not in {f"ImagingStudy/{x.get('id')}" for x in studies}:
            studies += self._read([opened])
        try:
            return newest_lumbar_mri(
                studies, patient_id=self._patient_id, preferred=opened
            )
        except NoImagingStudyError as error:
            if not self._chart.has_all_studies:  # it may be what did not come
                raise EhrError("only a part of the imaging studies came") from error
            if opened:  # never exchanged for another one in silence
                raise
            return None

    def of_imaging_server(self) -> ImagingStudyRef | None:
        """Ask the imaging servers of SMART Imaging Access."""
        try:
            discovery = discover(self._issuer, self._services.settings.http_timeout_s)
        except DiscoveryError as error:
            logger.warning("imaging servers not known: %s", error)
            return None
        for url in discovery.imaging_urls:
            if not self._is_listed(url):
                logger.warning("an imaging server is not on the list")
                continue
            client = FhirClient(
                url,
                self._token(),
                self._services.settings.http_timeout_s,
                homes=(self._launch.issuer, *self._issuer.aliases),
                max_wait_s=MAX_WARM_UP_S,
            )
            params = {"patient": self._patient_id, "_include": "ImagingStudy:endpoint"}
            try:
                found = client.search(
                    "ImagingStudy", params, patient_id=self._patient_id
                )
                study = newest_lumbar_mri(
                    found.resources,
                    patient_id=self._patient_id,
                    included=found.included,
                )
            except SessionEndedError:
                raise
            except (EhrError, NoImagingStudyError) as error:
                logger.warning("no study from an imaging server: %s", error)
                continue
            # its ids are not those of the EHR
            return replace(
                study,
                reference=f"urn:oid:{study.study_uid}",
                endpoint_references=(),
            )
        return None

    def of_archive(self) -> ImagingStudyRef | None:
        """Ask the configured archive for the studies of each record number."""
        archive = self._configured()
        listed = [
            archived_study(
                study_uid=hit.study_uid,
                patient_id=self._patient_id,
                study_date=hit.study_date,
                description=hit.description,
            )
            for number in sorted(self._chart.identity.identifiers)
            for hit in archive.studies(PatientID=number)
        ]
        try:
            return newest_lumbar_mri(listed, patient_id=self._patient_id)
        except NoImagingStudyError:
            return None

    def located(self, study: ImagingStudyRef) -> Images:
        """Return the images of a study from its endpoint, or from the archive."""
        ours = self._configured()
        uid = study.study_uid or _uid_of(ours, study.accession or "")
        theirs = next(self._theirs(study), None) if study.study_uid else None
        return Images(
            reference=study.reference,
            study_uid=uid,
            archive=theirs or ours,
            is_configured=theirs is None,
        )

    def _theirs(self, study: ImagingStudyRef) -> Iterator[Archive]:
        """Yield the archives that a study names and that may be asked."""
        for endpoint in self._endpoints(study):
            is_ours = endpoint.address == self._issuer.dicomweb_url
            if is_ours and self._issuer.dicomweb_login:
                return  # it has its own login
            if self._is_listed(endpoint.address):
                yield self._at(endpoint)
            elif not is_ours:
                logger.warning("the server of an Endpoint is not on the list")

    def _endpoints(self, study: ImagingStudyRef) -> Iterator[WadoEndpoint]:
        yield from study.endpoints
        for resource in self._read(study.endpoint_references):
            if endpoint := wado_endpoint(resource):
                yield endpoint

    def _read(self, references: Iterable[str]) -> Iterator[Resource]:
        client = fhir_client(self._services, self._launch)
        for reference in references:
            try:
                yield client.read(*reference.split("/"))
            except SessionEndedError:
                raise
            except EhrError as error:
                logger.warning("a resource of the images was not read: %s", error)

    def _configured(self) -> Archive:
        return Archive.of(self._issuer, self._services.settings.http_timeout_s)

    def _at(self, endpoint: WadoEndpoint) -> Archive:
        needs_token = endpoint.needs_token
        if needs_token is None:
            needs_token = origin(endpoint.address) == origin(self._issuer.url)
        auth = self._token() if needs_token else None
        timeout_s = self._services.settings.http_timeout_s
        return Archive(endpoint.address, auth, timeout_s)

    def _token(self) -> BearerAuth:
        return BearerAuth(self._services, self._launch.id)

    def _is_listed(self, url: str) -> bool:
        """Tell whether a server may be asked, and may have the token."""
        listed = (self._issuer.url, *self._issuer.imaging_origins)
        return is_secure(url) and origin(url) in {origin(item) for item in listed}


def _uid_of(archive: Archive, accession: str) -> str:
    uids = {hit.study_uid for hit in archive.studies(AccessionNumber=accession)}
    if len(uids) != 1:
        raise StudyNotInArchiveError(f"{len(uids)} studies have this accession number")
    return uids.pop()
