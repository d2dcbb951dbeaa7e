"""Charts to paste elsewhere: each drawing of the pages with its title, what it shows and whose it is, as SVG and PNG."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import vl_convert

from privacy.calendar import Period
from warehouse.reports.cells import Row, Sheet, title
from warehouse.reports.charts import INK, Bar, draw_bars, draw_panels, draw_quarters
from warehouse.reports.figures import Estimate
from warehouse.takeaway.held import Held
from warehouse.takeaway.phrases import Phrases, plain

_LONG, _DRAWN = 20, 15  # as on the pages: a dimension with more codes is drawn by size, its first ones
_LAST = ("autre", "pluri_autre", "etranger", "unknown")
_EDGE, _LEAST = 24, 560  # pixels: around the drawing, and the narrowest picture
_SCALE = 2  # a PNG is for slides and print
_FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing (SVG of the pages) and its words; `over`: the period, of those that show one."""

    name: str
    title: str
    under: str
    drawing: str
    over: str = ""


def pictures(held: Held, phrases: Phrases) -> Iterator[Picture]:
    """Yield every chart of the member's own figures in the period; the last is its quarters, where there are several."""
    for sheet in held.issue.sheets.values():
        drawn = bars(sheet, phrases)
        if drawn:
            yield drawn
        if len(sheet.table.dimensions) == 2 and (crossed := _crossed(sheet, phrases)):
            yield crossed
    if quarters := _quarters(held, phrases):
        yield quarters


def bars(sheet: Sheet, phrases: Phrases) -> Picture | None:
    """Return the chart of a table's first dimension: shares of the total, or numbers where it has no total."""
    rows = sheet.rows(phrases.language) if sheet.additive else []
    under = phrases.say("chart_share")
    if not sheet.total:
        under = phrases.say("chart_count", measure=title(sheet.lead, phrases.language))
    if len(rows) > _LONG:
        rows = sorted((r for r in rows if r.estimates[sheet.lead.name]), key=lambda r: _by_size(r, sheet))[:_DRAWN]
        under = phrases.say("chart_first", drawn=len(rows))
    if not any(r.estimates[sheet.lead.name] for r in rows):
        return None
    heading = title(sheet.table, phrases.language)
    drawn = [_share(r, phrases) if sheet.total else _count(r, sheet, phrases) for r in rows]
    over = phrases.words.quarter(sheet.period)
    return Picture(sheet.table.name, heading, under, draw_bars(drawn, heading), over)


def _by_size(row: Row, sheet: Sheet) -> tuple[int, float]:
    number = row.estimates[sheet.lead.name]
    return _LAST.index(row.code) + 1 if row.code in _LAST else 0, -(number.value if number else 0.0)


def _share(row: Row, phrases: Phrases) -> Bar:
    part, quiet = row.share, row.code == "unknown"
    if part is None:
        return Bar(row.label, phrases.hidden, quiet=quiet)
    return Bar(row.label, phrases.words.writer.percent(part), part.value, part.low, part.high, quiet)


def _count(row: Row, sheet: Sheet, phrases: Phrases) -> Bar:
    return _number(row.label, row.estimates[sheet.lead.name], phrases, quiet=row.code == "unknown")


def _number(label: str, number: Estimate | None, phrases: Phrases, *, quiet: bool = False) -> Bar:
    if number is None:
        return Bar(label, phrases.hidden, quiet=quiet)
    return Bar(label, phrases.words.writer.count(number), number.value, number.low, number.high, quiet)


def _crossed(sheet: Sheet, phrases: Phrases) -> Picture | None:
    """Return one panel a value of the second dimension that has cells to show; labels without any are told in words."""
    second = sheet.table.dimensions[1]
    columns = [
        (fr if phrases.language == "fr" else en, sheet.rows(phrases.language, 0, code))
        for code, fr, en in second.values
        if code != "unknown"
    ]
    lead = sheet.lead.name
    columns = [(label, rows) for label, rows in columns if any(r.estimates[lead] for r in rows)]
    shown = {r.code for _, rows in columns for r in rows if r.estimates[lead]}
    if not columns:
        return None
    panels = [(label, [_count(r, sheet, phrases) for r in rows if r.code in shown]) for label, rows in columns]
    words = " × ".join(title(d, phrases.language).lower() for d in sheet.table.dimensions)
    heading = phrases.say("chart_by", title=title(sheet.table, phrases.language), by=words)
    under = phrases.say("chart_count", measure=title(sheet.lead, phrases.language))
    if missing := [r.label for r in columns[0][1] if r.code not in shown]:
        under += f". {phrases.say('chart_hidden', names=', '.join(missing))}"
    name = f"{sheet.table.name}-{second.name}"
    return Picture(name, heading, under, draw_panels(panels, heading), phrases.words.quarter(sheet.period))


def _quarters(held: Held, phrases: Phrases) -> Picture | None:
    came = [(p, i.sheets["provenance"]) for p, i in sorted(held.own.items()) if "provenance" in i.sheets]
    came = [(p, s) for p, s in came if Period.parse(p).kind == "quarter"][-6:]
    if len(came) < 2 or not any(s.people for _, s in came):
        return None
    drawn: list[Bar] = []
    for period, sheet in came:
        months, years = phrases.words.quarter(period).split(" (")
        drawn.append(_number(f"{months}|{years.rstrip(')')}", sheet.people, phrases))
    heading = plain(phrases.words.say("trend_people"))
    under = phrases.say("chart_count", measure=title(came[-1][1].lead, phrases.language))
    return Picture(phrases.say("file_quarters"), heading, under, draw_quarters(drawn, heading))


def write_pictures(held: Held, phrases: Phrases, folder: Path) -> list[Path]:
    """Write every chart as SVG and PNG and return their paths."""
    folder.mkdir(parents=True)
    paths: list[Path] = []
    for picture in pictures(held, phrases):
        whose = " — ".join(filter(None, [held.name, picture.over]))
        svg = alone(picture, phrases.say("chart_source", source=whose))
        vector, pixels = (folder / f"{picture.name}.{form}" for form in ("svg", "png"))
        vector.write_text(svg, "utf-8")
        pixels.write_bytes(vl_convert.svg_to_png(svg, scale=_SCALE))
        paths += [vector, pixels]
    return paths


def alone(picture: Picture, source: str) -> str:
    """Return an SVG that stands by itself: name spaces, a size, a white ground, its title above and its source below."""
    found = re.search(r'<svg[^>]*viewBox="0 0 (\S+) (\S+)"[^>]*>', picture.drawing)
    if found is None:  # every drawing has one
        raise AssertionError(picture.name)
    wide, high = float(found[1]), float(found[2])
    width = max(wide, _LEAST) + 2 * _EDGE
    heading, under, foot = (
        textwrap.wrap(text, int((width - 2 * _EDGE) / glyph))
        for text, glyph in ((picture.title, 9.6), (picture.under, 6.3), (source, 5.5))
    )
    y, parts = float(_EDGE), list[str]()
    for lines, size, weight, colour in ((heading, 19, 700, INK), (under, 13, 400, "#5b6b75")):
        text, y = _lines(lines, y, size, weight, colour)
        parts.append(text)
    y += 14
    inner = f'<svg x="{_EDGE}" y="{y:.0f}" width="{wide:.0f}" height="{high:.0f}" viewBox="0 0 {found[1]} {found[2]}">'
    parts.append(picture.drawing.replace(found[0], inner, 1))
    text, y = _lines(foot, y + high + 12, 11.5, 400, "#5b6b75")
    height = y + _EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(picture.title)}">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}{text}</svg>\n'
    )


def _lines(lines: Sequence[str], y: float, size: float, weight: int, colour: str) -> tuple[str, float]:
    """Return lines of text below `y`, and where the next may begin."""
    text = ""
    for line in lines:
        y += size * 1.25
        text += (
            f'<text x="{_EDGE}" y="{y:.1f}" font-family="{_FONT}" font-size="{size}" font-weight="{weight}" '
            f'fill="{colour}">{escape(line)}</text>'
        )
    return text, y + 4
