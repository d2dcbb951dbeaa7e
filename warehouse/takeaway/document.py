"""The funder's report as a Word document: headings, tables with heads that repeat, notes in small; nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from privacy.calendar import Period
from warehouse.takeaway.funder import Chapter, chapters
from warehouse.takeaway.held import Held
from warehouse.takeaway.phrases import Phrases

_INK, _SOFT = RGBColor(0x1B, 0x2A, 0x33), RGBColor(0x5B, 0x6B, 0x75)
_HEAD = "E8EEF2"
_TAG = {"fr": "fr-FR", "en": "en-GB"}


def write_report(held: Held, phrases: Phrases, path: Path) -> Path:
    """Write the document and return its path."""
    document = Document()
    _dress(document, phrases)
    period = phrases.words.quarter(held.period)
    core = document.core_properties
    core.title, core.author = phrases.say("funder_title", period=period), held.name
    core.created = core.modified = held.snapshot.at.replace(tzinfo=None)
    core.comments, core.language = "", _TAG[phrases.language]
    document.add_heading(phrases.say("funder_title", period=period), 0)
    document.add_paragraph().add_run(held.name).bold = True
    document.add_paragraph(phrases.say("funder_intro"))
    if Period.parse(held.period).kind != "season":
        document.add_paragraph(phrases.say("funder_quarter"))
    for chapter in chapters(held, phrases):
        _write(document, chapter, phrases.hidden)
    document.add_heading(phrases.say("funder_promise"), 1)
    for text in (*phrases.promise(held.issue), phrases.margins):
        document.add_paragraph(text)
    _small(document, phrases.made_from(held.snapshot))
    document.save(str(path))
    return path


def _dress(document: Any, phrases: Phrases) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2)
    section.top_margin = section.bottom_margin = Cm(2)
    for name, size in (("Normal", 10.5), ("Title", 22), ("Heading 1", 14)):
        style = document.styles[name]
        style.font.name, style.font.size, style.font.color.rgb = "Arial", Pt(size), _INK
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), _TAG[phrases.language])
    document.styles["Normal"].element.get_or_add_rPr().append(language)
    document.styles["Normal"].paragraph_format.space_after = Pt(6)


def _write(document: Any, chapter: Chapter, hidden: str) -> None:
    document.add_heading(chapter.title, 1)
    if chapter.lines:
        table = document.add_table(rows=0, cols=len(chapter.heads), style="Table Grid")
        _row(table, chapter.heads, hidden, head=True)
        for line in chapter.lines:
            _row(table, line, hidden)
    for text in chapter.said:
        paragraph = document.add_paragraph(text)
        paragraph.paragraph_format.space_before = Pt(6)
    for text in chapter.notes:
        _small(document, text)


def _row(table: Any, texts: tuple[str, ...], hidden: str, *, head: bool = False) -> None:
    row = table.add_row()
    properties = row._tr.get_or_add_trPr()  # noqa: SLF001 (the library has no word for either)
    for tag in ("w:cantSplit", "w:tblHeader")[: 2 if head else 1]:
        properties.append(OxmlElement(tag))
    for column, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
        paragraph = cell.paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(0)
        run = paragraph.add_run(text)
        run.font.size, run.bold, run.italic = Pt(9), head, text == hidden
        if text == hidden:
            run.font.color.rgb = _SOFT
        if column:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        if head:
            shade = OxmlElement("w:shd")
            shade.set(qn("w:val"), "clear")
            shade.set(qn("w:fill"), _HEAD)
            cell._tc.get_or_add_tcPr().append(shade)  # noqa: SLF001


def _small(document: Any, text: str) -> None:
    run = document.add_paragraph().add_run(text)
    run.font.size, run.font.color.rgb = Pt(8.5), _SOFT
