"""A report as the page shows it: words and numbers, rounded as they are written."""

from dataclasses import dataclass
from typing import Final

from fhir_mappings.level_names import shift_sentence
from fhir_mappings.measures import MM
from fhir_mappings.reference_ranges import written
from inference.results import (
    MAX_LEVEL_SHIFT,
    NEVER_SUGGESTED,
    CaseReport,
    Exclusion,
    FindingKind,
    Outline,
    Picture,
    Structure,
)
from smart_app.cases.store import Case, Signature
from smart_app.launch.launches import OpenLaunch
from smart_app.pages.caliper_view import Detail, DrawnCaliper, details, drawn_calipers
from smart_app.pages.outcome_view import OutcomeGroup, outcome_groups
from smart_app.pages.report_table import Row, comparisons, disc_findings, rows
from smart_app.pages.treatment_view import TreatmentView, treatment_view
from smart_app.services import Services
from smart_app.writing.journal import SignedRun, own_runs
from smart_app.writing.kept_plans import PlanInfo, kept_plans
from smart_app.writing.ladder import WritePlan, sentences
from smart_app.writing.outgoing import outgoing_counts, preview_signature

NOT_MEASURED: Final = "not measured"
BAR_MM: Final = 20
MARGIN_MM: Final = 40  # our choice: shows what lies before and behind the spine
DISC_LABEL_GAP_PX: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One outline on the picture.

    Attributes:
        name: Name of the structure, empty where it has none.
        structure: Kind of structure, also its style on the page.
        points: Points of an SVG polygon.
        label_x: Column of the name, in pixels.
        label_y: Row of the name, in pixels.
        words: What the shape is, for those who cannot see it.
        is_uncertain: Whether the outline has to be checked.

    """

    name: str
    structure: str
    points: str
    label_x: float
    label_y: float
    words: str
    is_uncertain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The part of the picture that the page shows, in pixels of the picture."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Columns of the part."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Rows of the part."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """All that the report page shows.

    Attributes:
        report: What the analysis found.
        shapes: Outlines on the picture.
        calipers: Where the lengths were measured on it.
        details: All lengths, angles and ratios by place.
        frame: The part of the picture around them.
        bar_px: Length of the scale bar in pixels of the picture.
        rows: Table of levels.
        fingerprint: Hash of the report, which a signature sends back.
        names: What is known of the names of the levels, as a sentence.
        max_shift: By how much the names can be moved, up or down.
        finding_kinds: What is told of each disc beside its grade.
        disc_findings: Per level how likely a reader would say each of them.
        comparisons: Who the ranges in the table are of, as sentences.
        counts: How many resources of each type a signature writes, empty when it
            may not write.
        signer: Who would sign, ``None`` when nobody can.
        signed: The signature, ``None`` before.
        links: References on the server, with their URL.
        advised_against: What the guidelines advise against for everybody like this.
        outcomes: What a registry predicts in the case of an operation.
        treatment: What a model says that such patients are given, ``None`` in reports
            that lack it.
        writes_outcomes: Whether the EHR takes what models predict.
        plan: What a signature writes where, ``None`` where the EHR does not tell.
        plan_words: The same in plain words.
        kept_plans: Plans of this patient that this application keeps.
        runs: What this user has signed for this patient and can withdraw.

    """

    report: CaseReport
    shapes: tuple[Shape, ...]
    calipers: tuple[DrawnCaliper, ...]
    details: tuple[Detail, ...]
    frame: Frame
    bar_px: float
    rows: tuple[Row, ...]
    fingerprint: str
    names: str
    max_shift: int
    finding_kinds: tuple[str, ...]
    disc_findings: tuple[tuple[str, tuple[str, ...]], ...]
    comparisons: tuple[str, ...]
    counts: dict[str, int]
    signer: str | None
    signed: Signature | None
    links: dict[str, str]
    advised_against: tuple[Exclusion, ...]
    outcomes: tuple[OutcomeGroup, ...]
    treatment: TreatmentView | None
    writes_outcomes: bool
    plan: WritePlan | None
    plan_words: list[str]
    kept_plans: list[PlanInfo]
    runs: list[SignedRun]


def report_view(
    services: Services,
    launch: OpenLaunch,
    case: Case,
    signed: Signature | None,
    *,
    plan: WritePlan | None,
) -> ReportView:
    """Prepare a report for its page.

    Args:
        services: The clock, the list of EHRs and the plans that are kept.
        launch: The launch that it belongs to.
        case: The report.
        signed: Its signature, ``None`` before.
        plan: What a signature would do, ``None`` where the EHR does not tell.

    """
    report = case.report
    written = (*signed.written, *(signed.existing or ())) if signed else ()
    return ReportView(
        report=report,
        shapes=tuple(_shape(outline, report) for outline in report.picture.outlines),
        calipers=drawn_calipers(report),
        details=details(report),
        frame=_frame(report.picture),
        bar_px=BAR_MM / report.picture.pixel_mm,
        rows=rows(report),
        fingerprint=case.fingerprint,
        names=_names(report),
        max_shift=MAX_LEVEL_SHIFT,
        finding_kinds=tuple(FindingKind),
        disc_findings=disc_findings(report),
        comparisons=comparisons(report),
        counts=_counts(services, launch, case, signed, plan) if plan else {},
        signer=launch.context.user_display or launch.signer,
        signed=signed,
        links={reference: f"{launch.issuer}/{reference}" for reference in written},
        advised_against=tuple(
            item
            for item in report.suggestion.exclusions
            if item.option in NEVER_SUGGESTED
        ),
        outcomes=outcome_groups(report),
        treatment=treatment_view(report),
        writes_outcomes=plan is None or "RiskAssessment" in plan.takes,
        plan=plan,
        plan_words=sentences(plan, services.issuers.known(launch.issuer).name)
        if plan
        else [],
        kept_plans=kept_plans(services, launch),
        runs=own_runs(services, launch),
    )


def _shape(outline: Outline, report: CaseReport) -> Shape:
    columns = [column for column, _ in outline.points_px]
    rows = [row for _, row in outline.points_px]
    middle = sum(columns) / len(columns)
    is_disc = outline.structure == Structure.DISC  # too flat: its name stands before it
    return Shape(
        name=outline.name,
        structure=outline.structure.value,
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in outline.points_px),
        label_x=round(min(columns) - DISC_LABEL_GAP_PX if is_disc else middle, 1),
        label_y=round(sum(rows) / len(rows), 1),
        words=_words(outline, report),
        is_uncertain=_is_low(outline, report),
    )


def _frame(picture: Picture) -> Frame:
    points = [point for outline in picture.outlines for point in outline.points_px]
    columns = [column for column, _ in points] or [0.0, float(picture.width_px)]
    rows = [row for _, row in points] or [0.0, float(picture.height_px)]
    margin_px = MARGIN_MM / picture.pixel_mm
    return Frame(
        left=round(max(min(columns) - margin_px, 0)),
        top=round(max(min(rows) - margin_px / 2, 0)),
        right=round(min(max(columns) + margin_px, picture.width_px)),
        bottom=round(min(max(rows) + margin_px / 2, picture.height_px)),
    )


def _words(outline: Outline, report: CaseReport) -> str:
    kind = outline.structure.value
    name = f"{outline.name} {kind}" if outline.name not in {"", kind} else kind
    for level in report.levels:
        if level.level == outline.name:
            name = f"{name}, height {_height(level.disc_height_mm)}"
    return f"{name}, outline uncertain: check" if _is_low(outline, report) else name


def _is_low(outline: Outline, report: CaseReport) -> bool:
    return any(item.is_low and item.name == outline.name for item in report.confidences)


def _height(height_mm: float | None) -> str:
    return NOT_MEASURED if height_mm is None else f"{written(height_mm, MM)} mm"


def _names(report: CaseReport) -> str:
    if report.level_shift:
        return shift_sentence(report.level_shift)
    if report.level_confidence is None:
        return "How sure these names are is not known."
    return (
        "Proposed by the software, with a confidence of "
        f"{report.level_confidence:.0%} that they are right."
    )


def _counts(
    services: Services,
    launch: OpenLaunch,
    case: Case,
    signed: Signature | None,
    plan: WritePlan,
) -> dict[str, int]:
    if launch.signer is None:
        return {}
    preview = signed or preview_signature(services, launch.signer, plan)
    return outgoing_counts(services, launch, case, preview, plan)
