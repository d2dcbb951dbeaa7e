"""One table of a release as a piece of a page: drawings, figures, notes, and the cross table where there are two dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from warehouse.reports.cells import Row, Sheet, title
from warehouse.reports.charts import Bar, draw_bars, draw_panels, themed
from warehouse.reports.figures import Estimate
from warehouse.reports.words import Words

_LONG = 20  # codes; above, a dimension is drawn and listed by size
_DRAWN = 15
_LAST = ("unknown", "etranger", "autre", "pluri_autre")  # kept at the end or drawn paler
_SECOND = ("price_band", "group_size")  # told nowhere else; the other second dimensions have a question of their own
Populations = Mapping[str, int]  # inhabitants by code of the first dimension


@dataclass(frozen=True, slots=True)
class Grid:
    """An HTML table: heads, then (label, cells) lines; a cell is text, or None where not publishable."""

    heads: tuple[str, ...]
    lines: tuple[tuple[str, tuple[str | None, ...]], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing and the table that says the same; `first`: what the table's lines are."""

    title: str
    first: str
    drawing: Markup
    grid: Grid


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the policy on the page. `panels`, `full`: what is folded away under `full_title`."""

    anchor: str
    title: str
    first: str
    figures: tuple[Figure, ...]
    panels: Markup | None
    full: Grid | None
    full_title: str
    notes: tuple[Markup, ...]
    missing: Markup | None


def section(
    sheet: Sheet, words: Words, *, crossed: bool = True, populations: Populations | None = None, dimension: int = 0
) -> Section:
    """Return the piece of page that tells one table of one release, with its second dimension if `crossed`.

    `populations` adds the people for 1,000 inhabitants. `dimension` 1 tells that one first.
    """
    own = sheet.table.dimensions[dimension]
    first = title(own, words.language)
    name = first if dimension else title(sheet.table, words.language)
    rows = [] if not sheet.additive else sheet.rows(words.language, dimension)
    long = len(rows) > _LONG
    hidden = [r.label for r in rows if r.estimates[sheet.lead.name] is None] if long else []
    if long:
        rows = sorted((r for r in rows if r.estimates[sheet.lead.name]), key=lambda r: _by_size(r, sheet))
    two = len(sheet.table.dimensions) == 2 and (crossed or not sheet.additive)
    short = rows[:_DRAWN] if long else rows
    figures = [_figure(sheet, short, words, name, first, populations)]
    if two and sheet.additive and dimension == 0 and sheet.table.dimensions[1].name in _SECOND:
        second = title(sheet.table.dimensions[1], words.language)
        figures.append(_figure(sheet, sheet.rows(words.language, 1), words, second, second, None))
    panels = _panels(sheet, words, name) if two and sheet.cells else None
    return Section(
        f"{sheet.table.names[dimension] if dimension else sheet.table.name}-{sheet.period}",
        name,
        first,
        tuple(f for f in figures if f),
        themed(panels) if panels else None,
        *_full(sheet, rows, words, populations, two=two, long=long),
        tuple(_notes(sheet, words)),
        words.say("hidden_list", names=", ".join(hidden)) if hidden and sheet.cells else None,
    )


def _figure(
    sheet: Sheet, rows: Sequence[Row], words: Words, name: str, first: str, populations: Populations | None
) -> Figure | None:
    """Return the drawing of some rows beside their table; None where none is publishable."""
    if not any(r.estimates[sheet.lead.name] for r in rows):
        return None
    bar = _bar if sheet.total else _count_bar
    svg = draw_bars([bar(r, sheet, words) for r in rows], name)
    return Figure(name, first, themed(svg), _grid(sheet, rows, words, populations))


def _by_size(row: Row, sheet: Sheet) -> tuple[bool, float]:
    number = row.estimates[sheet.lead.name]
    return row.code in _LAST, -(number.value if number else 0.0)


def _full(
    sheet: Sheet, rows: Sequence[Row], words: Words, populations: Populations | None, *, two: bool, long: bool
) -> tuple[Grid | None, str]:
    """Return what is folded away under its title: the cross table, or the rest of a long list."""
    if two and sheet.cells:
        return _cross(sheet, words), words.say("full_cross", measure=title(sheet.lead, words.language))
    if long and len(rows) > _DRAWN:
        return _grid(sheet, rows[_DRAWN:], words, populations), words.say("full_list", rest=len(rows) - _DRAWN)
    return None, ""


def share_bar(label: str, part: Estimate | None, words: Words, *, quiet: bool = False) -> Bar:
    """Return the bar of a share, or the words for "not publishable"."""
    if part is None:
        return Bar(label, words.say("not_published"), quiet=quiet)
    return Bar(label, words.writer.percent(part), part.value, part.low, part.high, quiet)


def count_bar(label: str, number: Estimate | None, words: Words, *, quiet: bool = False) -> Bar:
    """Return the bar of a number, or the words for "not publishable"."""
    if number is None:
        return Bar(label, words.say("not_published"), quiet=quiet)
    return Bar(label, words.writer.count(number), number.value, number.low, number.high, quiet)


def _bar(row: Row, _: Sheet, words: Words) -> Bar:
    return share_bar(row.label, row.share, words, quiet=row.code == "unknown")


def _count_bar(row: Row, sheet: Sheet, words: Words) -> Bar:
    return count_bar(row.label, row.estimates[sheet.lead.name], words, quiet=row.code == "unknown")


def rate(number: Estimate | None, inhabitants: int | None) -> Estimate | None:
    """Return people for 1,000 inhabitants: the census is exact beside the noise."""
    if number is None or not inhabitants:
        return None
    return Estimate(1000 * number.value / inhabitants, 1000 * number.se / inhabitants)


def _grid(sheet: Sheet, rows: Sequence[Row], words: Words, populations: Populations | None) -> Grid:
    heads = tuple(title(m, words.language) for m in sheet.measures)
    lines = [(r.label, tuple(_count(r.estimates[m.name], words) for m in sheet.measures)) for r in rows]
    if sheet.total:
        heads = (words.say("share"), *heads)
        lines = [(label, (_percent(r.share, words), *cells)) for r, (label, cells) in zip(rows, lines, strict=True)]
    if populations:
        heads = (*heads, words.say("per_thousand"))
        lines = [
            (label, (*cells, _rate(r, sheet, words, populations)))
            for r, (label, cells) in zip(rows, lines, strict=True)
        ]
    return Grid(heads, tuple(lines))


def _rate(row: Row, sheet: Sheet, words: Words, populations: Populations) -> str | None:
    if not populations.get(row.code):  # abroad; or a ring where nobody lives: around Paris, its département
        return words.say("no_rate")
    found = rate(row.estimates[sheet.lead.name], populations[row.code])
    return words.writer.rate(found) if found else None


def _panels(sheet: Sheet, words: Words, name: str) -> str | None:
    """Draw one panel a value of the second dimension that has cells to show: numbers, as shares would hide gaps."""
    second = sheet.table.dimensions[1]
    panels: list[tuple[str, list[Bar]]] = []
    for code, fr, en in second.values:
        rows = sheet.rows(words.language, 0, code)
        if code != "unknown" and any(r.estimates[sheet.lead.name] for r in rows):
            heading = fr if words.language == "fr" else en
            panels.append((heading, [_count_bar(r, sheet, words) for r in rows]))
    return draw_panels(panels, f"{name} : {title(second, words.language)}") if panels else None


def _cross(sheet: Sheet, words: Words) -> Grid:
    first, second = sheet.table.dimensions
    index = 1 if words.language == "fr" else 2
    lines = [
        (row[index], tuple(_cell(sheet, (row[0], column), words) for column in second.codes)) for row in first.values
    ]
    return Grid(tuple(value[index] for value in second.values), tuple(lines))


def _cell(sheet: Sheet, codes: tuple[str, ...], words: Words) -> str | None:
    cell = sheet.cells.get(codes)
    return words.writer.count(cell[sheet.lead.name]) if cell else None


def _notes(sheet: Sheet, words: Words) -> list[Markup]:
    if not sheet.cells:
        return [words.say("no_cell")]
    notes: list[Markup] = []
    if not sheet.additive:
        notes.append(words.say("kinds_note"))
    if sheet.table.max_cells > 1:
        most = {"full": sheet.table.full_cells, "most": sheet.table.max_cells}
        notes.append(words.say("cells_note", **most))
    if sheet.table.unit == "person" and len(sheet.measures) > 1:
        caps = (f"{title(m, words.language).lower()} {m.clip}" for m in sheet.measures[1:])
        notes.append(words.say("caps_note", caps=", ".join(caps)))
    if sheet.table.leaves_out:
        notes.append(words.say("_".join(("without", *sheet.table.leaves_out))))
    if sheet.additive and not sheet.levels:
        notes.append(words.say("old_note"))
    if sheet.hidden:
        notes.append(_hidden(sheet, words))
    return notes


def _hidden(sheet: Sheet, words: Words) -> Markup:
    text = words.say("hidden_note", hidden=sheet.hidden, size=sheet.table.size)
    if not (rest := sheet.unshown):
        return text
    measure = title(sheet.lead, words.language).lower()
    what = measure if sheet.people else words.say("in_each", measure=measure)
    return text + Markup(" ") + words.say("unshown_note", what=what, rest=words.writer.count(rest))


def _percent(part: Estimate | None, words: Words) -> str | None:
    return words.writer.percent(part) if part else None


def _count(number: Estimate | None, words: Words) -> str | None:
    return words.writer.count(number) if number else None
