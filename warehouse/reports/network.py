"""The network's page: who is a member, genres and territories, shares side by side, how far all is publishable; the method's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from privacy.declarations import Table
from privacy.policy import Policy
from warehouse.charter import Floor
from warehouse.overlap.sentences import Teller
from warehouse.reports.cells import Sheet, title
from warehouse.reports.charts import draw_panels, themed
from warehouse.reports.crossings import Crossed, said
from warehouse.reports.issues import Issue, Venue
from warehouse.reports.sections import Figure, Grid, share_bar
from warehouse.reports.words import Words

_COMPARED = ("provenance", "loyalty")
_DRAWN = 12  # venues; with more, the figures alone


def network_page(
    words: Words,
    venues: Mapping[str, Venue],
    issues: Sequence[Issue],
    latest: Sequence[Issue],
    floor: Floor | None,
    tables: Sequence[Table],
    crossed: Crossed | None,
) -> dict[str, Any]:
    """Return what the template of the network's page needs. `latest`: releases of one period, with their sheets."""
    period = words.quarter(latest[0].period) if latest else ""
    promise: list[Markup] = []
    if floor and (loss := floor.losses.get("person")):
        promise = [words.say("promise_network", k=floor.k, **words.loss(*loss)), words.say("promise_several")]
    compared = [c for name in _COMPARED if (c := _comparison(name, latest, venues, words))]
    reach: list[Markup] = []
    if crossed:
        people = Teller(words.language).people(crossed.reach)
        text = words.say("network_reach", period=words.quarter(crossed.period), people=people)
        reach = [said("reach", text)]
    return {
        "template": "network.html",
        "title": words.say("network_title"),
        "heading": words.say("network_title"),
        "under": "",
        "members": [_member(words, v, [i for i in issues if i.venue == v.id]) for v in venues.values()],
        "said": reach,
        "period": period,
        "coverage": _coverage(words, latest, venues, tables) if latest else None,
        "compared": compared,
        "promise": promise,
    }


def method_page(words: Words, policy: Policy, floor: Floor | None) -> dict[str, Any]:
    """Return what the template of the page of the method needs."""
    promise: list[Markup] = []
    if floor and (loss := floor.losses.get("person")):
        promise = [words.say("promise_network", k=floor.k, **words.loss(*loss)), words.say("promise_several")]
    return {
        "template": "method.html",
        "title": words.say("method_title"),
        "heading": words.say("method_title"),
        "under": "",
        "policy": policy.name,
        "tables": [title(t, words.language) for t in policy.tables],
        "promise": promise,
    }


def _member(words: Words, venue: Venue, issues: Sequence[Issue]) -> dict[str, Any]:
    kinds = ("season", "quarter")
    last = [max(own, key=lambda i: i.end).period for kind in kinds if (own := [i for i in issues if i.kind == kind])]
    return {
        "id": venue.id,
        "name": venue.name,
        "kind": words.kind(venue.kind),
        "since": words.day(venue.since),
        "last": ", ".join(words.quarter(period) for period in last) or words.say("member_none"),
    }


def _coverage(words: Words, issues: Sequence[Issue], venues: Mapping[str, Venue], tables: Sequence[Table]) -> Grid:
    """Return how much of each table each venue could publish, a line a venue: there may be many."""

    def cell(sheet: Sheet | None) -> str:
        if sheet is None:
            return words.say("not_sent")
        return words.writer.number(100 * len(sheet.cells) / sheet.table.size) + words.writer.percent_sign

    sent = [t for t in tables if any(t.name in i.sheets for i in issues)]
    lines = [
        (venues[i.venue].name, tuple(cell(i.sheets.get(t.name)) for t in sent)) for i in issues if i.venue in venues
    ]
    return Grid(tuple(title(t, words.language) for t in sent), tuple(lines))


def _comparison(name: str, issues: Sequence[Issue], venues: Mapping[str, Venue], words: Words) -> Figure | None:
    """Return the shares of one table's first dimension side by side, a panel a code; None below two venues."""
    given = [(venues[i.venue].name, i.sheets[name]) for i in issues if i.venue in venues and name in i.sheets]
    if len(given) < 2:
        return None
    lines = zip(*(sheet.rows(words.language) for _, sheet in given), strict=True)
    shares = [
        (line[0].label, [r.share for r in line])
        for line in lines
        if line[0].code != "unknown" and any(r.share for r in line)
    ]
    drawn = [
        (label, [share_bar(venue, part, words) for (venue, _), part in zip(given, parts, strict=True)])
        for label, parts in shares
    ]
    table = given[0][1].table
    heading = title(table, words.language)
    svg = draw_panels(drawn, heading) if len(given) <= _DRAWN and drawn else None
    figures = [(label, tuple(words.writer.percent(p) if p else None for p in parts)) for label, parts in shares]
    drawing = themed(svg) if svg else Markup()
    first = title(table.dimensions[0], words.language)
    return Figure(heading, first, drawing, Grid(tuple(venue for venue, _ in given), tuple(figures)))
