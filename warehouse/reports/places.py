"""The page of a genre family and that of a territory: the same question of every venue, side by side, never added up.

Someone who goes to several venues is in the figures of each: a sum would count them twice, so there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from privacy.declarations import Dimension, Table
from warehouse.reports.cells import Row, Sheet, title
from warehouse.reports.charts import draw_bars, draw_panels, themed
from warehouse.reports.figures import Estimate
from warehouse.reports.issues import Venue
from warehouse.reports.peers import Sheets
from warehouse.reports.sections import Figure, Grid, count_bar, rate, share_bar
from warehouse.reports.venue import departements
from warehouse.reports.words import Words
from warehouse.targeting.segments import Segment, part_of, word

_DRAWN = 12  # venues; with more, the largest
_BESIDE = (("genre_from", "family", "provenance"), ("genre_lead", "anticipation", "anticipation"))
Shown = tuple[str, Row, float]  # venue's name, its row, and how many people there are at most where it is hidden


def genres(sheets: Sheets, tables: Sequence[Table]) -> list[str]:
    """Return the genres that some venue shows, in the policy's order."""
    table = next((t for t in tables if t.name == "family"), None)
    if table is None:
        return []
    shown = {c[0] for s in sheets.values() if "family" in s for c in s["family"].levels}
    return [c for c in table.dimensions[0].codes if c != "unknown" and c in shown]


def genre_page(
    words: Words, code: str, period: str, sheets: Sheets, venues: Mapping[str, Venue], tables: Sequence[Table]
) -> dict[str, Any]:
    """Return what the template of a genre's page needs."""
    family = next(t for t in tables if t.name == "family")
    label = word(family.dimensions[0], code, words.language)
    rows = _rows(sheets, "family", code, venues, words)
    beside = [_beside(words, key, name, of, code, sheets, venues) for key, name, of in _BESIDE]
    return {
        "template": "place.html",
        "title": label,
        "heading": label,
        "under": words.say("genre_under"),
        "intro": words.say("genre_intro", period=words.quarter(period)),
        "said": _most(rows, words),
        "figure": _figure(rows, words, words.say("genre_who"), words.say("attend_here")),
        "beside": [b for b in beside if b],
        "members": [],
    }


def place_page(
    words: Words, code: str, label: str, period: str, sheets: Sheets, venues: Mapping[str, Venue]
) -> dict[str, Any]:
    """Return what the template of a territory's page needs: a département that has members."""
    rows = _rows(sheets, "departement", code, venues, words)
    inhabited = departements().get(code)
    figure = _figure(rows, words, words.say("place_where"), words.say("share_here"), inhabited)
    return {
        "template": "place.html",
        "title": label,
        "heading": label,
        "under": words.say("place_under"),
        "intro": words.say("place_intro", period=words.quarter(period)),
        "said": _most(rows, words),
        "figure": figure,
        "beside": [],
        "members": [(v.id, v.name, words.kind(v.kind)) for v in venues.values() if v.departement == code],
        "inhabitants": words.say("place_inhabitants", n=words.writer.number(inhabited)) if inhabited else "",
    }


def place_label(tables: Sequence[Table], code: str, language: str) -> str:
    """Return the name of a département."""
    named: Dimension | None = next((t.dimensions[0] for t in tables if t.name == "departement"), None)
    return word(named, code, language) if named and code in named.codes else code


def _rows(sheets: Sheets, table: str, code: str, venues: Mapping[str, Venue], words: Words) -> list[Shown]:
    """Return the row of a code at every venue that has the table, those with most people first, hidden ones last."""
    found = [
        (
            venues[v].name,
            next(r for r in tables[table].rows(words.language) if r.code == code),
            tables[table].missing.high,
        )
        for v, tables in sheets.items()
        if v in venues and table in tables
    ]
    return sorted(found, key=lambda x: (x[1].estimates["people"] is None, -_people(x[1]), x[0]))


def _people(row: Row) -> float:
    number = row.estimates["people"]
    return number.value if number else 0.0


def _most(rows: Sequence[Shown], words: Words) -> list[Markup]:
    """Name the venue with most people only if its interval is above all others', and above all that others may hide."""
    shown = [(name, n) for name, row, _ in rows if (n := row.estimates["people"])]
    if len(rows) < 2 or not shown:
        return []
    (name, first), *others = sorted(shown, key=lambda x: -x[1].low)
    highest = [n.high for _, n in others] + [most for _, row, most in rows if row.estimates["people"] is None]
    if max(highest) >= first.low:
        return [words.tell("s_most_open")]
    return [words.tell("s_most_here", name=name, count=words.writer.count(first))]


def _figure(
    rows: Sequence[Shown], words: Words, name: str, share_head: str, inhabited: int | None = None
) -> Figure | None:
    if not any(row.estimates["people"] for _, row, _ in rows):
        return None
    bars = [count_bar(venue, row.estimates["people"], words) for venue, row, _ in rows[:_DRAWN]]
    heads = (words.say("people"), share_head, *([words.say("per_thousand")] if inhabited else []))

    def cells(row: Row) -> tuple[str | None, ...]:
        number = row.estimates["people"]
        per = rate(number, inhabited)
        told = words.writer.count(number) if number else None, words.writer.percent(row.share) if row.share else None
        return (*told, *([words.writer.rate(per) if per else None] if inhabited else []))

    grid = Grid(heads, tuple((venue, cells(row)) for venue, row, _ in rows))
    return Figure(name, words.say("member_name"), themed(draw_bars(bars, name)), grid)


def _beside(
    words: Words, key: str, table: str, dimension: str, code: str, sheets: Sheets, venues: Mapping[str, Venue]
) -> Figure | None:
    """Return the shares of a dimension within a genre, a panel a code, venue by venue; None where none is publishable."""
    given: list[tuple[str, Sheet]] = [
        (venues[v].name, tables[table]) for v, tables in sheets.items() if v in venues and table in tables
    ]
    if not given:
        return None
    of = given[0][1].table
    place = of.names.index(dimension)
    panels: list[tuple[str, list[Estimate | None]]] = []
    for value, fr, en in of.dimensions[place].values:
        parts = [part_of(sheet, Segment(of, place, value, code)) for _, sheet in given]
        if value != "unknown" and any(parts):
            panels.append((fr if words.language == "fr" else en, [p.share if p else None for p in parts]))
    if not panels:
        return None
    name = words.say(key)
    telling = [i for i in range(len(given)) if any(parts[i] for _, parts in panels)][:_DRAWN]
    drawn = [(label, [share_bar(given[i][0], parts[i], words) for i in telling]) for label, parts in panels]
    heads = tuple(given[i][0] for i in telling)
    lines = [
        (label, tuple(words.writer.percent(p) if (p := parts[i]) else None for i in telling)) for label, parts in panels
    ]
    return Figure(
        name, title(of.dimensions[place], words.language), themed(draw_panels(drawn, name)), Grid(heads, tuple(lines))
    )
