"""Make the pages: of the network, its venues, genres and territories, in French and English, swapped in when all are written.

    reports/fr/index.html  <venue>.html  crossings.html  explore.html  method.html  genres/<code>.html  places/<code>.html
    reports/en/…           the same
    reports/members/<id>/  the pages of a member, who may see less

Each page holds everything it needs: style and drawings inside, nothing fetched, and but for `explore` no script. It names the snapshot of the
lake that it was made from, and nothing on it is from elsewhere or of today: made again from that snapshot, it is the same. A
member's pages name the day too, whose rules of sharing they obey: those of today, whatever the snapshot's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from privacy.policy import Policy
from warehouse.charter import Floor, Governance, Member
from warehouse.folders import swap
from warehouse.governance import Hub, governance, read
from warehouse.holdings import hold_rules
from warehouse.lake import Snapshot, current, open_lake
from warehouse.reports.crossings import Crossed, crossing_page, sketches_of
from warehouse.reports.drawings import kept
from warehouse.reports.explore import write_explore
from warehouse.reports.filling import pages
from warehouse.reports.issues import (
    Issue,
    Scope,
    Venue,
    compared_period,
    filled,
    read_floor,
    read_issues,
    read_venues,
    scope_of,
)  # fmt: skip
from warehouse.reports.network import method_page, network_page
from warehouse.reports.peers import Sheets, compare, peers
from warehouse.reports.places import genre_page, genres, place_label, place_page
from warehouse.reports.venue import Around, inhabitants, venue_page
from warehouse.reports.words import Words
from warehouse.sharing import access
from warehouse.targeting.likeness import alike
from warehouse.targeting.segments import word
from warehouse.targeting.sight import Sight
from warehouse.targeting.suggestions import suggest
from warehouse.targeting.timing import best

LANGUAGES = ("fr", "en")
_TREND = ("loyalty", "provenance", "referrers")  # the tables that quarters are read for
_AT_ONCE = 20  # venues whose releases are in memory together
_ALIKE = 5
Page = tuple[str, dict[str, dict[str, Any]]]  # path without .html; language → what its template needs


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages are made from. `latest`: the releases of the period that venues are compared on, with their sheets."""

    policy: Policy
    scope: Scope
    snapshot: Snapshot
    day: date | None
    members: Mapping[str, Member]
    venues: Mapping[str, Venue]
    floor: Floor | None
    issues: Sequence[Issue]
    latest: Sequence[Issue]
    crossed: Crossed | None

    @property
    def sheets(self) -> Sheets:
        """Venue → table → sheet, of the compared period."""
        return {i.venue: i.sheets for i in self.latest}


def build_reports(
    hub: Hub, *, snapshot: int | None = None, member: str | None = None, today: date | None = None
) -> list[Path]:
    """Write every page anew and return their paths; the old pages stay until all the new ones are there.

    They are of the lake as it is, or as it was at a `snapshot`; all that the hub holds, or what a `member` may see `today`.
    """
    if snapshot is None:
        with open_lake(hub) as lake:
            hold_rules(lake, governance(hub))
            snapshot = current(lake).id
    scope = scope_of(governance(hub), member, today or date.today()) if member else Scope()  # noqa: DTZ011 (a day of the rules)
    target = hub.reports / "members" / member if member else hub.reports
    making = target.with_name(f".{target.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    drawings = kept(hub.drawings, renew=member is None)
    with drawings, open_lake(hub, snapshot=snapshot) as lake:  # whatever other processes add meanwhile
        site = _read(lake, hub.policy, scope, today or date.today())  # noqa: DTZ011
        for path, page in _pages(lake, site):
            for language, content in page.items():
                _write(making, path, language, content, site)
        seen = access(governance(hub), member, today or date.today()) if member else None  # noqa: DTZ011
        write_explore(making, lake, hub.policy, seen=seen)
    for other in () if member else governance(hub).venues:
        apart = hub.reports / "members" / other  # made by a command of their own; of those who left, gone
        if apart.exists():
            shutil.copytree(apart, making / "members" / other)
    target.parent.mkdir(parents=True, exist_ok=True)
    swap(making, target)
    return sorted(p for language in LANGUAGES for p in (target / language).rglob("*.html"))


def _read(lake: duckdb.DuckDBPyConnection, policy: Policy, scope: Scope, today: date) -> Site:
    agreed = _agreed(lake, policy)
    venues, known = read_venues(lake), read_issues(lake)
    if scope.member:  # of releases, those alone that show them something
        known = [i for i in known if any(scope.shows(i, t.name) for t in policy.tables)]
    own = [i for i in known if scope.member in (None, i.venue)]
    period = compared_period(own)
    latest = filled(lake, policy, [i for i in known if i.period == period], scope)
    crossed = sketches_of(lake, policy, read_issues(lake), scope, venues)
    day = today if scope.member else None
    members = agreed.venues if agreed else {}
    return Site(policy, scope, current(lake), day, members, venues, read_floor(lake), known, latest, crossed)


def _agreed(lake: duckdb.DuckDBPyConnection, policy: Policy) -> Governance | None:
    """Return the rules that the lake holds: those of its snapshot."""
    row = lake.execute("select text from governance order by since desc, digest limit 1").fetchone()
    return read(row[0], policy) if row else None


def _pages(lake: duckdb.DuckDBPyConnection, site: Site) -> Iterator[Page]:
    """Yield every page; venues in batches, so that however many there are, few are in memory."""
    each = {language: Words(language) for language in LANGUAGES}
    tables, sheets = site.policy.tables, site.sheets
    period = site.latest[0].period if site.latest else ""
    everyone = list(site.venues)
    for ids in (everyone[i : i + _AT_ONCE] for i in range(0, len(everyone), _AT_ONCE)):
        held = _held(lake, site, ids)
        for venue in ids:
            around = _around(site, venue)
            mine = [i for i in held if i.venue == venue]
            yield venue, {x: venue_page(w, site.venues[venue], mine, around) for x, w in each.items()}
    for code in genres(sheets, tables):
        yield f"genres/{code}", {x: genre_page(w, code, period, sheets, site.venues, tables) for x, w in each.items()}
    departements = sorted({v.departement for v in site.venues.values()})
    for code in departements:
        yield (
            f"places/{code}",
            {
                x: place_page(w, code, place_label(tables, code, x), period, sheets, site.venues)
                if period
                else _empty(w, code)
                for x, w in each.items()
            },
        )
    yield "crossings", {x: crossing_page(w, site.crossed) for x, w in each.items()}
    yield "method", {x: method_page(w, site.policy, site.floor) for x, w in each.items()}
    yield (
        "index",
        {
            x: network_page(w, site.venues, site.issues, site.latest, site.floor, tables, site.crossed)
            | {"genres": [(c, _genre(site, c, x)) for c in genres(sheets, tables)]}
            | {"places": [(c, place_label(tables, c, x)) for c in departements]}
            for x, w in each.items()
        },
    )


def _empty(words: Words, code: str) -> dict[str, Any]:
    """Return the page of a territory where nothing is published yet."""
    return {"template": "place.html", "title": code, "heading": code, "under": words.say("place_under"), "intro": "",
            "said": [], "figure": None, "beside": [], "members": []}  # fmt: skip


def _genre(site: Site, code: str, language: str) -> str:
    return word(site.policy.table("family").dimensions[0], code, language)


def _held(lake: duckdb.DuckDBPyConnection, site: Site, venues: Sequence[str]) -> list[Issue]:
    """Return some venues' releases with the sheets their pages tell: of the last season and quarter all, of others a few."""
    whole: list[Issue] = []
    trend: list[Issue] = []
    for venue in venues:
        own = sorted((i for i in site.issues if i.venue == venue), key=lambda i: i.end)
        seasons, quarters = ([i for i in own if i.kind == kind] for kind in ("season", "quarter"))
        last = seasons[-1:] or quarters[-1:]
        whole += last
        trend += [q for q in quarters if q not in last]
    found = filled(lake, site.policy, whole, site.scope)
    return [*found, *filled(lake, site.policy, trend, site.scope, _TREND)]


def _around(site: Site, venue: str) -> Around:
    """Return what others tell about a venue; a member's pages say where to look next of that member alone."""
    commune = inhabitants(site.venues[venue].commune)
    sheets = site.sheets
    if not sheets.get(venue) or venue not in site.members or site.scope.member not in (None, venue):
        return Around(crossed=site.crossed if site.scope.member in (None, venue) else None, inhabitants=commune)
    period = site.latest[0].period
    persons = {
        v: {n: s for n, s in t.items() if s.table.unit == "person"} for v, t in sheets.items() if v in site.members
    }
    sight = Sight(venue, site.members, site.policy, {period: persons})
    alone = len(persons) < 2 or not persons[venue]
    return Around(
        period,
        tuple(site.venues[v].name for v in peers(persons, venue)),
        compare(persons, venue, site.policy.tables),
        [] if alone else suggest(sight, period),
        [] if alone else [b for d in ("anticipation", "channel") if (b := best(sight, d, period))],
        [] if alone else alike(sight, period)[:_ALIKE],
        site.crossed,
        not alone,
        commune,
    )


def _write(making: Path, path: str, language: str, content: dict[str, Any], site: Site) -> None:
    words = Words(language)
    other = Words(next(x for x in LANGUAGES if x != language))
    of = site.snapshot
    made = words.say("made_from", id=of.id, date=words.day(of.at), time=f"{of.at:%H:%M:%S}")
    for_whom = ""
    if site.scope.member and site.day:
        name = site.venues[site.scope.member].name if site.scope.member in site.venues else site.scope.member
        for_whom = words.say("for_member", name=name, day=words.day(site.day))
    target = making / language / f"{path}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    values = {"words": words, "other": other, "page": path, "root": "../" * path.count("/"), "made": made}
    text = (
        pages("warehouse.reports").get_template(content["template"]).render(values | content | {"for_whom": for_whom})
    )
    target.write_text(text, "utf-8")
