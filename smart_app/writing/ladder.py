"""What a signature writes where: the highest rung of a ladder that an EHR allows.

Pure. The plan follows from what the server states, what it granted, what its
administrators say of it, and what it refused before; it is shown before the signature.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from smart_app.ehrs.writable import DOCUMENT, REPORT_TYPES, TRANSACTION, Rung
from smart_app.fhir_server.capabilities import Capabilities
from smart_app.launch.smart import can_write_type

PLAN: Final = "CarePlan"
FINDINGS: Final = "Observation"
#: What brings the plan into the chart: of each, the one that was signed last holds.
CARRIERS: Final = frozenset({PLAN, DOCUMENT})
#: What makes no sense without the plan.
WITH_THE_PLAN: Final = frozenset({PLAN, "Goal", "ServiceRequest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePlan:
    """What goes where.

    Attributes:
        rung: How much the EHR takes.
        takes: Types of the report that go to the EHR.
        left_out: Types of the report that do not.
        has_document: Whether a document with the plan goes to the EHR.
        is_atomic: Whether all of it goes in one transaction.

    """

    rung: Rung
    takes: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    has_document: bool = False
    is_atomic: bool = False

    @property
    def keeps_plan(self) -> bool:
        """Whether this application has to keep the plan, because no EHR does."""
        return self.rung in {Rung.FINDINGS, Rung.DOWNLOAD}

    @property
    def has_report(self) -> bool:
        """Whether resources of the report go to the EHR, beside any document."""
        return bool(self.takes)

    @property
    def fingerprint(self) -> str:
        """The same text for the same plan, which a signature sends back."""
        return " ".join(
            [
                self.rung,
                *sorted(self.takes),
                str(self.has_document),
                str(self.is_atomic),
            ]
        )

    @classmethod
    def of(
        cls,
        capabilities: Capabilities,
        *,
        scopes: Collection[str],
        never: Collection[str] = (),
        refused: Collection[str] = (),
    ) -> Self:
        """Choose the highest rung.

        Args:
            capabilities: What the server states.
            scopes: What it granted.
            never: Types, or "transaction", that its administrators rule out.
            refused: Types, or "transaction", that it turned away before.

        """
        barred = {*never, *refused}
        takes = {
            name
            for name in {*REPORT_TYPES, DOCUMENT} - barred
            if capabilities.creates(name) and can_write_type(scopes, name)
        }
        is_atomic = capabilities.has_transactions and TRANSACTION not in barred
        has_document = DOCUMENT in takes
        if {FINDINGS, PLAN} <= takes:
            report = frozenset(takes & REPORT_TYPES)
            rung = Rung.TRANSACTION if is_atomic else Rung.SINGLES
            has_document = False  # the plan itself is there
        elif FINDINGS in takes:
            report, rung = (
                frozenset(takes & REPORT_TYPES - WITH_THE_PLAN),
                Rung.FINDINGS,
            )
        elif has_document:
            report, rung, is_atomic = frozenset(), Rung.DOCUMENT, False
        else:
            report, rung, is_atomic = frozenset(), Rung.DOWNLOAD, False
        return cls(
            rung=rung,
            takes=report,
            left_out=REPORT_TYPES - report,
            has_document=has_document,
            is_atomic=is_atomic,
        )


def sentences(plan: WritePlan, ehr: str) -> list[str]:
    """Return in plain words what a signature does, in one or two sentences."""
    document = "one document (PDF and XHTML) with the whole plan"
    kept = "anybody who opens this application from this patient's chart finds it"
    if plan.rung is Rung.TRANSACTION:
        words = [f"Everything goes to {ehr} in one step, together or not at all."]
    elif plan.rung is Rung.SINGLES:
        words = [f"Everything goes to {ehr}, one by one; what breaks off is completed."]
    elif plan.rung is Rung.FINDINGS:
        beside = f", with {document}" if plan.has_document else ""
        words = [
            f"{ehr} takes no care plan: the findings go there{beside}.",
            f"The care plan is kept in this application: {kept}.",
        ]
    elif plan.rung is Rung.DOCUMENT:
        words = [f"{ehr} takes documents only: {document} and the findings goes there."]
    else:
        words = [
            f"{ehr} lets nothing be written: you get a PDF and a FHIR Bundle to file.",
            f"A copy is kept in this application: {kept}.",
        ]
    if plan.rung in {Rung.TRANSACTION, Rung.SINGLES} and plan.left_out:
        words.append(f"Not taken there: {', '.join(sorted(plan.left_out))}.")
    return words
