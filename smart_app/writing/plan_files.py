"""The files of a signed plan: the same plan as PDF, XHTML and FHIR Bundle."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fhir_mappings.bundle import full_url
from fhir_mappings.document_reference import (
    Rendition,
    document_reference,
)
from fhir_mappings.plan_document import plan_document, xhtml
from fhir_mappings.write_context import WriteContext
from smart_app.ehrs.writable import FORMATS
from smart_app.launch.banner import Banner

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFiles:
    """One plan in three forms.

    Attributes:
        bundle: Collection of all resources of the report.
        pdf: To print.
        xhtml: To read in an EHR or a browser.

    """

    bundle: Resource = field(repr=False)
    pdf: bytes = field(repr=False)
    xhtml: bytes = field(repr=False)


def make_files(
    resources: Sequence[Resource],
    context: WriteContext,
    banner: Banner,
    *,
    address: str | None,
) -> PlanFiles:
    """Make all files of a signed report.

    Args:
        resources: All resources of the report, whatever of them the EHR takes.
        context: Who signed and when.
        banner: What identifies the patient to people.
        address: Where the plan is kept, ``None`` where that is the EHR.

    """
    from smart_app.writing.plan_pdf import plan_pdf  # noqa: PLC0415  loads numpy

    document = plan_document(resources, context, _facts(banner, address))
    entries = [
        {"fullUrl": full_url(resource), "resource": resource} for resource in resources
    ]
    return PlanFiles(
        bundle={
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": context.signed_instant,
            "entry": entries,
        },
        pdf=plan_pdf(document, signed_at=context.signed_at),
        xhtml=xhtml(document).encode(),
    )


def make_document(
    resources: Sequence[Resource],
    context: WriteContext,
    banner: Banner,
    *,
    address: str | None,
    formats: Sequence[str] = tuple(FORMATS),
) -> Resource:
    """Make the DocumentReference of a signed report.

    Args:
        resources: All resources of the report.
        context: Who signed and when.
        banner: What identifies the patient to people.
        address: Where the plan is kept, ``None`` where that is the document itself.
        formats: Of ``FORMATS``, those that the EHR takes.

    """
    files = make_files(resources, context, banner, address=address)
    contents = {"pdf": files.pdf, "xhtml": files.xhtml}
    return document_reference(
        plan_document(resources, context, _facts(banner, address)),
        context,
        resources=resources,
        renditions=[
            Rendition(content_type=FORMATS[name], content=contents[name])
            for name in formats
        ],
    )


def _facts(banner: Banner, address: str | None) -> dict[str, str]:
    facts = {
        "Patient": banner.name,
        "Born": banner.birth_date,
        "Sex": banner.sex,
        "Record number": banner.record_number,
    }
    return facts | ({"Care plan kept at": address} if address else {})
