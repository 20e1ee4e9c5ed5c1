"""A signed plan as PDF, in fonts that have Latin, Greek and Cyrillic letters."""

import logging
from datetime import datetime
from pathlib import Path
from typing import Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from fhir_mappings.plan_document import PlanDocument, named_sections, step_lines

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every table

FONTS: Final = Path(__file__).parents[1] / "fonts"
FAMILY: Final = "DejaVu"
LINE_MM: Final = 5.0
INDENT_MM: Final = 6.0
UNPRINTABLE: Final = (
    "Some characters of this document cannot be printed here; the other form has them."
)


def plan_pdf(document: PlanDocument, *, signed_at: datetime) -> bytes:
    """Lay a document out on A4; the same document gives the same bytes."""
    pdf = _Pages()
    pdf.set_creation_date(signed_at)
    pdf.set_title(document.title)
    pdf.set_lang("en")
    pdf.add_page()
    pdf.words(document.title, size=15, is_bold=True)
    for name, value in document.facts:
        pdf.words(f"{name}: {value}")
    pdf.heading("Steps")
    for number, step in enumerate(document.steps, start=1):
        pdf.words(f"{number}. {step.words}", is_bold=True)
        for line in step_lines(step):
            pdf.words(f"\N{BULLET} {line}", indent_mm=INDENT_MM)
    if not document.steps:
        pdf.words("No step is suggested.")
    for title, sentences in named_sections(document):
        pdf.heading(title)
        for sentence in sentences:
            pdf.words(f"\N{BULLET} {sentence}")
    if pdf.has_missing_glyphs:
        pdf.words(UNPRINTABLE, is_bold=True)
    return bytes(pdf.output())


class _Pages(FPDF):
    def __init__(self) -> None:
        super().__init__(format="A4")
        self.has_missing_glyphs = False
        self.set_auto_page_break(auto=True, margin=18)
        self.add_font(FAMILY, "", FONTS / "DejaVuSans.ttf")
        self.add_font(FAMILY, "B", FONTS / "DejaVuSans-Bold.ttf")

    def footer(self) -> None:
        """Number the pages."""
        self.set_y(-12)
        self.set_font(FAMILY, size=8)
        self.cell(0, 5, f"{self.title}, page {self.page_no()} of {{nb}}", align="C")

    def heading(self, text: str) -> None:
        """Write the title of a part."""
        self.ln(2)
        self.words(text, size=12, is_bold=True)

    def words(
        self, text: str, *, size: int = 10, is_bold: bool = False, indent_mm: float = 0
    ) -> None:
        """Write a paragraph."""
        self.set_font(FAMILY, "B" if is_bold else "", size)
        font = self.fonts[self.font_family + self.font_style]
        glyphs = getattr(font, "cmap", {})
        shown = "".join(c if ord(c) in glyphs else "\N{WHITE SQUARE}" for c in text)
        self.has_missing_glyphs |= shown != text
        self.set_x(self.l_margin + indent_mm)
        self.multi_cell(
            0, LINE_MM * size / 10, shown, new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
