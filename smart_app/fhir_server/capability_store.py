"""What servers say that they can do, kept for minutes: a statement may be large."""

import logging
from datetime import timedelta
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy.exc import IntegrityError

from smart_app.fhir_server.capabilities import Capabilities
from smart_app.fhir_server.chart import fhir_client
from smart_app.launch.launches import OpenLaunch
from smart_app.services import Services
from smart_app.tables import ServerStatement

STATEMENT_LIFE: Final = timedelta(minutes=10)  # our choice: a signature asks again
logger = logging.getLogger(__name__)
_CAPABILITIES: Final = TypeAdapter(Capabilities)


def known_capabilities(services: Services, launch: OpenLaunch) -> Capabilities:
    """Return what the EHR of a launch stated lately.

    Raises:
        EhrError: It stated nothing lately, and fails now.

    """
    with services.sessions() as session:
        row = session.get(ServerStatement, launch.issuer)
    if row and services.clock() - row.read_at < STATEMENT_LIFE:
        return _CAPABILITIES.validate_python(row.capabilities, strict=False)
    return read_capabilities(services, launch)


def read_capabilities(services: Services, launch: OpenLaunch) -> Capabilities:
    """Ask the EHR of a launch what it can do, and keep the answer.

    Raises:
        EhrError: It fails.

    """
    capabilities = fhir_client(services, launch).capabilities()
    row = ServerStatement(
        issuer=launch.issuer,
        capabilities=_CAPABILITIES.dump_python(capabilities, mode="json"),
        read_at=services.clock(),
    )
    try:
        with services.sessions.begin() as session:
            session.merge(row)
    except IntegrityError:  # another process asked at the same moment
        logger.info("the statement of an EHR was kept by another process")
    return capabilities
