"""Printed matter: the one door to PDF, for the reference manual and for certificates.

A4, four languages. English, French and Spanish need no font of their own; Arabic is shaped by HarfBuzz with DejaVu
Sans, which Debian ships as ``fonts-dejavu-core`` (Matplotlib brings it, too).
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...detector.errors import MissingExtra, UsageError

PAGE_MM = (210.0, 297.0)
MARGIN_MM = 17.0
_RTL = ("ar", "fa", "he", "ur")
_INK, _GREY, _ACCENT, _PALE = (25, 29, 36), (96, 104, 116), (0, 84, 112), (232, 238, 241)
_LINE = 1.38
"""Height of a line against the size of its letters."""
_MM_A_POINT = 25.4 / 72
_FONT_FOLDERS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu", "/usr/share/fonts/TTF")


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with what stands under it."""

    picture: bytes | Path
    """A file, or its bytes: PNG, JPEG or WebP."""
    caption: str = ""


def fonts_folder() -> Path | None:
    """Where DejaVu Sans lies on this machine; ``PARCELSIGHT_FONTS`` names another folder with the same two files."""
    folders = [os.environ.get("PARCELSIGHT_FONTS", ""), *_FONT_FOLDERS]
    plots = find_spec("matplotlib")
    if plots is not None and plots.origin:
        folders.append(str(Path(plots.origin).parent / "mpl-data" / "fonts" / "ttf"))
    for folder in filter(None, folders):
        if all((Path(folder) / name).is_file() for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")):
            return Path(folder)
    return None


class Paper:
    """A document that grows page by page.

    Args:
        title: of the document's properties, and in small letters on every page.
        language: of its texts; decides the direction.
        made_at: written into the file; the same moment and content give the same bytes.
        is_plain: without page numbers and running title, as a certificate is.

    Raises:
        MissingExtra: if the PDF library is not installed.
        UsageError: if the language needs a font that is not there.
    """

    def __init__(self, title: str, language: str, made_at: datetime, *, is_plain: bool = False) -> None:
        try:
            from fpdf import FPDF
        except ModuleNotFoundError as error:
            raise MissingExtra("printing", "screening") from error
        paper = self

        class Sheets(FPDF):
            def footer(self) -> None:
                paper._footer()

        self._pdf: Any = Sheets(format="A4")
        self.title, self.language, self._is_plain = title, language, is_plain
        self.is_rtl = language in _RTL
        self._has_footer, self._is_fresh = True, False
        self._font = self._fonts()
        self._pdf.set_title(title)
        self._pdf.set_lang(language)
        self._pdf.set_creator("ParcelSight")
        self._pdf.set_creation_date(made_at)
        self._pdf.set_image_filter("DCTDecode")  # or three hundred small pictures would make seventy megabytes
        self._pdf.set_margins(MARGIN_MM, MARGIN_MM, MARGIN_MM)
        self._pdf.set_auto_page_break(True, MARGIN_MM + 6)

    def _fonts(self) -> str:
        folder = fonts_folder()
        if folder is None:
            if self.is_rtl:
                raise UsageError("no font here can write Arabic", "install fonts-dejavu-core, or set PARCELSIGHT_FONTS")
            return "Helvetica"
        self._pdf.add_font("DejaVu", "", str(folder / "DejaVuSans.ttf"))
        self._pdf.add_font("DejaVu", "B", str(folder / "DejaVuSans-Bold.ttf"))
        if self.is_rtl:
            try:
                self._pdf.set_text_shaping(use_shaping_engine=True, direction="rtl", script="arab", language="ar")
            except Exception as error:  # its own exception type hides behind the missing package
                raise MissingExtra("printing Arabic", "screening") from error
        return "DejaVu"

    @property
    def page(self) -> int:
        """Number of the page that is being written, from 1."""
        return int(self._pdf.page_no())

    @property
    def width_mm(self) -> float:
        """Of the text."""
        return PAGE_MM[0] - 2 * MARGIN_MM

    @property
    def left_mm(self) -> float:
        """How much of the page's height is left for text."""
        return PAGE_MM[1] - MARGIN_MM - 6 - float(self._pdf.get_y())

    def cover(self, title: str, lines: Sequence[str], figures: Sequence[Figure] = (), columns: int = 4) -> None:
        """A page of its own, without a number: a coloured field with the title, then pictures."""
        self._has_footer = False
        self._pdf.add_page()
        self._pdf.set_fill_color(*_ACCENT)
        self._pdf.rect(0, 0, PAGE_MM[0], 112, style="F")
        self._pdf.set_y(38)
        self._write(title, 30, bold=True, colour=(255, 255, 255))
        self._pdf.ln(3)
        for line in lines:
            self._write(line, 12.5, colour=(222, 236, 242))
        if figures:
            self._pdf.set_y(124)
            self.figures(figures, columns)

    def new_page(self, *, on_the_left: bool = False) -> None:
        """Begin a page; one on the left (an even number) leaves a blank page before it where it must."""
        if not self._is_fresh:
            self._pdf.add_page()
        self._is_fresh = False
        if on_the_left and self.page % 2:
            self._pdf.add_page()
        self._has_footer = not self._is_plain

    def contents(self, heading: str, pages: int = 1) -> None:
        """Where the table of contents will stand: every heading of level 1 with its page."""
        self.new_page()
        self._write(heading, 20, bold=True, colour=_ACCENT)
        self._pdf.ln(4)
        self._pdf.insert_toc_placeholder(self._table_of_contents, pages=pages)
        self._is_fresh = True  # it leaves a new page behind

    def _table_of_contents(self, pdf: Any, outline: Sequence[Any]) -> None:
        for section in outline:
            if section.level:
                continue
            top = pdf.get_y()
            number = str(section.page_number)
            link = pdf.add_link(page=section.page_number)
            self._style(11.5)
            ends = ("R", "L") if self.is_rtl else ("L", "R")
            for text, align in zip((section.name, number), ends, strict=True):
                pdf.set_xy(MARGIN_MM, top)
                pdf.cell(self.width_mm, 8.5, text, align=align, link=link)
            pdf.set_draw_color(*_PALE)
            pdf.line(MARGIN_MM, top + 8.5, PAGE_MM[0] - MARGIN_MM, top + 8.5)
            pdf.set_y(top + 9.5)

    def heading(self, text: str, level: int = 1) -> None:
        """A heading; those of level 1 are in the contents and in the reader's side bar."""
        size = (20.0, 12.5)[min(level, 2) - 1]
        if self.left_mm < 30:
            self._pdf.add_page()
        if level == 1:
            self._pdf.start_section(text, level=0)
        else:
            self._pdf.ln(2.2)
        self._write(text, size, bold=True, colour=_ACCENT)
        self._pdf.ln(1.4 if level == 1 else 0.6)

    def paragraph(self, text: str, size_pt: float = 10.0, *, bold: bool = False, is_quiet: bool = False) -> None:
        """A paragraph."""
        self._write(text, size_pt, bold=bold, colour=_GREY if is_quiet else _INK)
        self._pdf.ln(1.4)

    def centred(self, text: str, size_pt: float, *, bold: bool = False) -> None:
        """A line in the middle, as on certificates."""
        self._write(text, size_pt, bold=bold, align="C")

    def space(self, height_mm: float) -> None:
        """Leave some room."""
        self._pdf.ln(height_mm)

    def bullets(self, texts: Sequence[str], size_pt: float = 10.0) -> None:
        """A list."""
        for text in texts:
            top, width = self._pdf.get_y(), self.width_mm - 5
            self._write(text, size_pt, at=(MARGIN_MM if self.is_rtl else MARGIN_MM + 5, width))
            dot = PAGE_MM[0] - MARGIN_MM - 2.2 if self.is_rtl else MARGIN_MM + 0.8
            self._pdf.set_fill_color(*_ACCENT)
            height = size_pt * _MM_A_POINT * _LINE
            self._pdf.ellipse(dot, top + height / 2 - 0.7, 1.4, 1.4, style="F")
            self._pdf.ln(0.6)
        self._pdf.ln(0.8)

    def figures(self, figures: Sequence[Figure], columns: int, *, aspect: float = 0.75, size_pt: float = 8.0) -> None:
        """Pictures in rows, each in a frame of the same size, with captions; a row is never torn apart."""
        gap = 3.0
        width = (self.width_mm - gap * (columns - 1)) / columns
        for start in range(0, len(figures), columns):
            row = figures[start : start + columns]
            lines = max(len(self._lines(figure.caption, width, size_pt)) for figure in row)
            caption = lines * size_pt * _MM_A_POINT * _LINE + (1.2 if lines else 0)
            height = width * aspect
            if self.left_mm < height + caption:
                self._pdf.add_page()
            top = self._pdf.get_y()
            for index, figure in enumerate(row):
                place = columns - 1 - index if self.is_rtl else index
                self._figure(figure, MARGIN_MM + place * (width + gap), top, width, height, size_pt)
            self._pdf.set_y(top + height + caption + 2.0)

    def _figure(self, figure: Figure, x: float, y: float, width: float, height: float, size_pt: float) -> None:
        self._pdf.set_draw_color(205, 212, 217)
        self._pdf.set_line_width(0.2)
        self._pdf.rect(x, y, width, height)
        source = io.BytesIO(figure.picture) if isinstance(figure.picture, bytes) else str(figure.picture)
        self._pdf.image(source, x + 0.3, y + 0.3, width - 0.6, height - 0.6, keep_aspect_ratio=True)
        if figure.caption:
            self._pdf.set_y(y + height + 0.8)
            self._write(figure.caption, size_pt, colour=_GREY, at=(x, width))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], size_pt: float = 9.0) -> None:
        """A table; its head comes again on every page."""
        from fpdf.fonts import FontFace

        self._style(size_pt)
        side = "RIGHT" if self.is_rtl else "LEFT"
        turned = [list(reversed(row)) if self.is_rtl else list(row) for row in (head, *rows)]
        looks = FontFace(emphasis="BOLD", color=(255, 255, 255), fill_color=_ACCENT)
        with self._pdf.table(
            text_align=side,
            headings_style=looks,
            borders_layout="HORIZONTAL_LINES",
            line_height=size_pt * 0.55,
            padding=1,
        ) as table:
            for number, cells in enumerate(turned):
                line = table.row(style=None if number == 0 else FontFace(color=_INK, fill_color=(255, 255, 255)))
                for cell in cells:
                    line.cell(cell)
        self._pdf.ln(3)

    def frame(self) -> None:
        """A border around the page, as certificates have."""
        self._pdf.set_draw_color(*_ACCENT)
        for inset, thick in ((9, 1.1), (11.5, 0.3)):
            self._pdf.set_line_width(thick)
            self._pdf.rect(inset, inset, PAGE_MM[0] - 2 * inset, PAGE_MM[1] - 2 * inset)

    def to_bytes(self) -> bytes:
        """The finished file."""
        return bytes(self._pdf.output())

    def _footer(self) -> None:
        if not self._has_footer or self._is_plain:
            return
        self._pdf.set_y(-MARGIN_MM + 2)
        is_left = self.page % 2 == 0
        for text, align in ((str(self.page), "L" if is_left else "R"), (self.title, "R" if is_left else "L")):
            self._pdf.set_x(MARGIN_MM)
            self._style(8, colour=_GREY)
            self._pdf.cell(self.width_mm, 5, text, align=align)

    def _style(self, size_pt: float, *, bold: bool = False, colour: tuple[int, int, int] = _INK) -> None:
        self._pdf.set_font(self._font, "B" if bold else "", size_pt)
        self._pdf.set_text_color(*colour)

    def _written(self, text: str) -> str:
        """What the font can write: without DejaVu the letters of Western Europe alone."""
        return text if self._font == "DejaVu" else text.encode("cp1252", "replace").decode("cp1252")

    def _lines(self, text: str, width_mm: float, size_pt: float) -> list[str]:
        self._style(size_pt)
        if not text:
            return []
        height = size_pt * _MM_A_POINT * _LINE
        found = self._pdf.multi_cell(width_mm, height, self._written(text), dry_run=True, output="LINES")
        return list(found)

    def _write(
        self,
        text: str,
        size_pt: float,
        *,
        bold: bool = False,
        colour: tuple[int, int, int] = _INK,
        align: str = "",
        at: tuple[float, float] | None = None,
    ) -> None:
        """Text over as many lines as it takes, in a column (x, width) where one is given."""
        x, width = at or (MARGIN_MM, self.width_mm)
        self._style(size_pt, bold=bold, colour=colour)
        self._pdf.set_x(x)
        side = align or ("R" if self.is_rtl else "L")
        height = size_pt * _MM_A_POINT * _LINE
        self._pdf.multi_cell(width, height, self._written(text), align=side, new_x="LMARGIN", new_y="NEXT")
