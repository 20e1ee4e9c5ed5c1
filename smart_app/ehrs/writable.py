"""What may be written to an EHR, and how much of it an EHR takes, by name. Pure."""

from enum import StrEnum
from typing import Final

from fhir_mappings.document_reference import PDF, XHTML
from fhir_mappings.write_context import NEEDED_TYPES, OPTIONAL_TYPES

DOCUMENT: Final = "DocumentReference"
TRANSACTION: Final = "transaction"
REPORT_TYPES: Final = frozenset({*NEEDED_TYPES, *OPTIONAL_TYPES})
WRITABLE: Final = frozenset({*REPORT_TYPES, DOCUMENT, TRANSACTION})
FORMATS: Final = {"pdf": PDF, "xhtml": XHTML}


class Rung(StrEnum):
    """How much of a signed report an EHR takes."""

    TRANSACTION = "transaction"
    SINGLES = "singles"
    FINDINGS = "findings"
    DOCUMENT = "document"
    DOWNLOAD = "download"
