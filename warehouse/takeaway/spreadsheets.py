"""Every table as CSV and all of them as one workbook, that open right in the Excel of their readers.

A French Excel splits CSV at semicolons and reads decimal commas, an English one commas and points; both take UTF-8 only
with a byte order mark. In a workbook numbers are numbers: Excel writes them with its reader's own separators. No text
becomes a formula: in CSV, one that begins like a formula is put behind an apostrophe.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from privacy.errors import Fault
from warehouse.reports.cells import title
from warehouse.takeaway.held import Held
from warehouse.takeaway.lines import Value, heads, lines_of, tables_of
from warehouse.takeaway.phrases import Phrases

_ROWS = 1_048_576  # a worksheet has no more
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBERS = 7  # the last columns: value, margin, low, high, share, its margin, text


def write_csv(held: Held, phrases: Phrases, folder: Path) -> list[Path]:
    """Write one file a table and return their paths."""
    folder.mkdir(parents=True)
    paths: list[Path] = []
    for name, table in tables_of(held).items():
        path = folder / f"{name}.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=";" if phrases.language == "fr" else ",", lineterminator="\r\n")
            head = heads(table, phrases)
            writer.writerow(head)
            for line in lines_of(held, name, phrases):
                writer.writerow(_text(v, phrases, share=i in _shares(head)) for i, v in enumerate(line.values(phrases)))
        paths.append(path)
    return paths


def _shares(head: list[str]) -> tuple[int, int]:
    return len(head) - 3, len(head) - 2


def _text(value: Value, phrases: Phrases, *, share: bool) -> str:
    """Write a cell: counts to a tenth, shares in per cent to a hundredth, so that sums can be made of them."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return phrases.number(100 * value, 2) if share else phrases.number(value)


def write_workbook(held: Held, phrases: Phrases, path: Path) -> Path:
    """Write the notes and one sheet a table; a Fault if one has more rows than a sheet holds."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(str(path), options) as book:
        book.set_properties({"title": phrases.source(held.name, held.period), "created": held.snapshot.at})
        formats = _formats(book, phrases)
        tables = tables_of(held)
        names = _sheet_names([title(t, phrases.language) for t in tables.values()])
        _notes(book.add_worksheet(phrases.say("notes")), held, phrases, formats, names)
        for sheet_name, (name, table) in zip(names, tables.items(), strict=True):
            sheet, head = book.add_worksheet(sheet_name), heads(table, phrases)
            row = 0
            for row, line in enumerate(lines_of(held, name, phrases), 1):
                if row >= _ROWS:
                    raise Fault(
                        f"{name} has more rows than a worksheet; take away its CSV.",
                        f"{name} a plus de lignes qu’une feuille ; prenez son CSV.",
                    )
                _write(sheet, row, line.values(phrases), formats)
            _dress(sheet, head, row, formats)
    return path


def _formats(book: Workbook, phrases: Phrases) -> dict[str, Any]:
    base = {"font_name": "Arial", "font_size": 10, "valign": "top"}
    percent = "0.0\\ %" if phrases.language == "fr" else "0.0%"  # French puts a space before the sign
    return {
        "head": book.add_format(
            base | {"bold": True, "bg_color": "#1b2a33", "font_color": "#ffffff", "text_wrap": True}
        ),
        "text": book.add_format(base),
        "hidden": book.add_format(base | {"italic": True, "font_color": "#66757f", "align": "right"}),
        "count": book.add_format(base | {"num_format": "#,##0"}),
        "share": book.add_format(base | {"num_format": percent}),
        "read": book.add_format(base | {"align": "right"}),
        "title": book.add_format(base | {"bold": True, "font_size": 14}),
        "strong": book.add_format(base | {"bold": True}),
        "note": book.add_format(base | {"text_wrap": True}),
    }


def _write(sheet: Worksheet, row: int, values: list[Value], formats: dict[str, Any]) -> None:
    first = len(values) - _NUMBERS
    for column, value in enumerate(values):
        if isinstance(value, str):
            missing = column == first or (column == len(values) - 1 and isinstance(values[first], str))
            kind = "hidden" if missing else "read" if column == len(values) - 1 else "text"
            sheet.write_string(row, column, value, formats[kind])
        elif value is not None:
            sheet.write_number(row, column, value, formats["share" if column in _shares_of(values) else "count"])


def _shares_of(values: list[Value]) -> tuple[int, int]:
    return len(values) - 3, len(values) - 2


def _dress(sheet: Worksheet, head: list[str], rows: int, formats: dict[str, Any]) -> None:
    for column, text in enumerate(head):
        sheet.write_string(0, column, text, formats["head"])
    labels = len(head) - _NUMBERS
    sheet.set_row(0, 30)
    sheet.set_column(0, 1, 26)
    sheet.set_column(2, labels - 2, 32)
    sheet.set_column(labels - 1, labels - 1, 16)
    sheet.set_column(labels, len(head) - 2, 13)
    sheet.set_column(len(head) - 1, len(head) - 1, 18)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, rows, len(head) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _sheet_names(titles: list[str]) -> list[str]:
    """Return names that Excel takes: at most 31 characters, none twice, none of its own signs."""
    names: list[str] = []
    for text in titles:
        name = "".join(c for c in text if c not in "[]:*?/\\").strip("'")
        name = name if len(name) <= 31 else f"{name[:30].rstrip()}…"
        names.append(name if name not in names else f"{name[:27]} {len(names)}")
    return names


def _notes(sheet: Worksheet, held: Held, phrases: Phrases, formats: dict[str, Any], names: list[str]) -> None:
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 110)
    sheet.hide_gridlines(2)
    sheet.write_string(0, 0, phrases.source(held.name, held.period), formats["title"])
    for row, (label, text) in enumerate(_noted(held, phrases, names), 2):
        sheet.write_string(row, 0, label, formats["strong"])
        sheet.write_string(row, 1, text, formats["note"])
        sheet.set_row(row, 14 * max(1, -(-len(text) // 115)) + 3)


def _noted(held: Held, phrases: Phrases, names: list[str]) -> Iterator[tuple[str, str]]:
    issue = held.issue
    yield phrases.say("head_period"), phrases.words.quarter(held.period)
    published = phrases.words.say("published_on", date=phrases.words.day(issue.published))
    revised = f", {phrases.words.say('revision', n=issue.revision)}" if issue.revision > 1 else ""
    yield phrases.say("note_release"), f"{published}{revised}"
    yield phrases.say("note_snapshot"), phrases.made_from(held.snapshot)
    others = [name for venue, name in held.names.items() if venue != held.venue]
    yield phrases.say("note_venues"), ", ".join([held.name, *others])
    yield phrases.say("note_margin"), phrases.margins
    yield phrases.say("note_digits"), phrases.say("note_digits_text")
    yield phrases.hidden.capitalize(), phrases.say("note_hidden_text")
    for i, text in enumerate(phrases.promise(issue)):
        yield phrases.say("note_promise") if i == 0 else "", text
    for name, sheet_name in zip(tables_of(held), names, strict=True):
        if own := held.issue.sheets.get(name):
            yield sheet_name, " ".join(phrases.notes(own))
        else:
            other = next(sheets[name] for sheets in held.seen.values() if name in sheets)
            yield sheet_name, " ".join((phrases.say("note_others_only"), *phrases.rules(other)))
