"""Venues together: who shares whose audience, how often people go out, what several venues reach.

From the noisy sketches that may be shown, of one period and one key. With many venues, those of the largest audiences are
crossed: each pair costs time, and the smallest overlaps are within the noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import duckdb
from markupsafe import Markup

from privacy.policy import Policy
from warehouse.overlap.estimates import Estimate, audience, union
from warehouse.overlap.held import read_sketches
from warehouse.overlap.planning import Placement, plan_reach
from warehouse.overlap.sentences import Row, Teller, estimate
from warehouse.overlap.tables import attendances, crossing_share, crossings, partners
from warehouse.overlap.vectors import Vector
from warehouse.reports.charts import Bar, draw_bars, themed
from warehouse.reports.issues import Issue, Scope, Venue, compared_period
from warehouse.reports.plans import Plan, plan_grid, plans_of
from warehouse.reports.sections import Figure, Grid
from warehouse.reports.words import Words

_MOST = 12  # venues crossed with each other


@dataclass(slots=True)
class Crossed:
    """Sketches to compare, the largest audience first; `without`: venues of the period whose sketch cannot be.

    `campaign`: the plan of all that are crossed, for everyone; `plans`: those of the parts.
    """

    period: str
    vectors: Sequence[Vector]
    without: tuple[str, ...]
    venues: Mapping[str, Venue]
    reach: Estimate
    campaign: Sequence[Placement]
    plans: Sequence[Plan]
    _pairs: dict[tuple[str, str], Row] = field(default_factory=dict[tuple[str, str], Row])

    def name(self, venue: str) -> str:
        """Return what a venue is called."""
        return self.venues[venue].name if venue in self.venues else venue

    @property
    def largest(self) -> Sequence[Vector]:
        """Those that are crossed with each other."""
        return self.vectors[:_MOST]

    def pair(self, one: Vector, other: Vector) -> Row:
        """Return the row of `tables.crossings` of two venues, `one` as `a`; estimated once."""
        if (one.venue, other.venue) not in self._pairs:
            row: dict[str, Any] = crossings([one, other], self.reach).row(0, named=True)
            ends = ("", "_se", "_low", "_high")
            turned: dict[str, Any] = {"a": other.venue, "b": one.venue}
            turned |= {f"share_a{end}": row[f"share_b{end}"] for end in ends}
            turned |= {f"share_b{end}": row[f"share_a{end}"] for end in ends}
            self._pairs[one.venue, other.venue] = row
            self._pairs[other.venue, one.venue] = row | turned
        return self._pairs[one.venue, other.venue]


def sketches_of(
    lake: duckdb.DuckDBPyConnection, policy: Policy, issues: Sequence[Issue], scope: Scope, venues: Mapping[str, Venue]
) -> Crossed | None:
    """Return what can be crossed of what may be shown; a member's own sketch must be among it. None below two venues."""
    held = {r for (r,) in lake.execute("select distinct release_id from sketches where part = 'all'").fetchall()}
    seen = [i for i in issues if i.release_id in held and any(scope.shows(i, s.name) for s in policy.sketches)]
    period = compared_period([i for i in seen if scope.member in (None, i.venue)])
    wanted = [i for i in seen if i.period == period]
    found = read_sketches(lake, [i.release_id for i in wanted], "all") if wanted else []
    keys = [v.key for v in found if scope.member in (None, v.venue)]
    if not keys or period is None:
        return None
    key = max(sorted(set(keys)), key=keys.count)
    alike = sorted((v for v in found if v.key == key), key=lambda v: (-audience(v).value, v.venue))
    if len(alike) < 2:
        return None
    without = tuple(sorted({v.venue for v in found} - {v.venue for v in alike}))
    largest = alike[:_MOST]
    names = {v.venue for v in largest}
    plans = plans_of(lake, policy.sketches, [i.release_id for i in wanted if i.venue in names], largest)
    return Crossed(period, alike, without, venues, union(alike), plan_reach(largest, _MOST), plans)


def crossing_page(words: Words, crossed: Crossed | None) -> dict[str, Any]:
    """Return what the template of the page of crossings needs."""
    page: dict[str, Any] = {
        "template": "crossings.html",
        "title": words.say("crossings_title"),
        "heading": words.say("crossings_title"),
        "under": "",
        "crossed": None,
    }
    if crossed is None:
        return page
    teller = Teller(words.language)
    return page | {
        "crossed": crossed,
        "period": words.quarter(crossed.period),
        "venues_in": len(crossed.vectors),
        "reach": said("reach", teller.people(crossed.reach)),
        "matrix": _matrix(crossed, teller),
        "attendance": _attendance(words, crossed, teller),
        "curve": _curve(words, crossed, teller),
        "plans": plan_grid(crossed.plans, words, {v: crossed.name(v) for v in crossed.venues}),
        "kinds": _kinds(words, crossed, teller),
        "without": ", ".join(crossed.name(v) for v in crossed.without),
    }


def shared_audience(words: Words, crossed: Crossed | None, venue: str) -> dict[str, Any] | None:
    """Return the table and sentences of who shares a venue's audience; None where it has no sketch to compare."""
    own = next((v for v in crossed.vectors if v.venue == venue), None) if crossed else None
    if crossed is None or own is None:
        return None
    teller = Teller(words.language)
    others = [v for v in crossed.largest if v.venue != venue]
    brings = {row["partner"]: row for row in partners([own], others).iter_rows(named=True)}
    rows = sorted((crossed.pair(own, v) for v in others), key=lambda r: -float(r["people"]))
    heads = tuple(words.say(key) for key in ("in_common", "of_ours", "of_theirs", "new_to_us"))
    lines = [
        (crossed.name(str(r["b"])), (*_cells(r, teller, words), teller.short(estimate(brings[str(r["b"])], "new"))))
        for r in rows
    ]
    told = [r for r in rows if r["tells"]]
    sentences = [
        said("crossing", teller.crossing(r, brings[str(r["b"])], crossed.name(str(r["b"]))), str(r["b"]))
        for r in told[:3]
    ]
    return {
        "said": sentences or [words.tell("s_crossing_none")],
        "size": said("audience", teller.people(audience(own))),
        "grid": Grid(heads, tuple(lines)),
        "period": words.quarter(crossed.period),
    }


def said(key: str, text: str, of: str = "") -> Markup:
    """Mark a sentence of another module with its key, and whom it is of."""
    return Markup('<span data-says="{}" data-of="{}">{}</span>').format(key, of, text)


def _cells(row: Row, teller: Teller, words: Words) -> tuple[str, ...]:
    common = estimate(row, "people")
    shares = [estimate(row, name) for name in ("share_a", "share_b")]
    none = words.say("in_the_noise")
    return teller.short(common), *(teller.percent(s) if common.tells else none for s in shares)


def _matrix(crossed: Crossed, teller: Teller) -> Grid:
    """Return the table of venues by venues: people in common and the share of the line's venue; its diagonal all of it."""

    def cell(one: Vector, other: Vector) -> str:
        if one.venue == other.venue:
            return teller.short(audience(one))
        row = crossed.pair(one, other)
        common = estimate(row, "people")
        part = f" · {teller.percent(estimate(row, 'share_a'))}" if row["share_a_low"] >= 1 else ""
        return teller.short(common) + part

    names = tuple(crossed.name(v.venue) for v in crossed.largest)
    lines = [(name, tuple(cell(v, w) for w in crossed.largest)) for name, v in zip(names, crossed.largest, strict=True)]
    return Grid(names, tuple(lines))


def _bars(rows: Sequence[tuple[str, Estimate]], title: str, first: str, head: str, teller: Teller) -> Figure:
    bars = [
        Bar(label, teller.short(e), e.value if e.tells else 0.0, e.low, e.high) for label, e in rows
    ]  # what noise hides has a whisker and no bar
    grid = Grid((head,), tuple((label, (teller.people(e),)) for label, e in rows))
    return Figure(title, first, themed(draw_bars(bars, title)), grid)


def _attendance(words: Words, crossed: Crossed, teller: Teller) -> Figure:
    def label(often: str) -> str:
        text = words.say("n_one") if often == "1" else words.say("n_venues", n=often.rstrip("+"))
        return f"{text}{words.say('or_more')}" if often.endswith("+") else str(text)

    rows = [
        (label(row["venues"]), estimate(row, "people")) for row in attendances(crossed.vectors).iter_rows(named=True)
    ]
    return _bars(rows, words.say("attendance"), words.say("attendance_first"), words.say("people"), teller)


def _curve(words: Words, crossed: Crossed, teller: Teller) -> Figure:
    """Return the plan of a campaign at all of them: the venue that adds most comes first."""
    rows = [(("+ " if n else "") + crossed.name(step.venue), step.reach) for n, step in enumerate(crossed.campaign)]
    return _bars(rows, words.say("curve"), words.say("member_name"), words.say("people"), teller)


def _kinds(words: Words, crossed: Crossed, teller: Teller) -> list[Markup]:
    """Return the share of the audience of a kind of venue seen at another, over all such pairs, where it can be told."""
    pairs: dict[str, list[tuple[Vector, Vector]]] = {}
    for one, other in permutations(crossed.largest, 2):
        if one.venue in crossed.venues and other.venue in crossed.venues:
            of, at = (words.kind(crossed.venues[v.venue].kind) for v in (one, other))
            pairs.setdefault(f"{of} → {at}", []).append((one, other))
    rows = crossing_share(pairs).sort("name").iter_rows(named=True) if pairs else ()
    told = [
        said("kinds", f"{row['name']}{words.say('colon')}{teller.percent(estimate(row, 'share'))}", row["name"])
        for row in rows
        if row["tells"]
    ]
    return told or [words.tell("s_crossing_none")]
